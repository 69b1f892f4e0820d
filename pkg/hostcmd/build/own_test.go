package build_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kguest/kguest/pkg/hostcmd/verbtest"
)

// userModule makes and enters a module that requires kguest, with a command of
// its own. Its go.mod and go.sum are what the go command makes of that.
func userModule(t *testing.T) {
	t.Helper()
	root, err := filepath.Abs("../../..")
	if err != nil {
		t.Fatal(err)
	}
	sum, err := os.ReadFile(filepath.Join(root, "go.sum"))
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	verbtest.Write(t, "go.mod", "module example.com/user\n\ngo 1.26\n\nrequire github.com/kguest/kguest v0.0.0\n\nreplace github.com/kguest/kguest => "+root+"\n")
	verbtest.Write(t, "go.sum", string(sum))
	verbtest.Write(t, "said/said.go", "package said\n\n// Word is said.\nconst Word = \"probed\"\n")
	verbtest.Write(t, "cmds/probe/main.go", "package main\n\nimport (\n\t\"fmt\"\n\n\t\"example.com/user/said\"\n)\n\nfunc main() { fmt.Println(said.Word) }\n")
	cmd := exec.Command("go", "list", "-mod=mod", "-deps", "./...", "github.com/kguest/kguest/cmds/...", "github.com/u-root/u-root/cmds/core/ls")
	cmd.Env = append(os.Environ(), "GOPROXY=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v: %s", cmd, err, out)
	}
}

// A command of one's own, by its import path and by its folder, is in the
// image, and runs.
func TestOwnCommand(t *testing.T) {
	userModule(t)
	verbtest.Write(t, "conf/kguest.yaml", "cmd: [../cmds/probe, ls]\nmodules: none\n")
	for _, args := range [][]string{
		{"-cmd", "example.com/user/cmds/probe", "-cmd", "ls", "-modules", "none"},
		{"-cmd", "./cmds/probe", "-cmd", "ls", "-modules", "none"},
		{"-config", "conf/kguest.yaml"},
	} {
		got := verbtest.Run(t, append([]string{"build", "-o", "x.cpio"}, args...)...)
		if got.Status != 0 || !strings.Contains(got.Stdout, " 7 commands") {
			t.Fatalf("%q: %+v, want 7 commands", args, got)
		}
		if got := verbtest.Run(t, "unpack", "-d", "out", "x.cpio", "/bbin/bb"); got.Status != 0 {
			t.Fatalf("unpack: %+v", got)
		}
		cmd := exec.Command("out/bbin/bb")
		cmd.Args = []string{"probe"}
		if out, err := cmd.Output(); err != nil || string(out) != "probed\n" {
			t.Errorf("%q: probe said %q, %v", args, out, err)
		}
		if err := os.RemoveAll("out"); err != nil {
			t.Fatal(err)
		}
	}
}

// A command in a module that has never heard of kguest, by its folder from
// elsewhere and by its import path from within, is compiled with what its own
// go.mod says, beside those of u-root.
func TestCommandApart(t *testing.T) {
	dir := t.TempDir()
	verbtest.Write(t, filepath.Join(dir, "alone/go.mod"), "module example.com/alone/v2\n\ngo 1.26\n\nrequire example.com/word v1.0.0\n\nreplace example.com/word => ../word\n")
	verbtest.Write(t, filepath.Join(dir, "alone/cmds/probe/main.go"), "package main\n\nimport (\n\t\"fmt\"\n\n\t\"example.com/word\"\n)\n\nfunc main() { fmt.Println(word.Word) }\n")
	verbtest.Write(t, filepath.Join(dir, "word/go.mod"), "module example.com/word\n\ngo 1.26\n")
	verbtest.Write(t, filepath.Join(dir, "word/word.go"), "package word\n\n// Word is said.\nconst Word = \"alone\"\n")
	elsewhere := t.TempDir()
	var images [][]byte
	for _, tt := range []struct{ wd, cmd string }{
		{elsewhere, filepath.Join(dir, "alone/cmds/probe")},
		{filepath.Join(dir, "alone"), "./cmds/probe"},
		{filepath.Join(dir, "alone/cmds"), "example.com/alone/v2/cmds/probe"},
	} {
		t.Chdir(tt.wd)
		out := filepath.Join(elsewhere, "x.cpio")
		got := verbtest.Run(t, "build", "-o", out, "-cmd", tt.cmd, "-cmd", "ls", "-modules", "none", "-no-manifest")
		if got.Status != 0 || !strings.Contains(got.Stdout, " 7 commands") {
			t.Fatalf("-cmd %s in %s: %+v, want 7 commands", tt.cmd, tt.wd, got)
		}
		data, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		images = append(images, data)
	}
	for i := range images {
		if !bytes.Equal(images[i], images[0]) {
			t.Errorf("image %d differs from the first", i)
		}
	}
	t.Chdir(elsewhere)
	if got := verbtest.Run(t, "unpack", "-d", "out", "x.cpio", "/bbin/*", "/bin/*"); got.Status != 0 {
		t.Fatalf("unpack: %+v", got)
	}
	if out, err := exec.Command("out/bin/probe").Output(); err != nil || string(out) != "alone\n" {
		t.Errorf("probe said %q, %v", out, err)
	}
	if to, err := os.Readlink("out/bin/probe"); err != nil || to != "../bbin/bb-alone" {
		t.Errorf("probe is %s, %v, want one of its module's program", to, err)
	}
}

func TestOwnCommandErrors(t *testing.T) {
	t.Chdir(t.TempDir())
	verbtest.Write(t, "file", "")
	verbtest.Write(t, "empty/go.mod", "// nothing\n")
	for _, tt := range []struct{ dir, want string }{
		{"./gone", "stat "},
		{"./file", "a file; give the folder of a command's package"},
		{".", "it is in no Go module: there is no go.mod in "},
		{"./empty", "go.mod names no module"},
	} {
		got := verbtest.Run(t, "build", "-o", "x.cpio", "-cmd", tt.dir)
		if want := `mkinitramfs: -cmd "` + tt.dir + `": `; got.Status != 2 || !strings.HasPrefix(got.Stderr, want) || !strings.Contains(got.Stderr, tt.want) {
			t.Errorf("-cmd %s: status %d, %q, want 2 and %q", tt.dir, got.Status, got.Stderr, tt.want)
		}
	}
}
