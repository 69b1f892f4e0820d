package flatten

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"testing"
)

// headers makes a layer of headers without content.
func headers(t *testing.T, list ...*tar.Header) Layer {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, h := range list {
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
	}
	return bytesLayer(b.Bytes())
}

// raw is an entry that archive/tar would not write.
func raw(flag byte, name, body string) string {
	h := make([]byte, 512)
	copy(h, name)
	copy(h[100:], "0000644\x000000000\x000000000\x00")
	copy(h[124:], fmt.Sprintf("%011o\x0000000000000\x00        ", len(body)))
	h[156] = flag
	copy(h[257:], "ustar\x0000")
	sum := 0
	for _, c := range h {
		sum += int(c)
	}
	copy(h[148:], fmt.Sprintf("%06o\x00 ", sum))
	return string(h) + body + strings.Repeat("\x00", -len(body)&511)
}

// pax is the body of a PAX header.
func pax(records ...string) string {
	body := ""
	for _, r := range records {
		n := len(r) + 2 // space and newline
		n += len(strconv.Itoa(n + len(strconv.Itoa(n))))
		body += strconv.Itoa(n) + " " + r + "\n"
	}
	return body
}

// sparse claims to be of size bytes, and has none: PAX sparse 0.1.
func sparse(size string) string {
	return raw('x', "hole", pax("GNU.sparse.major=0", "GNU.sparse.minor=1", "GNU.sparse.numblocks=1",
		"GNU.sparse.map="+size+",0", "GNU.sparse.size="+size, "GNU.sparse.name=hole")) + raw('0', "hole", "")
}

func TestHostile(t *testing.T) {
	many := make([]string, 20)
	for i := range many {
		many[i] = strings.Repeat("x", i+1) + "=1"
	}
	deep := strings.Repeat("d/", 1500)
	chain := []string{deep, "l0->" + deep[:len(deep)-1], "l0/" + deep + "x=1"}
	tests := []struct {
		name   string
		layers []Layer
		want   string
	}{
		{"dots", []Layer{archive(t, "../x=1")}, `layer: entry "../x": path has .., which could lead out of the image`},
		{"dots inside", []Layer{archive(t, "a/../../x=1")}, `layer: entry "a/../../x": path has ..`},
		{"dots of a link's target", []Layer{archive(t, "x=>../../etc/passwd")}, `layer: entry "x": hard link to "../../etc/passwd": path has ..`},
		{"whiteout of the root", []Layer{archive(t, ".wh..=")}, `layer: entry ".wh..": is a whiteout of a whole directory, such as the root, by no name`},
		{"whiteout of the parent", []Layer{archive(t, "a/.wh...=")}, `layer: entry "a/.wh...": is a whiteout of a whole directory`},
		{"whiteout of nothing", []Layer{archive(t, "a/.wh.=")}, `layer: entry "a/.wh.": is a whiteout of a whole directory`},
		{"below a whiteout", []Layer{archive(t, ".wh.a/x=1")}, `layer: entry ".wh.a/x": is below a whiteout`},
		{"root is a file", []Layer{headers(t, &tar.Header{Typeflag: tar.TypeSymlink, Name: "./", Linkname: "x"})}, `layer: entry "./": the root is no directory`},
		{"hard link to the root", []Layer{archive(t, "x=>.")}, `layer: entry "x": hard link to ".": the root cannot be linked`},
		{"hard link to a folder", []Layer{archive(t, "d/", "x=>d")}, `layer: entry "x": hard link to "d", which is a directory`},
		{"hard link to nothing", []Layer{archive(t, "x=>y")}, `layer: entry "x": hard link to "y", which is not there`},
		{"hard link to what comes later", []Layer{archive(t, "x=>y", "y=1")}, `layer: entry "x": hard link to "y", which is not there`},
		{"hard link to what was deleted", []Layer{archive(t, "y=1"), archive(t, ".wh.y="), archive(t, "x=>y")}, `layer: entry "x": hard link to "y", which is not there`},
		{"below a file", []Layer{archive(t, "a=1", "a/b=2")}, `layer: entry "a/b": is below "a", which is not a directory`},
		{"link to itself", []Layer{archive(t, "a->a", "a/b=1")}, `layer: entry "a/b": goes through "a", a symbolic link that leads back to itself`},
		{"links in a ring", []Layer{archive(t, "a->b", "b->a"), archive(t, "a/c=1")}, `a symbolic link that leads back to itself`},
		{"link to a file", []Layer{archive(t, "f=1", "l->f", "l/x=1")}, `layer: entry "l/x": is below "f", which is not a directory`},
		{"long name", []Layer{archive(t, strings.Repeat("n", 256)+"=1")}, "name has 256 bytes, more than 255"},
		{"long path", []Layer{archive(t, strings.Repeat("n/", 2048)+"x=1")}, "path has 4097 bytes, more than 4095"},
		{"long path through links", []Layer{archive(t, chain...)}, "more than 4095, when its links are followed"},
		{"no target", []Layer{headers(t, &tar.Header{Typeflag: tar.TypeSymlink, Name: "l"})}, `layer: entry "l": target of the symbolic link has 0 bytes`},
		{"long target", []Layer{archive(t, "l->"+strings.Repeat("n", 4096))}, "target of the symbolic link has 4096 bytes"},
		{"owner", []Layer{headers(t, &tar.Header{Name: "x", Uid: 1<<32 - 1})}, `layer: entry "x": owner 4294967295 is not a number from 0 to 4294967294`},
		{"negative group", []Layer{headers(t, &tar.Header{Name: "x", Gid: -5, Format: tar.FormatGNU})}, `layer: entry "x": group -5 is not a number from 0`},
		{"device", []Layer{headers(t, &tar.Header{Typeflag: tar.TypeChar, Name: "x", Devmajor: 4096})}, `layer: entry "x": device 4096:0 is not one that Linux has`},
		{"type", []Layer{headers(t, &tar.Header{Typeflag: 'Z', Name: "x"})}, `layer: entry "x": type 'Z' of the entry is unknown`},
		{"attribute's name", []Layer{headers(t, &tar.Header{Name: "x", PAXRecords: map[string]string{"SCHILY.xattr." + strings.Repeat("n", 256): "v"}})}, "has a name or a value that is too long"},
		{"attribute's value", []Layer{headers(t, &tar.Header{Name: "x", PAXRecords: map[string]string{"SCHILY.xattr.user.x": strings.Repeat("n", 65537)}})}, "has a name or a value that is too long"},
		{"PAX bomb", []Layer{bytesLayer(raw('x', "x", pax("comment="+strings.Repeat("n", 2<<20))))}, "layer: archive/tar: header field too long"},
		{"many files", []Layer{archive(t, many[:10]...), archive(t, many...)}, `layer: entry "xxxxxxx": the image has more than 16 files`},
		{"much metadata", []Layer{headers(t, &tar.Header{Name: "x", PAXRecords: map[string]string{"comment": strings.Repeat("n", 1<<19)}}, &tar.Header{Name: "y", PAXRecords: map[string]string{"comment": strings.Repeat("n", 1<<19)}})}, `layer: entry "y": names and attributes of the image have more than 1048576 bytes`},
		{"sparse bomb", []Layer{bytesLayer(sparse("8000000000000"))}, "layer: content is more than 1 GiB and more than 1000 times as large as its archive; where that is right, raise -max-ratio"},
		{"not tar", []Layer{bytesLayer(strings.Repeat("no archive", 100))}, "layer: is not a tar archive, or a damaged one"},
		{"cut", []Layer{archive(t, "x=1", "y=2")[:1300]}, "layer: ends in the middle of an entry"},
		{"no NUL in a name", []Layer{bytesLayer(raw('x', "x", pax("path=a\x00b")) + raw('0', "x", ""))}, "layer: is not a tar archive, or a damaged one"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Flatten(t.Context(), tt.layers, Limits{Entries: 16, NameBytes: 1 << 20}, nil)
			if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "\n") || len(err.Error()) > 700 {
				t.Errorf("Flatten = %v, want one line with %q", err, tt.want)
			}
		})
	}
}

// bomb unpacks to more than it should have.
type bomb struct{ size int64 }

func (bomb) Name() string { return "bomb" }

func (bomb) Size() int64 { return 1 << 20 }

func (b bomb) Open(context.Context) (io.ReadCloser, error) {
	var head bytes.Buffer
	err := tar.NewWriter(&head).WriteHeader(&tar.Header{Name: "x", Size: b.size, Format: tar.FormatPAX})
	return io.NopCloser(io.MultiReader(&head, io.LimitReader(endless{}, b.size+10240))), err
}

type endless struct{}

func (endless) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

func TestBomb(t *testing.T) {
	for size, want := range map[int64]bool{900 << 20: true, 1<<30 + 1<<21: false, 1 << 50: false} {
		_, err := Flatten(t.Context(), []Layer{bomb{size}}, Limits{}, nil)
		if (err == nil) != want {
			t.Errorf("Flatten of 1 MiB that unpacks to %d bytes = %v, want it taken: %t", size, err, want)
		}
	}
	if _, err := Flatten(t.Context(), []Layer{bomb{1<<30 + 1<<21}}, Limits{Ratio: 2000}, nil); err != nil {
		t.Errorf("Flatten with a higher ratio = %v, want none", err)
	}
	// After the end of the archive, too.
	if _, err := Flatten(t.Context(), []Layer{trailing{}}, Limits{}, nil); err == nil {
		t.Error("Flatten of an archive with much behind its end: no error")
	}
}

type trailing struct{ bomb }

func (trailing) Open(context.Context) (io.ReadCloser, error) {
	return io.NopCloser(endless{}), nil
}

func TestCanceled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Flatten(ctx, []Layer{trailing{}}, Limits{}, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("Flatten = %v, want %v", err, context.Canceled)
	}
}
