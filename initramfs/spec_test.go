package initramfs

import (
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/kguest/kguest/initramfs/modules"
	"github.com/kguest/kguest/initramfs/multicall"
)

// hostFile makes a file of the host.
func hostFile(t *testing.T, data string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, []byte(data), 0o640); err != nil {
		t.Fatal(err)
	}
	return name
}

// sparse makes a file of that many bytes and no blocks.
func sparse(t *testing.T, size int64) string {
	t.Helper()
	name := hostFile(t, "")
	if err := os.Truncate(name, size); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestSpecCheck(t *testing.T) {
	good := &Spec{
		Arch:       "arm64",
		Commands:   []multicall.Ask{{Name: "ls"}, {Name: "example.com/x"}},
		Files:      []File{{Host: hostFile(t, "x"), Guest: "/etc/x"}, {Host: sparse(t, 1<<32-1), Guest: "/big"}, {Host: hostFile(t, "x"), Guest: strings.Repeat("/x", 2048)}, {Host: hostFile(t, ""), Guest: "/running/" + strings.Repeat("x", 255)}},
		ModulesDir: "/lib/modules/x",
		Modules:    []modules.Ask{{Name: "virtio_blk"}},
		ModTime:    1<<32 - 1,
	}
	if err := good.Check(); err != nil {
		t.Errorf("Check = %v, want nil", err)
	}
	tests := []struct {
		name string
		s    Spec
		want string
	}{
		{"no arch", Spec{}, `no guest architecture ""; there are amd64, arm64, riscv64`},
		{"arch", Spec{Arch: "x86_64"}, `no guest architecture "x86_64"`},
		{"time", Spec{Arch: "amd64", ModTime: -1}, `time -1 is not within`},
		{"time after 2106", Spec{Arch: "amd64", ModTime: 1 << 32}, `time 4294967296 is not within`},
		{"command", Spec{Arch: "amd64", Commands: []multicall.Ask{{Name: "init", From: "-cmd init"}}}, `-cmd init: the name init is taken`},
		{"modules", Spec{Arch: "amd64", Modules: []modules.Ask{{Name: "a", From: "-modules"}}}, `-modules: no modules folder to take module a from`},
	}
	for _, tt := range tests {
		if err := tt.s.Check(); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: Check = %v, want an error with %q", tt.name, err, tt.want)
		}
	}
}

func TestSpecCheckFiles(t *testing.T) {
	dir := t.TempDir()
	file := hostFile(t, "x")
	fifo, loop := filepath.Join(dir, "fifo"), filepath.Join(dir, "loop")
	if err := syscall.Mkfifo(fifo, 0o644); err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(dir, "socket")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	if err := os.Symlink("loop", loop); err != nil {
		t.Fatal(err)
	}
	tests := []struct{ host, guest, want string }{
		{file, "etc/x", `path "etc/x" in the guest must begin with a slash`},
		{file, "/etc/", `path "/etc/" in the guest is a folder's; give the file's own name too`},
		{file, "/", `is a folder's`},
		{file, "/etc/../x", `is not clean; did you mean "/x"?`},
		{file, "//x", `is not clean`},
		{file, "/etc/a\tb", `path "/etc/a\tb" in the guest has a control character`},
		{file, "/etc/a\u0085b", `has a control character`},
		{file, "/dev/console", `/dev/console would be hidden: the boot mounts a file system of the kernel's on /dev; choose another path`},
		{file, "/proc/x", `/proc/x would be hidden`},
		{file, "/run/a/x", `/run/a/x would be hidden`},
		{file, "/sys/x", `/sys/x would be hidden`},
		{file, "/lib/modules/kguest.order", `/lib/modules/kguest.order is reserved`},
		{file, "/lib/modules/kguest.order/x", `/lib/modules/kguest.order is reserved`},
		{file, "/" + strings.Repeat("x", 256), `has 256 bytes, more than 255; choose a shorter one`},
		{file, strings.Repeat("/x", 2048) + "y", `path in the guest has 4096 bytes, more than 4095; choose a shorter one`},
		{filepath.Join(dir, "gone"), "/x", `gone: no such file or directory; give the path of a file that is there`},
		{filepath.Join(file, "x"), "/x", `not a directory`},
		{loop, "/x", `too many levels of symbolic links`},
		{dir, "/", ``},
		{dir, "/x", ``},
		{fifo, "/x", ``},
		{"/dev/null", "/x", ``},
		{socket, "/x", socket + ` is a socket, which an image cannot hold; leave it out`},
		{file + "s", "/x", `no such file or directory; did you mean ` + file + `?`},
		{filepath.Dir(file) + "x/file", "/x", `no such file or directory; did you mean ` + file + `?`},
		{filepath.Dir(file) + "x/gone", "/x", `no such file or directory; give the path of a file that is there`},
		{"/proc/self/mem", "/x", `read /proc/self/mem: input/output error`},
		{"/proc/version", "/x", `/proc/version has more than the 0 bytes that it says`},
		{sparse(t, 1<<32), "/x", `has 4294967296 bytes, and an initramfs holds files of less than 4 GiB`},
	}
	for _, tt := range tests {
		s := Spec{Arch: "amd64", Files: []File{{Host: tt.host, Guest: tt.guest, From: "-file f"}}}
		err := s.Check()
		if tt.want == "" && err == nil {
			continue
		}
		if err == nil || tt.want == "" || !strings.Contains(err.Error(), tt.want) || !strings.HasPrefix(err.Error(), "-file f: ") {
			t.Errorf("Check(%s:%s) = %v, want an error with %q", tt.host, tt.guest, err, tt.want)
		}
	}
}

// The tests may run as root, whom few files are refused.
func TestReadError(t *testing.T) {
	tests := []struct {
		err  error
		want string
	}{
		{&fs.PathError{Op: "open", Path: "a", Err: syscall.EACCES}, "read file: open a: permission denied; make it readable to you, or leave it out"},
		{&fs.PathError{Op: "open", Path: "a", Err: syscall.EPERM}, "read file: open a: operation not permitted; make it readable to you, or leave it out"},
		{&fs.PathError{Op: "stat", Path: "a", Err: syscall.ENOENT}, "read file: stat a: no such file or directory; give the path of a file that is there"},
		{&fs.PathError{Op: "read", Path: "a", Err: syscall.EIO}, "read file: read a: input/output error; copy it to an ordinary file first, or leave it out"},
		{io.ErrUnexpectedEOF, "read file: unexpected EOF; copy it to an ordinary file first, or leave it out"},
	}
	for _, tt := range tests {
		if got := readError(tt.err); got.Error() != tt.want {
			t.Errorf("readError(%v) = %v, want %s", tt.err, got, tt.want)
		}
	}
}
