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

func TestReadUnknown(t *testing.T) {
	good := goRoot(t, "if x {\n\t\t"+shuffle+"\n}\n")
	if _, err := Read(good, "go1.26.8"); err != nil {
		t.Fatal(err)
	}
	tests := []struct{ name, root, version, want string }{
		{"other version", good, "go1.27.0", "order functions by the linker of go1.27.0: "},
		{"version of one's own", good, "go1.26-custom", "order functions by the linker of go1.26-custom: "},
		{"no sources", t.TempDir(), "go1.26.8", "order functions: no /"},
		{"other sources", goRoot(t, "package ld\n"), "go1.26.8", "data.go does not shuffle them as it did: "},
		{"twice", goRoot(t, shuffle+shuffle), "go1.26.8", "data.go does not shuffle them as it did: "},
	}
	for _, tt := range tests {
		_, err := Read(tt.root, tt.version)
		if !errors.Is(err, ErrUnknown) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q and ErrUnknown", tt.name, err, tt.want)
		}
	}
}

func TestReadBroken(t *testing.T) {
	root := goRoot(t, "")
	file := filepath.Join(root, "src/cmd/link/internal/ld/data.go")
	if err := errors.Join(os.Remove(file), os.Mkdir(file, 0o755)); err != nil {
		t.Fatal(err)
	}
	if _, err := Read(root, "go1.26.8"); err == nil || errors.Is(err, ErrUnknown) || !strings.Contains(err.Error(), file) {
		t.Errorf("Read of a folder = %v, want an error of %s that is not ErrUnknown", err, file)
	}
}

// TestID: a linker of other sources has another.
func TestID(t *testing.T) {
	read := func(root string) string {
		s, err := Read(root, "go1.26.8")
		if err != nil {
			t.Fatal(err)
		}
		return s.ID()
	}
	root, other := goRoot(t, shuffle), goRoot(t, shuffle+"// other\n")
	first, again, others := read(root), read(root), read(other)
	if first != again || first == others {
		t.Errorf("ID: %s, again %s, of others %s", first, again, others)
	}
}

// TestThisGo: what tests run with is known.
func TestThisGo(t *testing.T) {
	s, err := Read(runtime.GOROOT(), runtime.Version()) //nolint:staticcheck // tests are not run elsewhere than they are compiled
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	overlay, err := s.Write(dir)
	if err != nil {
		t.Fatal(err)
	}
	list, err := os.ReadFile(overlay)
	if err != nil {
		t.Fatal(err)
	}
	for file, content := range s.files {
		written, err := os.ReadFile(filepath.Join(dir, filepath.Base(file)))
		if err != nil || string(written) != string(content) || !strings.Contains(string(list), file) {
			t.Errorf("%s: %d bytes of %d, %v; overlay %s", file, len(written), len(content), err, list)
		}
	}
}

func TestToolExec(t *testing.T) {
	for file, want := range map[string]string{
		"/tmp/link":        "/tmp/link",
		"/tmp/a b/link":    "'/tmp/a b/link'",
		"/tmp/it's/link":   `"/tmp/it's/link"`,
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
