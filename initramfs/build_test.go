package initramfs

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	ucpio "github.com/u-root/u-root/pkg/cpio"

	"github.com/kguest/kguest/initramfs/modules"
	"github.com/kguest/kguest/initramfs/multicall"
)

// kernelDir makes a modules folder of a kernel for this machine.
func kernelDir(t *testing.T) string {
	t.Helper()
	elf := make([]byte, 64+2*64) // header, empty section, empty string table
	copy(elf, "\x7fELF\x02\x01\x01")
	elf[16] = 1 // ET_REL
	elf[18] = map[string]byte{"amd64": 62, "arm64": 183, "riscv64": 243}[runtime.GOARCH]
	elf[40], elf[58], elf[60], elf[62] = 64, 64, 2, 1 // e_shoff, e_shentsize, e_shnum, e_shstrndx
	elf[64+64+4] = 3                                  // SHT_STRTAB
	dir := filepath.Join(t.TempDir(), "6.1.0-test")
	for name, data := range map[string]string{
		"modules.dep":      "kernel/b-1.ko: kernel/a.ko\nkernel/a.ko:\n",
		"modules.builtin":  "kernel/c.ko\n",
		"kernel/a.ko":      string(elf),
		"kernel/b-1.ko":    string(elf) + "another",
		"kernel/unused.ko": "",
	} {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(data), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func builder(t *testing.T) *Builder {
	t.Helper()
	return &Builder{TempDir: t.TempDir()}
}

// checkEmpty checks that a builder left nothing in its folder.
func checkEmpty(t *testing.T, b *Builder) {
	t.Helper()
	left, err := os.ReadDir(b.TempDir)
	if err != nil || len(left) > 0 {
		t.Errorf("left in the work folder: %v, %v", left, err)
	}
}

func TestBuild(t *testing.T) {
	spec := &Spec{
		Arch:       runtime.GOARCH,
		Commands:   []multicall.Ask{{Name: "echo", From: "-cmd echo"}},
		ModulesDir: kernelDir(t),
		Modules:    []modules.Ask{{Name: "b_1", From: "-modules"}, {Name: "c"}, {Name: "d", Optional: true}},
	}
	var images [2]bytes.Buffer
	var report Report
	for i := range images {
		b := builder(t)
		var err error
		if report, err = b.Build(t.Context(), spec, None, &images[i]); err != nil {
			t.Fatal(err)
		}
		checkEmpty(t, b)
	}
	if !bytes.Equal(images[0].Bytes(), images[1].Bytes()) {
		t.Error("two images of the same spec differ")
	}
	want := Report{
		Commands: []string{"echo", "kexec-guest", "kinit", "kmount", "knet", "kroot"},
		Modules:  []string{"a", "b_1"}, Builtin: []string{"c"}, Missing: []string{"d"},
		Signatures: "kept, as it is not known whether the kernel enforces them; -kernel-config FILE tells; checking them is most of a boot's cost",
	}
	if diff := cmp.Diff(want, report); diff != "" {
		t.Errorf("report (-want +got):\n%s", diff)
	}
	checkImage(t, images[0].Bytes())
}

func checkImage(t *testing.T, image []byte) {
	t.Helper()
	recs, err := ucpio.ReadAllRecords(ucpio.Newc.Reader(bytes.NewReader(image)))
	if err != nil {
		t.Fatal(err)
	}
	bodies := make(map[string]string)
	for _, r := range recs {
		bodies[r.Name] = recordBody(t, r)
	}
	order := "/lib/modules/6.1.0-test/kernel/a.ko\n/lib/modules/6.1.0-test/kernel/b-1.ko\n"
	if got := bodies["lib/modules/kguest.order"]; got != order {
		t.Errorf("kguest.order = %q, want %q", got, order)
	}
	for name := range strings.Lines(order) {
		name = strings.TrimSuffix(strings.TrimPrefix(name, "/"), "\n")
		if !strings.HasPrefix(bodies[name], "\x7fELF") {
			t.Errorf("%s is not the module", name)
		}
	}
	for link, program := range map[string]string{"init": "bbin/kguest", "bin/kroot": "../bbin/kguest", "bin/echo": "../bbin/bb"} {
		if bodies[link] != program {
			t.Errorf("%s leads to %q, want %s", link, bodies[link], program)
		}
		if name := strings.TrimPrefix(program, "../"); !strings.HasPrefix(bodies[name], "\x7fELF") {
			t.Errorf("%s is not a program", name)
		}
	}
	if _, ok := bodies["lib/modules/6.1.0-test/kernel/unused.ko"]; ok {
		t.Error("a module that nobody asked for is in the image")
	}
}

// What is wrong without compiling is told without compiling.
func TestBuildErrorsEarly(t *testing.T) {
	file := hostFile(t, "x")
	dir := kernelDir(t)
	if err := os.WriteFile(filepath.Join(dir, "kernel", "a.ko"), []byte("text"), 0o644); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name string
		s    Spec
		want string
	}{
		{"check", Spec{Arch: "vax"}, `no guest architecture "vax"`},
		{"modules folder", Spec{Arch: "amd64", ModulesDir: t.TempDir()}, "modules.dep: no such file"},
		{"module", Spec{Arch: "amd64", ModulesDir: kernelDir(t), Modules: []modules.Ask{{Name: "nobody", From: "-modules"}}}, "has no module nobody"},
		{"module's file", Spec{Arch: "amd64", ModulesDir: dir, Modules: []modules.Ask{{Name: "b-1", From: "-modules"}}}, "-modules, needed by b_1: read module " + dir + "/kernel/a.ko: not an ELF file"},
		{"command", Spec{Arch: "amd64", Commands: []multicall.Ask{{Name: "lss", From: "-cmd lss"}}}, `-cmd lss: no command of that name`},
		{
			"file on the program",
			Spec{Arch: "amd64", Files: []File{{Host: file, Guest: "/bbin/kguest", From: "-file"}}},
			"-file: /bbin/kguest is in the image already, as a file (the program of kguest's commands)",
		},
		{
			"file on a command",
			Spec{Arch: "amd64", Commands: []multicall.Ask{{Name: "ls", From: "-cmd ls"}}, Files: []File{{Host: file, Guest: "/bin/ls", From: "-file"}}},
			"-file: /bin/ls is in the image already, as a symbolic link (command, -cmd ls)",
		},
		{
			"two files",
			Spec{Arch: "amd64", Files: []File{{Host: file, Guest: "/etc/x", From: "-file 1"}, {Host: file, Guest: "/etc/x", From: "-file 2"}}},
			"-file 2: /etc/x is in the image already, as a file (-file 1); choose another path",
		},
	}
	for _, tt := range tests {
		b := builder(t)
		b.Progress = func(msg string) {
			if strings.HasPrefix(msg, "compiling") {
				t.Errorf("%s: compiled before the error", tt.name)
			}
		}
		var out bytes.Buffer
		_, err := b.Build(t.Context(), &tt.s, None, &out)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: Build = %v, want an error with %q", tt.name, err, tt.want)
		}
		if out.Len() > 0 {
			t.Errorf("%s: %d bytes were written", tt.name, out.Len())
		}
		checkEmpty(t, b)
	}
}

func TestBuildCanceled(t *testing.T) {
	for _, step := range []string{"looking up", "compiling", "writing"} {
		ctx, cancel := context.WithCancel(t.Context())
		b := builder(t)
		b.Progress = func(msg string) {
			if strings.HasPrefix(msg, step) {
				cancel()
			}
		}
		_, err := b.Build(ctx, &Spec{Arch: runtime.GOARCH}, None, &bytes.Buffer{})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("Build(canceled when %s) = %v, want %v", step, err, context.Canceled)
		}
		checkEmpty(t, b)
		cancel()
	}
}
