package multicall

import (
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestResolve(t *testing.T) {
	got, err := here(t).Resolve(t.Context(), runtime.GOARCH, []Ask{
		{Name: "ls", From: "-cmd ls"},
		{Name: "kinit", From: "-cmd kinit"},
		{Name: "github.com/u-root/u-root/cmds/core/ls", From: "-cmd again"},
		{Name: "modprobe", From: "-cmd modprobe"},
		{Name: "boot", From: "-cmd boot"},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []Command{
		{"boot", "github.com/u-root/u-root/cmds/boot/boot", "-cmd boot"},
		{"kinit", "github.com/kguest/kguest/cmds/kinit", "-cmd kinit"},
		{"ls", "github.com/u-root/u-root/cmds/core/ls", "-cmd again"},
		{"modprobe", "github.com/u-root/u-root/cmds/exp/modprobe", "-cmd modprobe"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Resolve (-want +got):\n%s", diff)
	}
}

func TestOwnExist(t *testing.T) {
	var asks []Ask
	for _, name := range allOwn() {
		asks = append(asks, Ask{Name: name, From: "own"})
	}
	got, err := here(t).Resolve(t.Context(), runtime.GOARCH, asks)
	if err != nil || len(got) != len(asks) {
		t.Errorf("Resolve(%v) = %v, %v, want all of them", asks, got, err)
	}
	folders, err := filepath.Glob("../../cmds/*")
	if err != nil || len(folders) != len(asks) {
		t.Errorf("cmds has %q, %v, want those of allOwn", folders, err)
	}
}

func TestResolveUnknown(t *testing.T) {
	tests := []struct{ name, want string }{
		{"lss", `-cmd x: no command of that name in kguest or u-root; did you mean "ls"?`},
		{"kinot", `did you mean "kinit"?`},
		{"modprobes", `did you mean "modprobe"?`},
		{"nosuch", `no command of that name in kguest or u-root (another module's is asked for by its import path)`},
		{"frobnicator", `no command of that name in kguest or u-root (another module's is asked for by its import path)`},
		{"github.com/u-root/u-root/cmds/core/lz", `find github.com/u-root/u-root/cmds/core/lz: `},
		{"github.com/nobody/nothing", `find github.com/nobody/nothing: `},
		{"github.com/u-root/u-root/pkg/cpio", `is package cpio, not a command (package main)`},
		{"github.com/u-root/u-root/cmds/core/bind", `has no Go files for linux/amd64 without cgo`},
	}
	for _, tt := range tests {
		_, err := here(t).Resolve(t.Context(), "amd64", []Ask{{Name: tt.name, From: "-cmd x"}})
		if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.HasPrefix(err.Error(), "-cmd x: ") {
			t.Errorf("Resolve(%s) = %v, want an error with %q", tt.name, err, tt.want)
		}
	}
}

func TestResolveTwoOfOneName(t *testing.T) {
	_, err := here(t).Resolve(t.Context(), "amd64", []Ask{{Name: "ls", From: "-cmd ls"}, {Name: "example.com/x/ls", From: "-cmd example.com/x/ls"}})
	want := "-cmd example.com/x/ls: two commands named ls: github.com/u-root/u-root/cmds/core/ls and example.com/x/ls; leave one out"
	if err == nil || err.Error() != want {
		t.Errorf("Resolve = %v, want %s", err, want)
	}
}

func TestCheckName(t *testing.T) {
	for _, name := range []string{"ls", "kexec-guest", "github.com/a/b", "update-rc.d"} {
		if err := CheckName(name); err != nil {
			t.Errorf("CheckName(%q) = %v, want nil", name, err)
		}
	}
	tests := []struct{ name, want string }{
		{"", "empty"},
		{"init", "the name init is taken: it runs kinit, the image's own first process; leave it out"},
		{"bb", "the name bb is taken: it is the program that holds all commands but kguest's; leave it out"},
		{"./cmds/kinit", "neither"},
		{"/abs", "neither"},
		{"-ls", "neither"},
		{"example.com/...", "neither"},
		{"example.com/*", "neither"},
		{"$(reboot)", "neither"},
		{"a\nb", "neither"},
		{"example.com/internal/x", "internal"},
	}
	for _, tt := range tests {
		if err := CheckName(tt.name); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("CheckName(%q) = %v, want an error with %q", tt.name, err, tt.want)
		}
	}
}

// What gobusybox would panic at, or drop without a word.
func TestResolveMangled(t *testing.T) {
	const head = "package main\n\nimport \"os\"\n\nvar _ = os.Args\n\n"
	tests := []struct{ name, mod, file, want string }{
		{"call", "", head + "func two() (int, int) { return 1, 2 }\n\nvar a, b = two()\n\nfunc main() { println(a, b) }\n", "x/main.go:9:5: gobusybox cannot rewrite several variables set by one call"},
		{"dot import", "", "package main\n\nimport . \"os\"\n\nfunc main() { Exit(0) }\n", "x/main.go:3:8: gobusybox cannot rewrite a dot import"},
		{"cgo", "", "package main\n\nimport \"C\"\n\nfunc main() {}\n", "has no Go files for linux/amd64 without cgo"},
		{"syntax", "", "package main\n\nfunc main( {}\n", "x/main.go:3:12: "},
		{"import", "", "package main\n\nimport _ \"example.com/gone\"\n\nfunc main() {}\n", "example.com/gone"},
		{"dotless", "module local/m\n", "package main\n\nfunc main() {}\n", "the first element of module path local/m has no dot"},
	}
	for _, tt := range tests {
		files := map[string]string{"x/main.go": tt.file}
		path := "example.com/m/x"
		if tt.mod != "" {
			files["go.mod"] = tt.mod
			path = "local/m/x"
		}
		_, err := moduleWith(t, files).Resolve(t.Context(), "amd64", []Ask{{Name: path, From: "-cmd x"}})
		if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: Resolve = %v, want one line with %q", tt.name, err, tt.want)
		}
	}
}
