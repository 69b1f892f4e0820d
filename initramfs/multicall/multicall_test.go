package multicall

import (
	"bytes"
	"context"
	"crypto/sha256"
	"debug/buildinfo"
	"debug/elf"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// printer is a command that prints who it is.
const printer = `package main

import "os"

var name, greeting = "NAME", "hello"

func main() { os.Stdout.WriteString(name + " " + greeting + " " + os.Args[0] + "\n") }
`

// moduleWith makes a module example.com/m and returns it as a Source.
func moduleWith(t *testing.T, files map[string]string) Source {
	t.Helper()
	dir := t.TempDir()
	if _, ok := files["go.mod"]; !ok {
		write(t, filepath.Join(dir, "go.mod"), "module example.com/m\n\ngo 1.26\n")
	}
	for name, data := range files {
		write(t, filepath.Join(dir, name), data)
	}
	return Source{Dir: dir, GoRoot: here(t).GoRoot}
}

func write(t *testing.T, file, data string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(data), 0o644); err != nil {
		t.Fatal(err)
	}
}

// here returns the Source of this checkout.
func here(t *testing.T) Source {
	t.Helper()
	src, err := Find(t.Context(), ".")
	if err != nil {
		t.Fatal(err)
	}
	return src
}

// printers is a module of two commands, one of them named kinit.
func printers(t *testing.T) Source {
	t.Helper()
	return moduleWith(t, map[string]string{
		"cmds/kinit/main.go":   strings.Replace(printer, "NAME", "kinit", 1),
		"cmds/hello2/main.go":  strings.Replace(printer, "NAME", "hello2", 1),
		"cmds/hello2/other.go": "//go:build other\n\npackage main\n\nfunc init() { panic(\"of another build\") }\n",
	})
}

func printerAsks() []Ask {
	return []Ask{
		{Name: "example.com/m/cmds/kinit", From: "-cmd 1"},
		{Name: "example.com/m/cmds/hello2", From: "-cmd 2"},
	}
}

// buildPrinters returns the path of the program of printers, for arch.
func buildPrinters(t *testing.T, arch string) string {
	t.Helper()
	src := printers(t)
	cmds, err := src.Resolve(t.Context(), arch, printerAsks())
	if err != nil {
		t.Fatal(err)
	}
	program, _, err := src.Build(t.Context(), t.TempDir(), "bb", arch, cmds)
	if err != nil {
		t.Fatal(err)
	}
	return program
}

func TestBuildRuns(t *testing.T) {
	program := buildPrinters(t, runtime.GOARCH)
	tests := []struct {
		argv   []string
		want   string
		status int
	}{
		{[]string{"/bin/hello2"}, "hello2 hello /bin/hello2\n", 0},
		{[]string{"kinit", "hello2"}, "kinit hello kinit\n", 0},
		{[]string{"/init"}, "kinit hello /init\n", 0},
		{[]string{"/bbin/bb", "hello2"}, "hello2 hello hello2\n", 0},
		{[]string{"bb", "init"}, "kinit hello init\n", 0},
		{[]string{"bb"}, "bb: no such command; there are: hello2 kinit\n", 127},
		{[]string{"nobody", "nothing"}, "bb: no such command; there are: hello2 kinit\n", 127},
	}
	for _, tt := range tests {
		cmd := exec.Command(program)
		cmd.Args = tt.argv
		out, err := cmd.CombinedOutput()
		if cmd.ProcessState == nil {
			t.Fatal(err)
		}
		if string(out) != tt.want || cmd.ProcessState.ExitCode() != tt.status {
			t.Errorf("argv %q = %q, status %d, want %q, status %d", tt.argv, out, cmd.ProcessState.ExitCode(), tt.want, tt.status)
		}
	}
}

// Neither where a program is compiled nor what the environment says of the
// compiler is in its bytes.
func TestBuildReproducible(t *testing.T) {
	var sums [2][32]byte
	for i := range sums {
		if i == 1 {
			t.Setenv("GOAMD64", "v3")
			t.Setenv("GOARM64", "v9.0")
			t.Setenv("GORISCV64", "rva22u64")
			t.Setenv("GOEXPERIMENT", "nogreenteagc")
			t.Setenv("GODEBUG", "panicnil=1")
			t.Setenv("GOFIPS140", "latest")
			t.Setenv("GOFLAGS", "-tags=other -gcflags=-N -ldflags=-compressdwarf=false -race=false")
		}
		data, err := os.ReadFile(buildPrinters(t, runtime.GOARCH))
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(data, []byte(os.TempDir()+"/Test")) {
			t.Error("the program has the path of its work folder in it")
		}
		sums[i] = sha256.Sum256(data)
	}
	if sums[0] != sums[1] {
		t.Error("two builds in two folders differ")
	}
}

func TestBuildArches(t *testing.T) {
	machines := map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64, "riscv64": elf.EM_RISCV}
	for _, arch := range Arches() {
		program := buildPrinters(t, arch)
		f, err := elf.Open(program)
		if err != nil {
			t.Fatal(err)
		}
		if f.Machine != machines[arch] {
			t.Errorf("%s: machine %v, want %v", arch, f.Machine, machines[arch])
		}
		for _, p := range f.Progs {
			if p.Type == elf.PT_INTERP {
				t.Errorf("%s: wants a dynamic linker", arch)
			}
		}
		if f.Section(".symtab") != nil {
			t.Errorf("%s: not stripped", arch)
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
}

// Without a //go:debug line the program would have Go 1.20's settings.
func TestBuildGODEBUG(t *testing.T) {
	info, err := buildinfo.ReadFile(buildPrinters(t, runtime.GOARCH))
	if err != nil {
		t.Fatal(err)
	}
	settings := make(map[string]string)
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	if got := settings["DefaultGODEBUG"]; strings.Contains(got, "panicnil=1") {
		t.Errorf("DefaultGODEBUG = %s, want Go 1.26's", got)
	}
	if settings["CGO_ENABLED"] != "0" || settings["-trimpath"] != "true" {
		t.Errorf("build settings = %v, want CGO_ENABLED=0 and -trimpath", settings)
	}
}

func TestBuildCanceled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	src := printers(t)
	cmds, err := src.Resolve(ctx, runtime.GOARCH, printerAsks())
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if _, _, err := src.Build(ctx, t.TempDir(), "bb", runtime.GOARCH, cmds); !errors.Is(err, context.Canceled) {
		t.Errorf("Build(canceled) = %v, want %v", err, context.Canceled)
	}
	if _, err := src.Resolve(ctx, runtime.GOARCH, printerAsks()); !errors.Is(err, context.Canceled) {
		t.Errorf("Resolve(canceled) = %v, want %v", err, context.Canceled)
	}
}

// What the type checker of the first step passes, the compiler may refuse.
func TestBuildCompileError(t *testing.T) {
	src := moduleWith(t, map[string]string{
		"cmds/mixed/main.go": "package main\n\nvar a, b = 1, \"x\"\n\nfunc main() { println(a, b) }\n",
	})
	cmds, err := src.Resolve(t.Context(), runtime.GOARCH, []Ask{{Name: "example.com/m/cmds/mixed"}})
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = src.Build(t.Context(), t.TempDir(), "bb", runtime.GOARCH, cmds)
	if err == nil || !strings.Contains(err.Error(), "compile program: ") || strings.Contains(err.Error(), "\n") {
		t.Errorf("Build = %v, want one line of the compiler's", err)
	}
}

func TestBuildTypeError(t *testing.T) {
	src := moduleWith(t, map[string]string{"cmds/x/main.go": "package main\n\nfunc main() { undefined() }\n"})
	cmds, err := src.Resolve(t.Context(), runtime.GOARCH, []Ask{{Name: "example.com/m/cmds/x"}})
	if err == nil {
		_, _, err = src.Build(t.Context(), t.TempDir(), "bb", runtime.GOARCH, cmds)
	}
	if err == nil || !strings.Contains(err.Error(), "cmds/x/main.go:3:15: undefined: undefined") || strings.Contains(err.Error(), "\n") {
		t.Errorf("Build = %v, want the mistake's place in one line", err)
	}
}

// TestExperiments: another version of Go may not know their names, and would refuse
// to compile anything.
func TestExperiments(t *testing.T) {
	const none, both = "", "nogreenteagc,norandomizedheapbase64"
	for version, want := range map[string]string{
		"go1.26": both, "go1.26.8": both, "go1.26.8-X:nodwarf5": both, "go1.26rc1": none, "go1.25.3": none, "go1.27": none, "go1.260": none, "": none,
	} {
		if got := experiments(version); got != want {
			t.Errorf("experiments(%q) = %q, want %q", version, got, want)
		}
	}
}
