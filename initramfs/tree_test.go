package initramfs

import (
	"io/fs"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func treePaths(t *Tree) []string {
	var paths []string
	for _, e := range t.Entries() {
		paths = append(paths, e.Path)
	}
	return paths
}

func TestTreeAdd(t *testing.T) {
	var tree Tree
	for _, e := range []Entry{
		{Path: "usr/lib/x", Mode: 0o644},
		{Path: "usr-local", Mode: 0o644},
		{Path: "bin", Mode: fs.ModeDir | 0o755},
		{Path: "bin", Mode: fs.ModeDir | 0o755},
		{Path: "usr/bin/y", Mode: 0o755},
	} {
		if err := tree.Add(e); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{"bin", "usr", "usr-local", "usr/bin", "usr/bin/y", "usr/lib", "usr/lib/x"}
	if diff := cmp.Diff(want, treePaths(&tree)); diff != "" {
		t.Errorf("Entries (-want +got):\n%s", diff)
	}
	seen := map[string]bool{".": true}
	for _, e := range tree.Entries() {
		dir := "."
		if i := strings.LastIndex(e.Path, "/"); i >= 0 {
			dir = e.Path[:i]
		}
		if !seen[dir] {
			t.Errorf("%s is before its folder", e.Path)
		}
		seen[e.Path] = true
	}
}

func TestTreeAddErrors(t *testing.T) {
	var tree Tree
	if err := addBase(&tree); err != nil {
		t.Fatal(err)
	}
	if err := tree.Add(Entry{Path: "etc/x", Mode: 0o644, Reason: "-file a:/etc/x"}); err != nil {
		t.Fatal(err)
	}
	before := treePaths(&tree)
	tests := []struct {
		e    Entry
		want string
	}{
		{Entry{Path: "etc/x", Mode: 0o644}, "r: /etc/x is in the image already, as a file (-file a:/etc/x); choose another path"},
		{Entry{Path: "etc/x", Mode: fs.ModeDir | 0o755}, "as a file (-file a:/etc/x)"},
		{Entry{Path: "dev/null", Mode: 0o644}, "as a device (every image's devices)"},
		{Entry{Path: "etc", Mode: 0o644}, "r: /etc is a folder (every image's folders); give the file's own name too"},
		{Entry{Path: "tmp", Mode: fs.ModeDir | 0o755}, "r: /tmp is in the image already, as a folder"},
		{Entry{Path: "etc/x/y/z", Mode: 0o644}, "r: /etc/x is a file (-file a:/etc/x), not a folder that could hold /etc/x/y"},
		{Entry{Path: "", Mode: 0o644}, "not a clean path"},
		{Entry{Path: ".", Mode: fs.ModeDir}, "not a clean path"},
		{Entry{Path: "/x", Mode: 0o644}, "not a clean path"},
		{Entry{Path: "../x", Mode: 0o644}, "not a clean path"},
	}
	for _, tt := range tests {
		tt.e.Reason = "r"
		if err := tree.Add(tt.e); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("Add(%q) = %v, want an error with %q", tt.e.Path, err, tt.want)
		}
	}
	if diff := cmp.Diff(before, treePaths(&tree)); diff != "" {
		t.Errorf("refused entries changed the tree (-want +got):\n%s", diff)
	}
}
