package pack

import (
	"archive/tar"
	"bytes"
	"fmt"
	"slices"
	"testing"

	"github.com/kguest/kguest/pkg/pack/flatten"
)

// alike is the tree of so many files of one size, of names of which one content
// has many, and of empty files.
func alike(t *testing.T, files, links, empty int) *flatten.Tree {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	add := func(h tar.Header, content string) {
		h.Mode, h.Size = 0o644, int64(len(content))
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(content)); err != nil {
			t.Fatal(err)
		}
	}
	for i := range files {
		add(tar.Header{Name: fmt.Sprintf("f%d", i)}, fmt.Sprintf("%08d", i))
	}
	for i := range links {
		add(tar.Header{Name: fmt.Sprintf("l%d", i), Typeflag: tar.TypeLink, Linkname: "f0"}, "")
	}
	for i := range empty {
		add(tar.Header{Name: fmt.Sprintf("e%d", i)}, "")
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	tree, err := flatten.Flatten(t.Context(), []flatten.Layer{memoryLayer(b.Bytes())}, flatten.Limits{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

// mksquashfs compares each file with all of its size. With 300,000 of a few
// sizes that was half an hour, without seconds.
func TestManyAlike(t *testing.T) {
	for _, tt := range []struct {
		files, links, empty int
		want                bool
	}{{1_000, 0, 0, false}, {10_000, 0, 0, false}, {10_002, 0, 0, true}, {1, 20_000, 0, false}, {1, 0, 20_000, false}} {
		args, err := treeArgs(alike(t, tt.files, tt.links, tt.empty), "out", "")
		if got := slices.Contains(args, "-no-duplicates"); got != tt.want || err != nil {
			t.Errorf("%+v: -no-duplicates %t, %v, want %t", tt, got, err, tt.want)
		}
	}
}
