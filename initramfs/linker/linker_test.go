package linker

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

func TestOrder(t *testing.T) {
	names := Order()
	if first := names[0]; first != "_rt0_amd64_linux" {
		t.Errorf("the first function is %q, want the program's entry", first)
	}
	if len(names) < 1000 {
		t.Errorf("%d functions, want all that a boot calls", len(names))
	}
	slices.Sort(names)
	if once := slices.Compact(slices.Clone(names)); len(once) < len(names) {
		t.Errorf("%d of %d functions are there twice", len(names)-len(once), len(names))
	}
}

// goRoot makes one whose linker has text in its data.go.
func goRoot(t *testing.T, text string) string {
	t.Helper()
	root := t.TempDir()
	dir := filepath.Join(root, "src/cmd/link/internal/ld")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "data.go"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return root
}

func TestOverlayRefuses(t *testing.T) {
	good := goRoot(t, "if x {\n\t\t"+shuffles+"\n}\n")
	if _, err := Overlay(t.TempDir(), good, "go1.26.8"); err != nil {
		t.Fatal(err)
	}
	tests := []struct{ name, dir, root, version, want string }{
		{"other version", t.TempDir(), good, "go1.27.0", "change the linker of go1.27.0: it is known how to change that of go1.26 alone"},
		{"version of one's own", t.TempDir(), good, "go1.26-custom", "change the linker of go1.26-custom: it is known how to change that of go1.26 alone"},
		{"no sources", t.TempDir(), "/none", "go1.26.8", "read the linker's sources: open /none/src/cmd/link/internal/ld/data.go: no such file or directory; install Go with the sources of its tools"},
		{"other sources", t.TempDir(), goRoot(t, "package ld\n"), "go1.26.8", "data.go does not shuffle functions as that of go1.26 does; use a released Go"},
		{"twice", t.TempDir(), goRoot(t, shuffles+shuffles), "go1.26.8", "data.go does not shuffle functions as that of go1.26 does; use a released Go"},
		{"no folder", "/none", good, "go1.26.8", "write the linker's sources: open /none/"},
	}
	for _, tt := range tests {
		_, err := Overlay(tt.dir, tt.root, tt.version)
		if err == nil || !strings.Contains(err.Error(), tt.want) || errors.Is(err, ErrVersion) != strings.Contains(tt.want, "alone") {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
}

// TestDigest: that of other sources is another.
func TestDigest(t *testing.T) {
	digest := func(text string) string {
		t.Helper()
		r, err := Overlay(t.TempDir(), goRoot(t, text), "go1.26.8")
		if err != nil {
			t.Fatal(err)
		}
		return r.Digest
	}
	first, again, other := digest(shuffles), digest(shuffles), digest(shuffles+"// other\n")
	if first != again || first == other {
		t.Errorf("digests: %s, again %s, of others %s", first, again, other)
	}
}

// TestThisGo: what tests run with is known, and one statement of it is replaced.
func TestThisGo(t *testing.T) {
	root, dir := runtime.GOROOT(), t.TempDir() //nolint:staticcheck // tests are not run elsewhere than they are compiled
	overlay, err := Overlay(dir, root, runtime.Version())
	if err != nil {
		t.Fatal(err)
	}
	list, err := os.ReadFile(overlay.File)
	if err != nil {
		t.Fatal(err)
	}
	for file, in := range map[string]string{"data.go": "/internal/ld/", "order.go": "/internal/ld/", "functions.go": "/internal/ld/", "toolexec.go": "/"} {
		pair := `"` + root + "/src/cmd/link" + in + file + `":"` + dir + "/" + file + `"`
		if !strings.Contains(string(list), pair) {
			t.Errorf("overlay is %s, want %s in it", list, pair)
		}
	}
	before, err1 := os.ReadFile(filepath.Join(root, "src/cmd/link/internal/ld/data.go"))
	after, err2 := os.ReadFile(filepath.Join(dir, "data.go"))
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	if want := len(before) - len(shuffles) + len(orders); len(after) != want || !strings.Contains(string(after), orders) {
		t.Errorf("data.go has %d bytes, want %d with %q", len(after), want, orders)
	}
}

func TestToolExec(t *testing.T) {
	for file, want := range map[string]string{
		"/tmp/link":        "/tmp/link",
		"/tmp/a b/link":    "'/tmp/a b/link'",
		`/tmp/a'b"c/link`:  `/tmp/a'b"c/link`,
		"/tmp/it's a/link": `"/tmp/it's a/link"`,
		`/tmp/"a" b/link`:  `'/tmp/"a" b/link'`,
		"/tmp/\t/link":     "'/tmp/\t/link'",
		`/tmp/'a' "b"/lnk`: "",
	} {
		got, err := ToolExec(file)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("ToolExec(%s) = %s, %v, want %s", file, got, err, want)
		}
	}
}
