package build_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kguest/kguest/pkg/hostcmd/build"
	"github.com/kguest/kguest/pkg/hostcmd/verbtest"
)

// module is a kernel module for this machine with nothing in it but what it says
// of itself: an ELF header, the names of the sections, .modinfo, and the headers
// of three sections.
func module(info string) string {
	const names, nameBytes, header = 64, 24, 64
	body := "\x00.shstrtab\x00.modinfo\x00" + strings.Repeat("\x00", 4) + info
	headers := (names + len(body) + 7) / 8 * 8
	elf := make([]byte, headers+3*header)
	le := binary.LittleEndian
	copy(elf, "\x7fELF\x02\x01\x01")
	elf[16] = 1 // ET_REL
	elf[18] = map[string]byte{"amd64": 62, "arm64": 183, "riscv64": 243}[runtime.GOARCH]
	le.PutUint64(elf[40:], uint64(headers))
	le.PutUint16(elf[58:], header) // bytes of a section's header
	le.PutUint16(elf[60:], 3)
	le.PutUint16(elf[62:], 1) // the one with the names
	copy(elf[names:], body)
	section := func(n int, name, kind uint32, at, size int) {
		h := elf[headers+n*header:]
		le.PutUint32(h, name)
		le.PutUint32(h[4:], kind)
		le.PutUint64(h[24:], uint64(at))
		le.PutUint64(h[32:], uint64(size))
	}
	section(1, 1, 3, names, nameBytes)            // SHT_STRTAB
	section(2, 11, 1, names+nameBytes, len(info)) // SHT_PROGBITS
	return string(elf)
}

// modulesDir makes a modules folder of a kernel for this machine, with what
// -vmm qemu must have.
func modulesDir(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "6.1.0-test")
	var dep strings.Builder
	for _, name := range []string{"virtio_blk", "squashfs", "overlay", "dm-verity"} {
		verbtest.Write(t, filepath.Join(dir, name+".ko"), module(""))
		dep.WriteString(name + ".ko:\n")
	}
	verbtest.Write(t, filepath.Join(dir, "modules.dep"), dep.String())
	verbtest.Write(t, filepath.Join(dir, "modules.builtin"), "kernel/ext4.ko\n")
	return dir
}

// inputs is a folder with all that bad input is made of.
func inputs(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	verbtest.Write(t, filepath.Join(dir, "file"), "x")
	verbtest.Write(t, filepath.Join(dir, "old.cpio"), "the image of before")
	verbtest.Write(t, filepath.Join(dir, "kernel-of-deb/kernel/a.ko"), "")
	for _, name := range []string{"big", "bigger"} {
		if err := os.Truncate(verbtest.Write(t, filepath.Join(dir, name), ""), 1<<32); err != nil {
			t.Fatal(err)
		}
	}
	for name, target := range map[string]string{
		"loop": "loop", "to-fifo": "fifo", "to-folder": ".", "to-gone": "gone/x.cpio", "to-stdout": "/dev/stdout",
	} {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Mkfifo(filepath.Join(dir, "fifo"), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestBadInput(t *testing.T) {
	dir := inputs(t)
	modules := modulesDir(t)
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	t.Chdir(dir)
	const out = "-o old.cpio "
	tests := []struct {
		args   string
		status int
		want   string
	}{
		// Usage: status 2.
		{"", 2, "no verb; there are build, "},
		{"biuld", 2, `unknown verb "biuld"; did you mean "build"? (` + "`mkinitramfs help` shows how)"},
		{"help biuld", 2, `no help on "biuld"; did you mean "build"?`},
		{"build", 2, "no output file; give -o FILE (`mkinitramfs help build` shows how)"},
		{"build -o", 2, "no value after -o; want -o FILE"},
		{"build " + out + "-compres lz4", 2, "unknown flag -compres; did you mean -compress?"},
		{"build " + out + "-frobnicate", 2, "unknown flag -frobnicate ("},
		{"build " + out + "stray", 2, `unexpected argument "stray"`},
		{"build " + out + "-compress lz5", 2, `-compress "lz5": no compression "lz5"; there are none, lz4, zstd, gzip, xz; did you mean "lz4"?`},
		{"build " + out + "-compress=", 2, `-compress "": no compression ""; there are none, lz4, zstd, gzip, xz`},
		{"build " + out + "-vmm quemu", 2, `-vmm "quemu": want qemu, xen, firecracker, all; did you mean "qemu"?`},
		{"build " + out + "-arch amd65", 2, `-arch "amd65": want amd64, arm64, riscv64; did you mean "amd64"?`},
		{"build " + out + "-profile full", 2, `-profile "full": want minimal, rescue`},
		{"build " + out + "-cmd init", 2, `-cmd "init": the name init is taken`},
		{"build " + out + "-cmd a:b", 2, `-cmd "a:b": "a:b" is neither a command's name nor a Go import path`},
		{"build " + out + "-cmd ./ls", 2, `-cmd "./ls": stat `},
		{"build " + out + "-file file", 2, `-file "file": want HOST:GUEST, a path here and an absolute path in the guest`},
		{"build " + out + "-file :/x", 2, `-file ":/x": want HOST:GUEST`},
		{"build " + out + "-file file:x", 2, `-file "file:x": want HOST:GUEST`},
		{"build " + out + "-modules a,,b", 2, `-modules "a,,b": empty name in the list`},
		{"build " + out + "-modules none,a", 2, `-modules "none,a": none stands alone`},
		{"build " + out + "-modules a.ko", 2, `-modules "a.ko": "a.ko" is not a module's name`},
		// Output.
		{"build -o .", 1, "write .: it is a folder; give a file's name in it, such as -o initramfs.cpio"},
		{"build -o gone/x.cpio", 1, "write gone/x.cpio: there is no folder gone; make it first"},
		{"build -o file/x.cpio", 1, "write file/x.cpio: file is not a folder; give another -o"},
		{"build -o fifo", 1, "write fifo: it is there and not a regular file; give another name"},
		{"build -o /dev/null", 1, "write /dev/null: it is there and not a regular file"},
		{"build -o loop", 1, "write loop: too many levels of symbolic links; remove the link, or give another -o"},
		{"build -o -", 2, "-o -: the image cannot go to the standard output, as it is renamed to its name when it is whole; give a file, or ./- for one of that name"},
		{"build -o to-fifo", 1, "write to-fifo: it is there and not a regular file; give another name"},
		{"build -o to-folder", 1, "write to-folder: it is a folder; give a file's name in it, such as -o to-folder/initramfs.cpio"},
		{"build -o to-gone", 1, "write to-gone: there is no folder gone; make it first"},
		{"build -o /dev/stdout", 1, "write /dev/stdout: it leads into /proc/"},
		{"build -o to-stdout", 1, "where no file can be made or renamed; give a file elsewhere"},
		{"build -o /proc/self/fd/1", 1, "write /proc/self/fd/1: it leads into /proc/"},
		{"build -o file/x/y.cpio", 1, "write file/x/y.cpio: file/x is not a folder; give another -o"},
		{"build -o " + strings.Repeat("x", 256), 1, ": file name too long; give another -o"},
		// Files.
		{"build " + out + "-file gone:/x", 1, "-file gone:/x: read file: stat gone: no such file or directory; give the path of a file that is there"},
		{"build " + out + "-file file/x:/x", 1, "-file file/x:/x: read file: stat file/x: not a directory; give the path of a file that is there"},
		{"build " + out + "-file loop:/x", 1, "read file: stat loop: too many levels of symbolic links; give a path whose links do not lead back to themselves"},
		{"build " + out + "-file /proc/self/mem:/x", 1, "-file /proc/self/mem:/x: read file: read /proc/self/mem: input/output error; copy it to an ordinary file first, or leave it out"},
		{"build " + out + "-file big:/x", 1, "big has 4294967296 bytes, and an initramfs holds files of less than 4 GiB; put it on a disk of the guest"},
		{"build " + out + "-file file:/etc/", 1, `path "/etc/" in the guest is a folder's; give the file's own name too`},
		{"build " + out + "-file file:/etc", 1, "-file file:/etc: /etc is a folder (every image's folders); give the file's own name too"},
		{"build " + out + "-file file:/a/../b", 1, `did you mean "/b"?`},
		{"build " + out + "-file file:/x -file old.cpio:/x", 1, "-file old.cpio:/x: /x is in the image already, as a file (-file file:/x); choose another path"},
		{"build " + out + "-file file:/init", 1, "-file file:/init: /init is in the image already, as a symbolic link (the first process)"},
		{"build " + out + "-file file:/proc/x", 1, "-file file:/proc/x: /proc/x would be hidden: the boot mounts a file system of the kernel's on /proc; choose another path"},
		{"build " + out + "-file file:/lib/modules/kguest.order -modules none", 1, "/lib/modules/kguest.order is reserved for the image's own list of modules; choose another path"},
		{"build " + out + "-file file:/x -file file:/x/y", 1, "-file file:/x/y: /x is a file (-file file:/x), not a folder that could hold /x/y"},
		// Commands.
		{"build " + out + "-cmd lss", 1, `-cmd lss: no command of that name in kguest or u-root; did you mean "ls"?`},
		{"build " + out + "-cmd nosuch", 1, "-cmd nosuch: no command of that name in kguest or u-root (another module's is asked for by its import path)"},
		{"build " + out + "-cmd bb", 2, `-cmd "bb": the name bb is taken: it is the program that holds all commands but kguest's; leave it out`},
		{"build " + out + "-cmd example.com/nobody", 1, "-cmd example.com/nobody: find example.com/nobody: "},
		{"build " + out + "-cmd ls -cmd example.com/ls", 1, "-cmd example.com/ls: two commands named ls"},
		// Modules.
		{"build " + out + "-modules-dir gone", 1, "-modules-dir gone: stat gone: no such file or directory; give a folder that is there"},
		{"build " + out + "-modules-dir file", 1, "-modules-dir file: file is a file; give a folder"},
		{"build " + out + "-modules-dir kernel-of-deb", 1, "kernel-of-deb/modules.dep: no such file"},
		{"build " + out + "-modules nobody -modules-dir " + modules, 1, "-modules: kernel 6.1.0-test has no module nobody, neither in " + modules + " nor built in; leave it out, or give the modules folder of a kernel that has it"},
		{"build " + out + "-modules dm_verite -modules-dir " + modules, 1, `did you mean "dm_verity"?`},
		{"build " + out + "-vmm xen -modules-dir " + modules, 1, "-vmm xen: kernel 6.1.0-test has no module xen-blkfront"},
	}
	for _, tt := range tests {
		before := verbtest.Snapshot(t, dir)
		got := verbtest.Run(t, strings.Fields(tt.args)...)
		if got.Status != tt.status {
			t.Errorf("%s: status %d, want %d", tt.args, got.Status, tt.status)
		}
		if !strings.HasPrefix(got.Stderr, "mkinitramfs: ") || strings.Count(got.Stderr, "\n") != 1 || !strings.Contains(got.Stderr, tt.want) {
			t.Errorf("%s: stderr %q, want one line with %q", tt.args, got.Stderr, tt.want)
		}
		if got.Stdout != "" {
			t.Errorf("%s: stdout %q, want none", tt.args, got.Stdout)
		}
		if diff := cmp.Diff(before, verbtest.Snapshot(t, dir)); diff != "" {
			t.Errorf("%s: changed the folder (-before +after):\n%s", tt.args, diff)
		}
		if left := verbtest.Snapshot(t, temp); len(left) != 1 {
			t.Errorf("%s: left in the temporary folder: %q", tt.args, left[1:])
		}
	}
}

// Neither names with line ends nor long ones break the promise of one line.
func TestBadInputOneLine(t *testing.T) {
	t.Chdir(t.TempDir())
	verbtest.Write(t, "file", "")
	long := strings.Repeat("/name", 800)
	head, tail := strings.Repeat("/name", 20), strings.Repeat("/name", 12)
	tests := []struct{ file, want string }{
		{"no\nsuch:/x", `-file no\nsuch:/x: read file: stat no\nsuch: no such file or directory; give the path of a file that is there`},
		{"file:" + long + "/", `path "` + head + "..." + tail[1:] + `/" in the guest is a folder's; give the file's own name too`},
		{"gone" + long + ":/x", "read file: stat gone" + head[:96] + "..." + tail + ": no such file or directory; give the path of a file that is there"},
		{"file:/run" + long, "would be hidden"},
		{"file:/x" + long + long, "path in the guest has 8001 bytes, more than 4095; choose a shorter one"},
		{"file:/" + strings.Repeat("x", 256), "in the guest's path has 256 bytes, more than 255; choose a shorter one"},
		{"file:/a\nb", `path "/a\nb" in the guest has a control character; give it a name without`},
	}
	for _, tt := range tests {
		got := verbtest.Run(t, "build", "-o", "x.cpio", "-file", tt.file)
		if !strings.HasPrefix(got.Stderr, "mkinitramfs: -file ") || strings.Count(got.Stderr, "\n") != 1 || !strings.Contains(got.Stderr, tt.want) {
			t.Errorf("-file %.20q...: stderr %q, want one line with %q", tt.file, got.Stderr, tt.want)
		}
		if len(got.Stderr) > 500 {
			t.Errorf("-file %.20q...: %d bytes on stderr, want 500 at most", tt.file, len(got.Stderr))
		}
	}
}

func TestBadSourceDate(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, value := range []string{"yesterday", "-1", "4294967296"} {
		t.Setenv("SOURCE_DATE_EPOCH", value)
		got := verbtest.Run(t, "build", "-o", "x.cpio", "-modules", "none")
		if want := "SOURCE_DATE_EPOCH=\"" + value + "\": want seconds since 1970"; got.Status != 1 || !strings.Contains(got.Stderr, want) {
			t.Errorf("SOURCE_DATE_EPOCH=%s: status %d, %q, want 1 and %q", value, got.Status, got.Stderr, want)
		}
	}
}

func TestHelp(t *testing.T) {
	for _, args := range [][]string{{"help"}, {"-h"}, {"--help"}} {
		got := verbtest.Run(t, args...)
		if got.Status != 0 || got.Stderr != "" || !strings.Contains(got.Stdout, "mkinitramfs build") {
			t.Errorf("%q: %+v, want the verbs on stdout", args, got)
		}
	}
	for _, args := range [][]string{{"help", "build"}, {"build", "-h"}, {"build", "-o", "x", "--help"}} {
		if got := verbtest.Run(t, args...); got != (verbtest.Result{Stdout: build.Verb().Page()}) {
			t.Errorf("%q: %+v, want build's page on stdout", args, got)
		}
	}
}

func TestBuild(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	verbtest.Write(t, "old.cpio", "the image of before")
	verbtest.Write(t, "sub/x", "")
	for name, target := range map[string]string{"link.cpio": "old.cpio", "dangling.cpio": "sub/via", "sub/via": "../made.cpio"} {
		if err := os.Symlink(target, name); err != nil {
			t.Fatal(err)
		}
	}
	modules := modulesDir(t)
	tests := []struct {
		args           string
		stdout, stderr string // regular expressions
	}{
		{"-o a.cpio", `^a\.cpio: \d+ bytes, ` + runtime.GOARCH + `, 5 commands, 0 modules, 0 files\n$`, `^mkinitramfs: no kernel modules in the image; -modules-dir DIR .*\n$`},
		{"-o dangling.cpio -modules none", `^dangling\.cpio: `, `^$`},
		{"-o b.cpio -modules none -vmm qemu", `^b\.cpio: .* 0 modules`, `^$`},
		{"-o link.cpio -compress zstd -modules none -cmd echo -file a.cpio:/a.cpio -file old.cpio:/b", `^link\.cpio: .* 6 commands, 0 modules, 2 files\n$`, `^$`},
		{
			"-o c.cpio -modules dm_verity -modules-dir " + modules, `^c\.cpio: .* 4 modules`,
			`^mkinitramfs: left out, as this kernel has no such modules: virtio_pci virtio_mmio virtio_net virtio_console erofs\n$`,
		},
	}
	for _, tt := range tests {
		got := verbtest.Run(t, append([]string{"build"}, strings.Fields(tt.args)...)...)
		if got.Status != 0 || !regexp.MustCompile(tt.stdout).MatchString(got.Stdout) || !regexp.MustCompile(tt.stderr).MatchString(got.Stderr) {
			t.Errorf("%s: %+v, want stdout %s, stderr %s", tt.args, got, tt.stdout, tt.stderr)
		}
	}
	a, errA := os.ReadFile("a.cpio")
	b, errB := os.ReadFile("b.cpio")
	if errA != nil || errB != nil || !bytes.Equal(a, b) {
		t.Errorf("a.cpio, %v, and b.cpio, %v, differ", errA, errB)
	}
	for name, want := range map[string]string{"link.cpio": "old.cpio", "dangling.cpio": "sub/via", "sub/via": "../made.cpio"} {
		if target, err := os.Readlink(name); err != nil || target != want {
			t.Errorf("%s is a link to %q, %v, want it kept", name, target, err)
		}
	}
	if made, err := os.ReadFile("made.cpio"); err != nil || !bytes.Equal(made, a) {
		t.Errorf("made.cpio, %v, and a.cpio differ", err)
	}
	if old, err := os.ReadFile("old.cpio"); err != nil || !bytes.HasPrefix(old, []byte("\x28\xb5\x2f\xfd")) {
		t.Errorf("old.cpio begins with %x, %v, want a zstd archive", old[:4], err)
	}
	if got, err := filepath.Glob("*"); err != nil || len(got) != 8 {
		t.Errorf("files = %q, %v, want eight", got, err)
	}
}

func TestBuildCanceled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	t.Chdir(t.TempDir())
	got := verbtest.RunContext(ctx, strings.NewReader(""), "build", "-o", "x.cpio", "-modules", "none")
	if want := (verbtest.Result{Status: 1, Stderr: "mkinitramfs: interrupted\n"}); got != want {
		t.Errorf("build(canceled) = %+v, want %+v", got, want)
	}
	if left := verbtest.Snapshot(t, "."); len(left) != 1 {
		t.Errorf("left behind: %q", left)
	}
}

// What is in an image for other files names them, up to the one that was asked
// for: modules, and the libraries of programs.
func TestWhy(t *testing.T) {
	t.Chdir(t.TempDir())
	dir := modulesDir(t)
	dep, err := os.ReadFile(filepath.Join(dir, "modules.dep"))
	if err != nil {
		t.Fatal(err)
	}
	verbtest.Write(t, filepath.Join(dir, "modules.dep"), string(dep)+"top.ko: mid.ko low.ko\nmid.ko: low.ko\nlow.ko:\n")
	for name, info := range map[string]string{"top": "depends=mid\x00", "mid": "license=GPL\x00depends=low\x00", "low": "depends=\x00"} {
		verbtest.Write(t, filepath.Join(dir, name+".ko"), module(info))
	}
	args := []string{"build", "-o", "x.cpio", "-modules-dir", dir, "-modules", "top", "-file", "/bin/sh:/usr/bin/sh"}
	if got := verbtest.Run(t, args...); got.Status != 0 {
		t.Fatalf("build: %+v", got)
	}
	const folder = "/lib/modules/6.1.0-test/"
	got := verbtest.Run(t, "why", "x.cpio", folder+"low.ko", "/lib64/ld-linux-x86-64.so.2", "/lib/x86_64-linux-gnu/libc.so.6")
	for _, want := range []string{
		"  reason     -modules, needed by top\n  source     low.ko\n" +
			"  needed by  " + folder + "mid.ko (-modules, needed by top)\n" +
			"  needed by    " + folder + "top.ko (-modules)\n",
		"  needed by  /usr/bin/sh (-file sh:/usr/bin/sh)\n",
	} {
		if got.Status != 0 || !strings.Contains(got.Stdout, want) {
			t.Errorf("why: %+v, want\n%s", got, want)
		}
	}
	if n := strings.Count(got.Stdout, "  needed by "); n < 4 {
		t.Errorf("why: %d needs, want those of the loader and the library too:\n%s", n, got.Stdout)
	}
}
