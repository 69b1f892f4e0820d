package flatten

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
)

// model is what layers mean, said as simply as can be: a map of paths.
type model map[string]string

func (m model) remove(path string, itself bool) {
	maps.DeleteFunc(m, func(p, _ string) bool { return itself && p == path || strings.HasPrefix(p, path+"/") })
}

func (m model) apply(lines []string) {
	for _, line := range lines {
		dir, base := "", line
		if i := strings.LastIndexByte(line, '/'); i >= 0 {
			dir, base = line[:i], line[i+1:]
		}
		switch name, ok := strings.CutPrefix(base, ".wh."); {
		case base == ".wh..wh..opq":
			m.remove(dir, false)
		case ok && dir == "":
			m.remove(name, true)
		case ok:
			m.remove(dir+"/"+name, true)
		}
	}
	for _, line := range lines {
		name, content, isFile := strings.Cut(line, "=")
		path := strings.TrimSuffix(name, "/")
		if strings.Contains(path, ".wh.") {
			continue
		}
		for i, c := range path {
			if up := path[:i]; c == '/' && m[up] != "/" {
				m[up] = "/"
			}
		}
		if isFile {
			m.remove(path, true)
			m[path] = content
		} else if m[path] != "/" {
			m.remove(path, true)
			m[path] = "/"
		}
	}
}

func (m model) lines() []string {
	var list []string
	for path, content := range m {
		if content == "/" {
			list = append(list, path+"/")
		} else {
			list = append(list, path+"="+content)
		}
	}
	return list
}

// randomLayers makes layers of a handful of names out of data: byte by byte an
// action, and a path of up to three names.
func randomLayers(data []byte) [][]string {
	layers := [][]string{nil}
	for i := 0; i+1 < len(data) && len(layers) < 6; i += 2 {
		var parts []string
		for b := data[i+1]; len(parts) == 0 || b&3 != 0 && len(parts) < 3; b >>= 2 {
			parts = append(parts, string(rune('a'+b&3)))
		}
		path := strings.Join(parts, "/")
		parts[len(parts)-1] = ".wh." + parts[len(parts)-1]
		line := ""
		switch data[i] % 8 {
		case 0:
			layers = append(layers, nil)
			continue
		case 1, 2, 3:
			line = fmt.Sprintf("%s=%d", path, i)
		case 4, 5:
			line = path + "/"
		case 6:
			line = strings.Join(parts, "/")
		case 7:
			line = path + "/.wh..wh..opq"
		}
		layers[len(layers)-1] = append(layers[len(layers)-1], line)
	}
	return layers
}

// belowFile reports a layer that has a file, and later something below it, which
// no file system can have.
func belowFile(lines []string) bool {
	files := map[string]bool{}
	for _, line := range lines {
		name, _, isFile := strings.Cut(line, "=")
		path := strings.TrimSuffix(name, "/")
		if strings.Contains(path, ".wh.") {
			continue
		}
		for i, c := range path {
			if c == '/' && files[path[:i]] {
				return true
			}
		}
		for p := range files {
			if strings.HasPrefix(p, path+"/") && isFile {
				delete(files, p)
			}
		}
		files[path] = isFile
	}
	return false
}

// Any sequence of layers gives what the model says.
func FuzzFlatten(f *testing.F) {
	f.Add([]byte{1, 1, 0, 0, 6, 1, 4, 1})
	f.Add([]byte{1, 5, 4, 6, 0, 0, 7, 1, 1, 6, 0, 0, 1, 1, 0, 0, 4, 5, 6, 1})
	f.Fuzz(func(t *testing.T, data []byte) {
		want := model{}
		var layers []Layer
		refused := false
		random := randomLayers(data)
		for _, lines := range random {
			refused = refused || belowFile(lines)
			want.apply(lines)
			layers = append(layers, archive(t, lines...))
		}
		tree, err := Flatten(t.Context(), layers, Limits{}, nil)
		if (err != nil) != refused {
			t.Fatalf("Flatten(%q) = %v, want an error: %t", random, err, refused)
		}
		if err != nil {
			return
		}
		wanted, got := want.lines(), show(t, tree)
		slices.Sort(wanted)
		slices.Sort(got)
		if !slices.Equal(wanted, got) {
			t.Errorf("Flatten(%q) = %q, want %q", random, got, wanted)
		}
	})
}

// Whatever the bytes, there is a tree with contents, or an error.
func FuzzArchive(f *testing.F) {
	for _, lines := range []string{"a=1|b=>a", "d/|l->d|l/x=1|.wh.x"} {
		layer := []byte(archive(f, words(lines)...))
		f.Add(layer, layer)
	}
	f.Fuzz(func(t *testing.T, one, two []byte) {
		limits := Limits{Entries: 1000, NameBytes: 1 << 20, free: 1 << 20}
		tree, err := Flatten(t.Context(), []Layer{bytesLayer(one), bytesLayer(two)}, limits, nil)
		if (tree == nil) != (err != nil) {
			t.Fatalf("Flatten = %v, %v", tree, err)
		}
		if err != nil {
			if strings.ContainsAny(err.Error(), "\n\x00") {
				t.Errorf("error of several lines: %q", err)
			}
			return
		}
		seen := map[string]bool{}
		err = tree.Walk(func(path string, n *Node) error {
			if seen[path] || n.Name == "" || n.Name == "." || n.Name == ".." || strings.ContainsAny(n.Name, "/\x00") || len(path) > maxPath {
				t.Errorf("path %q is twice, or none", path)
			}
			seen[path] = true
			return nil
		})
		err = errors.Join(err, tree.Contents(t.Context(), func(ino *Inode, r io.Reader) error {
			if ino.Size > 1<<20 {
				return nil // a sparse file
			}
			n, err := io.Copy(io.Discard, r)
			if n != ino.Size {
				t.Errorf("content has %d bytes, want %d", n, ino.Size)
			}
			return err
		}))
		if err != nil {
			t.Errorf("tree cannot be read: %v", err)
		}
	})
}
