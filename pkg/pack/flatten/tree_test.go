package flatten

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// bytesLayer is a layer in memory.
type bytesLayer []byte

func (bytesLayer) Name() string { return "layer" }

func (l bytesLayer) Size() int64 { return int64(len(l)) }

func (l bytesLayer) Open(context.Context) (io.ReadCloser, error) {
	return io.NopCloser(bytes.NewReader(l)), nil
}

// archive makes a layer of lines, each an entry:
//
//	dir/          a directory
//	file=content  a regular file
//	name->target  a symbolic link
//	name=>target  a hard link
//
// A number of permissions may stand before the name, parted by a space.
func archive(t testing.TB, lines ...string) bytesLayer {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, line := range lines {
		h := &tar.Header{Typeflag: tar.TypeReg, Mode: 0o644, Format: tar.FormatPAX}
		if mode, rest, ok := strings.Cut(line, " "); ok {
			if _, err := fmt.Sscanf(mode, "%o", &h.Mode); err != nil {
				t.Fatal(err)
			}
			line = rest
		}
		content := ""
		switch {
		case strings.HasSuffix(line, "/"):
			h.Typeflag, h.Name = tar.TypeDir, line
		case strings.Contains(line, "->"):
			h.Typeflag = tar.TypeSymlink
			h.Name, h.Linkname, _ = strings.Cut(line, "->")
		case strings.Contains(line, "=>"):
			h.Typeflag = tar.TypeLink
			h.Name, h.Linkname, _ = strings.Cut(line, "=>")
		default:
			h.Name, content, _ = strings.Cut(line, "=")
			h.Size = int64(len(content))
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, content); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return bytesLayer(b.Bytes())
}

// show returns the tree as lines: path, type or content, and the other names
// of a file with several.
func show(t testing.TB, tree *Tree) []string {
	t.Helper()
	content := map[*Inode]string{}
	err := tree.Contents(t.Context(), func(ino *Inode, r io.Reader) error {
		data, err := io.ReadAll(r)
		if _, twice := content[ino]; twice || int64(len(data)) != ino.Size {
			t.Errorf("content of %d bytes comes twice, or has %d", ino.Size, len(data))
		}
		content[ino] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	first := map[*Inode]string{}
	err = tree.Walk(func(path string, n *Node) error {
		switch n.Inode.Kind {
		case Directory:
			path += "/"
		case Symlink:
			path += "->" + n.Inode.Target
		default:
			path += "=" + content[n.Inode]
		}
		if n.Inode.Kind != Directory && n.Inode.Nlink > 1 {
			if first[n.Inode] == "" {
				first[n.Inode] = n.Name
			}
			path += fmt.Sprintf(" (%d, %s)", n.Inode.Nlink, first[n.Inode])
		}
		lines = append(lines, path)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return lines
}

func words(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(s, "|")
}

// Each case is layers of entries, which | parts, and the tree that they make.
func TestFlatten(t *testing.T) {
	tests := []struct {
		name   string
		layers []string
		want   string
	}{
		{"nothing", nil, ""},
		{"parents are made", []string{"a/b/c=1"}, "a/|a/b/|a/b/c=1"},
		{"names are cleaned", []string{"./a=1|/b=2|c//d/./e=3|./"}, "a=1|b=2|c/|c/d/|c/d/e=3"},
		{"last of two", []string{"a=1|a=2"}, "a=2"},
		{"upper wins", []string{"a=1|b=1", "a=2"}, "a=2|b=1"},
		{"folder keeps content", []string{"a/|a/x=1", "a/|a/y=2"}, "a/|a/x=1|a/y=2"},
		{"file in place of folder", []string{"a/x=1", "a=2"}, "a=2"},
		{"folder in place of file", []string{"a=1", "a/|a/x=2"}, "a/|a/x=2"},
		{"folder to file and back", []string{"a/x=1", "a=2", "a/y=3"}, "a/|a/y=3"},
		{"within a layer", []string{"a=1|a/|a/b=2|a=3"}, "a=3"},

		{"whiteout", []string{"a=1|b=1", ".wh.a"}, "b=1"},
		{"whiteout of folder", []string{"a/b/c=1|d=1", ".wh.a"}, "d=1"},
		{"whiteout of nothing", []string{"a=1", ".wh.b|c/.wh.d"}, "a=1"},
		{"whiteout before", []string{"a=1", ".wh.a|a=2"}, "a=2"},
		{"whiteout after", []string{"a=1", "a=2|.wh.a"}, "a=2"},
		{"whiteout and folder before", []string{"a/x=1", ".wh.a|a/|a/y=2"}, "a/|a/y=2"},
		{"whiteout and folder after", []string{"a/x=1", "a/|a/y=2|.wh.a"}, "a/|a/y=2"},
		{"whiteout and implied folder", []string{"a/x=1", "a/y=2|.wh.a"}, "a/|a/y=2"},
		{"whiteout deep, and implied folder", []string{"a/b/c/x=1|a/b/z=1", "a/b/c/y=2|.wh.a"}, "a/|a/b/|a/b/c/|a/b/c/y=2"},
		{"whiteout of own", []string{"a=1|.wh.a"}, "a=1"},
		{"whiteout, then again", []string{"a=1", ".wh.a", "a=3"}, "a=3"},
		{"whiteout of link, not of target", []string{"t=1|a->t", ".wh.a"}, "t=1"},
		{"whiteout through a link", []string{"d/x=1|d/y=1|l->d", "l/.wh.x"}, "d/|d/y=1|l->d"},
		{"whiteout of link that was a way", []string{"d/x=1|l->d", ".wh.l|l/y=2"}, "d/|d/x=1|l/|l/y=2"},
		{"whiteout of a way, after", []string{"d/x=1|l->d", "l/y=2|.wh.l"}, "d/|d/x=1|l/|l/y=2"},
		{"aufs's own", []string{".wh..wh.aufs|.wh..wh.plnk/|.wh..wh.plnk/1.2=x|a=1"}, "a=1"},

		{"opaque before", []string{"a/x=1", "a/|a/.wh..wh..opq|a/y=2"}, "a/|a/y=2"},
		{"opaque after", []string{"a/x=1", "a/|a/y=2|a/.wh..wh..opq"}, "a/|a/y=2"},
		{"opaque first of all", []string{"a/x=1", "a/.wh..wh..opq|a/y=2|a/"}, "a/|a/y=2"},
		{"opaque deep", []string{"a/b/x=1|a/c=1", "a/b/y=2|a/.wh..wh..opq"}, "a/|a/b/|a/b/y=2"},
		{"opaque of nothing", []string{"a=1", "b/.wh..wh..opq"}, "a=1"},
		{"opaque root", []string{"a=1|b/c=1", ".wh..wh..opq|d=2"}, "d=2"},
		{"opaque keeps two layers up", []string{"a/x=1", "a/y=2|a/.wh..wh..opq", "a/z=3"}, "a/|a/y=2|a/z=3"},
		{"opaque folder in place of a link", []string{"d/x=1|a->d", "a/|a/.wh..wh..opq|a/y=2"}, "a/|a/y=2|d/|d/x=1"},
		{"opaque folder in place of a link, after", []string{"d/x=1|a->d", "a/.wh..wh..opq|a/y=2|a/"}, "a/|a/y=2|d/|d/x=1"},

		{"hard link", []string{"a=1|b=>a"}, "a=1 (2, a)|b=1 (2, a)"},
		{"hard link to link", []string{"t->x|b=>t"}, "b->x (2, b)|t->x (2, b)"},
		{"hard link to empty file", []string{"a=|b=>a"}, "a= (2, a)|b= (2, a)"},
		{"hard link to lower", []string{"a=1", "b=>a"}, "a=1 (2, a)|b=1 (2, a)"},
		{"hard link, target deleted above", []string{"a=1|b=>a", ".wh.a"}, "b=1"},
		{"hard link, target deleted in the same", []string{"a=1", "b=>a|.wh.a"}, "b=1"},
		{"hard link, target replaced above", []string{"a=1|b=>a|c=>a", "a=2"}, "a=2|b=1 (2, b)|c=1 (2, b)"},
		{"hard link, target replaced in the same", []string{"a=1|b=>a|a=2"}, "a=2|b=1"},
		{"hard link replaced", []string{"a=1|b=>a", "b=2"}, "a=1|b=2"},
		{"hard link across three", []string{"a=1", "b=>a", ".wh.a", "c=>b"}, "b=1 (2, b)|c=1 (2, b)"},
		{"hard link to itself", []string{"a=1|a=>a"}, "a=1"},
		{"hard link through a link", []string{"d/x=1|l->d", "l/y=>l/x"}, "d/|d/x=1 (2, x)|d/y=1 (2, x)|l->d"},
		{"hard link by absolute name", []string{"d/x=1|y=>/d/x"}, "d/|d/x=1 (2, x)|y=1 (2, x)"},

		{"through a link", []string{"d/|l->d", "l/x=1"}, "d/|d/x=1|l->d"},
		{"through an absolute link", []string{"d/|e/l->/d", "e/l/x=1"}, "d/|d/x=1|e/|e/l->/d"},
		{"through a link out", []string{"l->../../../d", "l/x=1"}, "d/|d/x=1|l->../../../d"},
		{"through a link to nothing", []string{"l->d/e", "l/x=1"}, "d/|d/e/|d/e/x=1|l->d/e"},
		{"through links", []string{"a/b/|l->a/./b|m->l/..", "m/x=1"}, "a/|a/b/|a/x=1|l->a/./b|m->l/.."},
		{"folder in place of a link", []string{"d/x=1|l->d", "l/|l/y=1"}, "d/|d/x=1|l/|l/y=1"},
		{"folder in place of a link, after", []string{"d/x=1|l->d", "l/y=1|l/"}, "d/|d/x=1|l/|l/y=1"},
		{"folder in place of a lower file, implied", []string{"a=1", "a/x=2"}, "a/|a/x=2"},
		{"link out is data", []string{"a->/etc/passwd|b->../../.."}, "a->/etc/passwd|b->../../.."},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var layers []Layer
			for _, l := range tt.layers {
				layers = append(layers, archive(t, words(l)...))
			}
			tree, err := Flatten(t.Context(), layers, Limits{}, nil)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(words(tt.want), show(t, tree)); diff != "" {
				t.Errorf("%q (-want +got):\n%s", tt.layers, diff)
			}
		})
	}
}

// A directory's attributes are those of the last layer that lists it.
func TestFlattenAttributes(t *testing.T) {
	layers := []Layer{archive(t, "700 ./", "711 a/", "711 b/", "600 b/x=1"), archive(t, "750 a/", "b/y=1"), archive(t, "c/z=1")}
	tree, err := Flatten(t.Context(), layers, Limits{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]uint16{"": tree.Root.Inode.Mode}
	for _, n := range tree.Root.Children() {
		got[n.Name] = n.Inode.Mode
	}
	if diff := cmp.Diff(map[string]uint16{"": 0o700, "a": 0o750, "b": 0o711, "c": 0o755}, got); diff != "" {
		t.Errorf("modes (-want +got):\n%s", diff)
	}
	if got := tree.Root.Inode.Nlink; got != 5 {
		t.Errorf("links of the root = %d, want 5", got)
	}
}
