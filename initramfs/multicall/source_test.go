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
		{"to update it:\n\tgo mod tidy\n", "to update it: go mod tidy"},
		{"remedy:\n", "remedy:"},
	}
	for _, tt := range tests {
		if got := complaint(base, tt.stderr).Error(); got != tt.want {
			t.Errorf("complaint(%q) = %q, want %q", tt.stderr, got, tt.want)
		}
	}
}

// GOFLAGS=-mod=mod, which many have set, lets go commands rewrite go.mod.
func TestFindLeavesGoMod(t *testing.T) {
	for _, flags := range []string{"-mod=mod", "-buildvcs=false --mod=mod", "-mod=readonly", "-tags=x"} {
		t.Setenv("GOFLAGS", flags)
		src := printers(t)
		untidy := "module example.com/m\n\ngo 1.26.0\n\nrequire " + Module + " v0.0.0 // indirect\n\nreplace " + Module + " => " + root(t) + "\n"
		write(t, filepath.Join(src.Dir, "go.mod"), untidy)
		write(t, filepath.Join(src.Dir, "cmds", "hello2", "use.go"), "package main\n\nimport _ \""+Module+"/pkg/nearest\"\n")
		src, err := Find(t.Context(), src.Dir)
		if err != nil {
			t.Fatal(err)
		}
		cmds, err := src.Resolve(t.Context(), "amd64", printerAsks())
		if err != nil {
			t.Fatalf("GOFLAGS=%s: %v", flags, err)
		}
		if _, _, err := src.Build(t.Context(), t.TempDir(), "bb", "amd64", cmds); err != nil {
			t.Errorf("GOFLAGS=%s: %v", flags, err)
		}
		if got, err := os.ReadFile(filepath.Join(src.Dir, "go.mod")); string(got) != untidy || err != nil {
			t.Errorf("GOFLAGS=%s: go.mod is now %q, %v", flags, got, err)
		}
	}
}
