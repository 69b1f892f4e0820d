package multicall

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// root is the root of this checkout.
func root(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestFind(t *testing.T) {
	user := t.TempDir()
	write(t, filepath.Join(user, "go.mod"),
		"module example.com/user\n\ngo 1.26\n\nrequire "+Module+" v0.0.0\n\nreplace "+Module+" => "+root(t)+"\n")
	other := t.TempDir()
	write(t, filepath.Join(other, "go.mod"), "module example.com/other\n\ngo 1.26\n")
	tests := []struct{ name, wd, want string }{
		{"checkout", root(t), root(t)},
		{"below the checkout", filepath.Join(root(t), "initramfs"), filepath.Join(root(t), "initramfs")},
		{"module that requires kguest", user, user},
		{"other module", other, root(t)},
		{"no module", t.TempDir(), root(t)},
	}
	for _, tt := range tests {
		src, err := Find(t.Context(), tt.wd)
		if err != nil || src.Dir != tt.want {
			t.Errorf("%s: Find(%s) = %q, %v, want %q", tt.name, tt.wd, src.Dir, err, tt.want)
		}
		if _, err := os.Stat(src.goTool()); err != nil {
			t.Errorf("%s: no go command: %v", tt.name, err)
		}
	}
}

func TestFindWithoutGo(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	_, err := Find(t.Context(), ".")
	if want := "install Go and put its bin folder on PATH"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("Find = %v, want an error with %q", err, want)
	}
}

func TestComplaint(t *testing.T) {
	base := errors.New("exit status 1")
	tests := []struct{ stderr, want string }{
		{"", "exit status 1"},
		{"go: downloading a v1\n\n# pkg\n", "exit status 1"},
		{"# pkg\n./x.go:3:1: bad\n", "./x.go:3:1: bad"},
		{"one\ntwo\nthree\n", "one (and 2 more lines)"},
	}
	for _, tt := range tests {
		if got := complaint(base, tt.stderr).Error(); got != tt.want {
			t.Errorf("complaint(%q) = %q, want %q", tt.stderr, got, tt.want)
		}
	}
}
