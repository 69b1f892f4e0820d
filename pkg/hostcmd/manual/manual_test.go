package manual_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kguest/kguest/pkg/hostcmd/verbtest"
)

// tool is the path of a program that a test cannot do without.
func tool(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("no %s", name)
	}
	return path
}

func TestManLint(t *testing.T) {
	mandoc := tool(t, "mandoc")
	dir := filepath.Join(t.TempDir(), "man1")
	if got := verbtest.Run(t, "man", "-d", dir); got != (verbtest.Result{}) {
		t.Fatalf("man -d: %+v", got)
	}
	pages, err := filepath.Glob(filepath.Join(dir, "*.1"))
	if err != nil || len(pages) < 20 {
		t.Fatalf("man -d: pages %q, %v", pages, err)
	}
	for _, page := range pages {
		out, _ := exec.Command(mandoc, "-Tlint", "-W", "warning", page).CombinedOutput()
		for line := range strings.Lines(string(out)) {
			if !strings.Contains(line, "missing date") { // the same input gives the same bytes
				t.Errorf("mandoc: %s", line)
			}
		}
	}
}

func TestMan(t *testing.T) {
	mandoc := tool(t, "mandoc")
	page := verbtest.Run(t, "man", "build").Stdout
	cmd := exec.Command(mandoc, "-Tascii", "-O", "width=200")
	cmd.Stdin = strings.NewReader(page)
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Join(strings.Fields(overstrike(string(out))), " ")
	for _, want := range []string{
		"NAME mkinitramfs-build - makes an initramfs SYNOPSIS mkinitramfs build -o FILE [flags]",
		"-arch amd64|arm64|riscv64 Of the guest.",
		"mkinitramfs build -o initramfs.cpio -modules 'dm_verity,nvme*,-floppy' -firmware-dir /lib/firmware",
		"/lib/modules/$(uname -r)",
		"SEE ALSO mkinitramfs(1)",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("man build: no %q in\n%s", want, text)
		}
	}
}

// TestManGuest: the guest's commands have pages, of what their -h prints; kinit's
// has the table of kernel parameters.
func TestManGuest(t *testing.T) {
	mandoc := tool(t, "mandoc")
	for name, texts := range map[string][]string{
		"kinit": {
			"KINIT(1)", "NAME kinit - the first process of a guest: it boots the machine", "STAGES mounts console modules",
			"kinit.break=STAGE[,STAGE]...|none (default none)", "opens a shell before each of these stages",
		},
		"kmount": {
			"NAME kmount - mounts what a guest is made of SYNOPSIS kmount [-n]", "DESCRIPTION Without an argument it does all", "DEV DIR the file system on DEV on DIR",
			"EXIT STATUS 0, 1 when something", "EXAMPLES kmount -n kernel",
		},
		"boot-shell": {"NAME boot-shell - the shell of a boot that stands", "-c COMMANDS run COMMANDS; NAME is $0"},
	} {
		cmd := exec.Command(mandoc, "-Tascii", "-O", "width=200")
		cmd.Stdin = strings.NewReader(verbtest.Run(t, "man", name).Stdout)
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		text := strings.Join(strings.Fields(overstrike(string(out))), " ")
		for _, want := range texts {
			if !strings.Contains(text, want) {
				t.Errorf("man %s: no %q in\n%s", name, want, text)
			}
		}
	}
}

// overstrike removes how a terminal's bold and underlined letters are made.
func overstrike(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if i+1 < len(s) && s[i+1] == '\b' {
			i++
			continue
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

func TestManErrors(t *testing.T) {
	verbtest.Write(t, filepath.Join(t.TempDir(), "x"), "")
	tests := []struct {
		args   []string
		status int
		want   string
	}{
		{[]string{"man", "biuld"}, 2, `no page of biuld; did you mean "build"?`},
		{[]string{"man", "build", "ls"}, 2, `unexpected argument "ls"`},
		{[]string{"man", "-d", "x", "ls"}, 2, `unexpected argument "ls"`},
		{[]string{"man", "-d", "/dev/null/x"}, 1, "make folder of manual pages: mkdir /dev/null: not a directory"},
		{[]string{"completion"}, 2, "no shell; give bash, zsh or fish"},
		{[]string{"completion", "tcsh"}, 2, `no completions for shell "tcsh"; there are bash, zsh and fish`},
	}
	for _, tt := range tests {
		got := verbtest.Run(t, tt.args...)
		if got.Status != tt.status || got.Stdout != "" || !strings.Contains(got.Stderr, tt.want) {
			t.Errorf("%q: %+v, want status %d and %q", tt.args, got, tt.status, tt.want)
		}
	}
}

// completions are the words before the cursor, the last one begun, and what
// each shell must offer.
func completions() []struct {
	words []string
	want  string
} {
	return []struct {
		words []string
		want  string
	}{
		{[]string{"bu"}, "build"},
		{[]string{"build", "-arch", ""}, "amd64 arm64 riscv64"},
		{[]string{"build", "-modules-d"}, "-modules-dir"},
		{[]string{"build", "-modules-dir", "m"}, "mods"},
		{[]string{"build", "-config", "k"}, "kguest.yaml"},
		{[]string{"build", "-file", "k"}, "kguest.yaml"},
		{[]string{"build", "-cmd", "k"}, ""},
		{[]string{"idm", "so"}, "sock"},
		{[]string{"idm", "sock", "ex"}, "exec"},
		{[]string{"idm", "sock", "exec", "-time"}, "-timeout"},
		{[]string{"idm", "sock", "exec", "-version", ""}, "auto 1 2"},
		{[]string{"completion", ""}, "bash zsh fish"},
		{[]string{"help", "bui"}, "build"},
		{[]string{"ls", "k"}, "kguest.yaml"},
	}
}

// files makes what file names are completed from, and enters their folder.
func files(t *testing.T, shell string) string {
	t.Helper()
	script := verbtest.Run(t, "completion", shell).Stdout
	t.Chdir(t.TempDir())
	for _, name := range []string{"kguest.yaml", "sock", "mods/modules.dep"} {
		verbtest.Write(t, name, "")
	}
	return verbtest.Write(t, filepath.Join(t.TempDir(), "script"), script)
}

func TestBash(t *testing.T) {
	script := files(t, "bash")
	all := completions()
	for _, split := range []struct{ words, want string }{
		{"build -arch = r", "riscv64"},
		{"build -arch =", "amd64 arm64 riscv64"},
		{"build -file kguest.yaml : /", ""},
		{"build -hook before-network = k", "kguest.yaml"},
	} {
		all = append(all, struct {
			words []string
			want  string
		}{strings.Fields(split.words), split.want})
	}
	for _, tt := range all {
		args := append([]string{
			"--norc", "-c", `. "$0"; COMP_WORDS=("$@") COMP_CWORD=$(($#-1)); _mkinitramfs; echo "${COMPREPLY[*]}"`, script, "mkinitramfs",
		}, tt.words...)
		out, err := exec.Command(tool(t, "bash"), args...).CombinedOutput()
		if got := strings.TrimSpace(string(out)); err != nil || got != tt.want {
			t.Errorf("bash completes %q with %q, %v, want %q", tt.words, got, err, tt.want)
		}
	}
}

func TestFish(t *testing.T) {
	fish := tool(t, "fish")
	script := files(t, "fish")
	for _, tt := range completions() {
		line := strings.Join(append([]string{"mkinitramfs"}, tt.words...), " ")
		cmd := exec.Command(fish, "--no-config", "-c", fmt.Sprintf("source %s; complete -C '%s'", script, line))
		cmd.Env = append(os.Environ(), "HOME="+t.TempDir())
		out, err := cmd.CombinedOutput()
		got := make(map[string]bool)
		for line := range strings.Lines(string(out)) {
			word, _, _ := strings.Cut(strings.TrimSpace(line), "\t")
			got[strings.TrimSuffix(word, "/")] = true
		}
		want := make(map[string]bool)
		for word := range strings.FieldsSeq(tt.want) {
			want[word] = true
		}
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("fish completes %q: %v (-want +got):\n%s", line, err, diff)
		}
	}
}

// zsh's own functions are stood in for: they need a terminal.
func TestZsh(t *testing.T) {
	zsh := tool(t, "zsh")
	script := files(t, "zsh")
	stubs := `_describe() { print -l describe "${(P@)2}" }; _files() { print files }; _arguments() { print -l arguments "$@" }; `
	tests := []struct {
		words string
		want  []string // lines
	}{
		{"bu", []string{"describe", "build:makes an initramfs"}},
		{"build -a", []string{"arguments", "-arch[Of the guest]:amd64|arm64|riscv64:(amd64 arm64 riscv64)", "-config[Reads flags from FILE; see below]:FILE:_files", "*:file:_files"}},
		{"idm so", []string{"files"}},
		{"idm sock ex", []string{"describe"}},
		{"idm sock exec -t", []string{"arguments", "-t[on a terminal in the guest, with this one in raw mode]"}},
		{"completion b", []string{"arguments", "*:operand:(bash zsh fish)"}},
	}
	for _, tt := range tests {
		words := strings.Fields(tt.words)
		code := stubs + fmt.Sprintf("words=(mkinitramfs %s) CURRENT=%d; . %s", tt.words, len(words)+1, script)
		out, err := exec.Command(zsh, "-f", "-c", code).CombinedOutput()
		lines := make(map[string]bool)
		for line := range strings.Lines(string(out)) {
			lines[strings.TrimSuffix(line, "\n")] = true
		}
		for _, want := range tt.want {
			if err != nil || !lines[want] {
				t.Errorf("zsh completes %q: %v, no line %q in\n%s", tt.words, err, want, out)
			}
		}
	}
}
