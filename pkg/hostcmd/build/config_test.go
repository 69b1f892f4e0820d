package build_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kguest/kguest/pkg/hostcmd/verbtest"
)

// site makes a folder with a configuration and its drop-ins, and enters the
// folder above.
func site(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	verbtest.Write(t, filepath.Join(dir, "site/kguest.yaml"), `# A site's guests.
arch: arm64
modules: none
cmd:
- ls
- example.com/mine
file:
- motd:/etc/motd
- /abs:/abs:0600
hook: before-network/10-vlan=./vlan.sh
kernel-config: ../config
no-manifest: false
`)
	verbtest.Write(t, filepath.Join(dir, "site/kguest.d/10-lz4.yaml"), "compress: lz4:1\ncmd: [cat]\narch: riscv64\n")
	verbtest.Write(t, filepath.Join(dir, "site/kguest.d/20-more.yaml"), "no-manifest: true\nprogram: [strace, bin/x]\n")
	t.Chdir(dir)
	return dir
}

func TestPrintConfig(t *testing.T) {
	dir := site(t)
	got := verbtest.Run(t, "build", "-config", "site/kguest.yaml", "-cmd", "ps", "-arch=amd64", "-file", "here:/here", "-no-manifest=false", "-print-config")
	want := strings.ReplaceAll(`arch: amd64 # -arch
compress: lz4:1 # site/kguest.d/10-lz4.yaml:1: compress
no-manifest: false # -no-manifest
profile: minimal # the default
cmd:
    - ls # site/kguest.yaml:5: cmd
    - example.com/mine # site/kguest.yaml:6: cmd
    - cat # site/kguest.d/10-lz4.yaml:2: cmd
    - ps # -cmd
program:
    - strace # site/kguest.d/20-more.yaml:2: program
    - DIR/site/kguest.d/bin/x # site/kguest.d/20-more.yaml:2: program
kernel-config: DIR/site/../config # site/kguest.yaml:11: kernel-config
modules:
    - none # site/kguest.yaml:3: modules
file:
    - DIR/site/motd:/etc/motd # site/kguest.yaml:8: file
    - /abs:/abs:0600 # site/kguest.yaml:9: file
    - DIR/here:/here # -file
hook:
    - before-network/10-vlan=DIR/site/vlan.sh # site/kguest.yaml:10: hook
`, "DIR", dir)
	if diff := cmp.Diff(want, got.Stdout); got.Status != 0 || got.Stderr != "" || diff != "" {
		t.Errorf("-print-config: status %d, %q (-want +got):\n%s", got.Status, got.Stderr, diff)
	}
	read := verbtest.Run(t, "build", "-config", verbtest.Write(t, "other/printed.yaml", got.Stdout), "-print-config")
	if diff := cmp.Diff(values(want), values(read.Stdout)); read.Status != 0 || diff != "" {
		t.Errorf("printed, read and printed again: %+v (-want +got):\n%s", read, diff)
	}
}

// values is a printed configuration without where its values are from.
func values(text string) []string {
	var lines []string
	for line := range strings.Lines(text) {
		value, _, _ := strings.Cut(line, " # ")
		lines = append(lines, strings.TrimSpace(value))
	}
	return lines
}

// Text that YAML would take for something else comes back as it was.
func TestPrintConfigQuotes(t *testing.T) {
	t.Chdir(t.TempDir())
	odd := []string{"true", "5", "0x10", "~", "null", "a: b", "# c", " d ", "- e", "line\nend", "*f", "&g", "'h\"", "\x01", "2001-01-01", "ü", "{i}"}
	args := []string{"build", "-print-config"}
	for _, text := range odd {
		args = append(args, "-symlink="+text)
	}
	first := verbtest.Run(t, args...)
	verbtest.Write(t, "odd.yaml", first.Stdout)
	second := verbtest.Run(t, "build", "-print-config", "-config", "odd.yaml")
	if diff := cmp.Diff(values(first.Stdout), values(second.Stdout)); second.Status != 0 || diff != "" {
		t.Errorf("printed again: %+v (-first +second):\n%s", second, diff)
	}
	if got := strings.Count(second.Stdout, "# odd.yaml:"); got != len(odd)+3 {
		t.Errorf("printed again: %d values from the file, want %d:\n%s", got, len(odd)+3, second.Stdout)
	}
}

func TestConfigErrors(t *testing.T) {
	t.Chdir(t.TempDir())
	verbtest.Write(t, "file", "x")
	tests := []struct{ text, want string }{
		{"compres: lz4", `c.yaml:1: unknown key "compres"; did you mean "compress"?`},
		{"plan: true", `c.yaml:1: unknown key "plan"`},
		{"config: c.yaml", `c.yaml:1: unknown key "config"`},
		{"\ncompress: lz5", `c.yaml:2: compress "lz5": no compression "lz5"; there are none, lz4, zstd, gzip, xz; did you mean "lz4"?`},
		{"arch: [arm64]", "c.yaml:1: arch: want one value, not a list"},
		{"no-shell: yes please", `c.yaml:1: no-shell: "yes please": want true or false`},
		{"cmd: [ls, ./ls]", `c.yaml:1: cmd "./ls": `},
		{"cmd:\n- ls\n- lss", `c.yaml:3: cmd lss: no command of that name in kguest or u-root; did you mean "ls"?`},
		{"file: file", `c.yaml:1: file "file": want HOST:GUEST`},
		{"file: gone:/x", `c.yaml:1: file gone:/x: read file: stat gone: no such file or directory`},
		{"hook: befor-network=file", `c.yaml:1: hook "befor-network=file": "befor-network": want before-STAGE or after-STAGE; did you mean "before"?`},
		{"modules: nobody\nmodules-dir: 6.1.0-test", "c.yaml:1: modules: kernel 6.1.0-test has no module nobody"},
		{"cmd: [ls\n", "c.yaml:"},
	}
	if err := os.Symlink(modulesDir(t), "6.1.0-test"); err != nil {
		t.Fatal(err)
	}
	for _, tt := range tests {
		verbtest.Write(t, "c.yaml", tt.text)
		got := verbtest.Run(t, "build", "-o", "x.cpio", "-config", "c.yaml")
		if got.Status != 1 || !strings.HasPrefix(got.Stderr, "mkinitramfs: "+tt.want) || strings.Count(got.Stderr, "\n") != 1 {
			t.Errorf("%q: status %d, %q, want 1 and one line with %q", tt.text, got.Status, got.Stderr, tt.want)
		}
		if _, err := os.Lstat("x.cpio"); err == nil {
			t.Errorf("%q: wrote an image", tt.text)
		}
	}
	got := verbtest.Run(t, "build", "-o", "x.cpio", "-config", "gone.yaml")
	if want := "mkinitramfs: read configuration: open gone.yaml: no such file or directory\n"; got.Status != 1 || got.Stderr != want {
		t.Errorf("-config gone.yaml: status %d, %q, want %q", got.Status, got.Stderr, want)
	}
}
