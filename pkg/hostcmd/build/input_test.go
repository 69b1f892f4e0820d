package build_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/kguest/kguest/pkg/hostcmd/verbtest"
)

// soon runs mkinitramfs, and fails where it waits.
func soon(t *testing.T, args ...string) verbtest.Result {
	t.Helper()
	done := make(chan verbtest.Result, 1)
	go func() { done <- verbtest.Run(t, args...) }()
	select {
	case got := <-done:
		return got
	case <-time.After(time.Minute):
		t.Fatalf("%q waits", args)
		return verbtest.Result{}
	}
}

// refused checks that a build fails in one line that has want, and writes
// nothing.
func refused(t *testing.T, args, want string) {
	t.Helper()
	got := soon(t, append([]string{"build", "-o", "x.cpio"}, strings.Fields(args)...)...)
	if got.Status == 0 || strings.Count(got.Stderr, "\n") != 1 || !strings.Contains(got.Stderr, want) {
		t.Errorf("%s: status %d, %q, want one line with %q", args, got.Status, got.Stderr, want)
	}
	if _, err := os.Lstat("x.cpio"); err == nil {
		t.Fatalf("%s: an image was written", args)
	}
}

// A named pipe is no input: each of these waited for a writer for ever.
func TestFIFO(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := syscall.Mkfifo("fifo", 0o644); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"go", "modules", "etc/modprobe.d", "d.d"} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"go/go.mod", "modules/modules.dep", "etc/modprobe.d/a.conf", "d.d/a.yaml"} {
		if err := syscall.Mkfifo(name, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	verbtest.Write(t, "d.yaml", "")
	const pipe = "a named pipe, not a regular file"
	for _, tt := range []struct{ args, want string }{
		{"-config fifo", "open fifo: " + pipe},
		{"-config d.yaml", "open d.d/a.yaml: " + pipe},
		{"-modules none -kernel fifo", "open fifo: " + pipe},
		{"-modules none -kernel-config fifo", "open fifo: " + pipe},
		{"-modules none -base fifo", "open fifo: " + pipe},
		{"-modules none -hook before-root=fifo", "fifo is a named pipe; give a script or a program"},
		{"-modules none -cmd ./go", "go/go.mod: " + pipe},
		{"-modules-dir modules", "modules.dep: " + pipe},
		{"-modules-dir " + modulesDir(t) + " -modprobe-d etc/modprobe.d", "etc/modprobe.d/a.conf: " + pipe},
		{"-modules-dir " + modulesDir(t) + " -modprobe-d fifo", "fifo is a named pipe; give a folder"},
	} {
		refused(t, tt.args, tt.want)
	}
	image := verbtest.Write(t, "image", "")
	for _, args := range []string{"ls fifo", "cat fifo x", "info fifo", "unpack -d out fifo", "why fifo x", "diff fifo " + image, "diff " + image + " fifo"} {
		got := soon(t, strings.Fields(args)...)
		if got.Status != 1 || args[:4] != "diff" && !strings.Contains(got.Stderr, "open fifo: "+pipe) {
			t.Errorf("%s: %+v, want status 1 and what fifo is", args, got)
		}
	}
}

// A folder that was asked for and is not there is an error, whether or not
// anything of it would have gone in.
func TestMissingFolders(t *testing.T) {
	t.Chdir(t.TempDir())
	verbtest.Write(t, "firmware/a", "")
	modules := modulesDir(t)
	for _, tt := range []struct{ args, want string }{
		{"-modules none -modules-dir gone", "-modules-dir gone: stat gone: no such file or directory; give a folder that is there"},
		{"-modules none -modprobe-d gone", "-modprobe-d gone: stat gone: no such file or directory"},
		{"-modules-dir " + modules + " -firmware-dir firmwar", "-firmware-dir firmwar: stat firmwar: no such file or directory; did you mean firmware?"},
		{"-modules none -firmware-dir firmware -firmware-dir firmware/a", "-firmware-dir firmware/a: firmware/a is a file; give a folder"},
		{"-modules none -sysroot gone", "-sysroot gone: stat gone: no such file or directory"},
	} {
		refused(t, tt.args, tt.want)
	}
	verbtest.Write(t, "c/c.yaml", "modules: none\nsysroot: gone\n")
	refused(t, "-config c/c.yaml", "c/c.yaml:2: sysroot c/gone: stat c/gone: no such file or directory")
}

// The kernel keeps 12 bits of a major number and 20 of a minor one, and drops
// the rest.
func TestNodeNumbers(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, tt := range []struct{ args, want string }{
		{"-modules none -node /dev/x:c:4096:0", "-node /dev/x:c:4096:0: major number 4096 of a device: the kernel has 12 bits for it; give at most 4095"},
		{"-modules none -node /dev/x:b:1:1048576", "minor number 1048576 of a device: the kernel has 20 bits for it; give at most 1048575"},
	} {
		refused(t, tt.args, tt.want)
	}
	if got := verbtest.Run(t, "build", "-plan", "-modules", "none", "-node", "/dev/x:c:4095:1048575"); got.Status != 0 {
		t.Errorf("the largest numbers: %+v", got)
	}
}

// A kernel that is known to have no driver for the disks of the hypervisor
// cannot boot an image without modules.
func TestKernelNeedsModules(t *testing.T) {
	t.Chdir(t.TempDir())
	const disk = "CONFIG_VIRTIO_BLK=m\nCONFIG_VIRTIO_PCI=y\nCONFIG_EXT4_FS=y\nCONFIG_OVERLAY_FS=y\n"
	verbtest.Write(t, "config", kernelConfig+disk)
	verbtest.Write(t, "whole", kernelConfig+strings.ReplaceAll(disk, "=m", "=y"))
	verbtest.Write(t, "xen", kernelConfig+disk+"CONFIG_XEN_BLKDEV_FRONTEND=y\n")
	verbtest.Write(t, "nofs", kernelConfig+strings.NewReplacer("=m", "=y", "EXT4_FS=y", "EXT4_FS=m").Replace(disk))
	verbtest.Write(t, "fixed", strings.Replace(kernelConfig, "CONFIG_MODULES=y", "# CONFIG_MODULES is not set", 1))
	const what = "the image would not boot without modules: the kernel does not have "
	for _, tt := range []struct{ args, want string }{
		{"-modules none -vmm qemu -kernel-config config", "-modules none: " + what + "virtio_blk built in (CONFIG_VIRTIO_BLK=m in config); put its modules in with -modules-dir DIR"},
		{"-kernel-config config", what + "any of virtio_blk, xen-blkfront built in (CONFIG_VIRTIO_BLK=m, CONFIG_XEN_BLKDEV_FRONTEND is not set in config)"},
		{"-modules none -vmm xen -kernel-config whole", "xen-blkfront built in (CONFIG_XEN_BLKDEV_FRONTEND is not set in whole); give another kernel"},
		{"-modules none -kernel-config nofs", "any of squashfs, erofs, ext4 built in (CONFIG_SQUASHFS is not set, CONFIG_EROFS_FS is not set, CONFIG_EXT4_FS=m in nofs); put its modules in"},
		{"-vmm qemu -kernel-config fixed", "-vmm qemu: " + what + "virtio_blk built in (CONFIG_VIRTIO_BLK is not set in fixed); give another kernel"},
	} {
		refused(t, "-arch amd64 "+tt.args, tt.want)
	}
	verbtest.Write(t, "script", "#!/bin/gosh\n")
	for _, args := range []string{
		"-modules none -kernel-config whole", "-modules none -vmm qemu -kernel-config whole", "-modules none -vmm xen -kernel-config xen",
		"-modules none -kernel-config config -cmd gosh -stage images=script",
	} {
		got := verbtest.Run(t, append([]string{"build", "-plan", "-arch", "amd64"}, strings.Fields(args)...)...)
		if got.Status != 0 {
			t.Errorf("%s: %+v, want a plan", args, got)
		}
	}
}

// A kernel that is known to have a part as a module cannot boot an image that
// leaves it out.
func TestKernelNeedsModule(t *testing.T) {
	t.Chdir(t.TempDir())
	const parts = "CONFIG_VIRTIO_BLK=m\nCONFIG_SQUASHFS=m\nCONFIG_EXT4_FS=y\nCONFIG_OVERLAY_FS=m\n"
	verbtest.Write(t, "config", kernelConfig+parts)
	verbtest.Write(t, "nofs", kernelConfig+strings.Replace(parts, "EXT4_FS=y", "EXT4_FS=m", 1))
	verbtest.Write(t, "c.yaml", "modules: [-overlay]\n")
	dir := " -modules-dir " + modulesDir(t)
	const what = "the image would not boot: the kernel does not have "
	for _, tt := range []struct{ args, want string }{
		{"-modules -overlay -kernel-config config", "-modules -overlay: " + what + "overlay built in (config), and the modules leave it out; leave it in"},
		{"-config c.yaml -kernel-config config", "c.yaml:1: modules -overlay: " + what + "overlay "},
		{"-modules -virtio* -kernel-config config -vmm qemu", what + "virtio_blk built in (config)"},
		{"-modules -[s-u]*,-e* -kernel-config nofs", what + "any of squashfs, erofs, ext4 built in (nofs)"},
	} {
		refused(t, "-arch amd64 "+tt.args+dir, tt.want)
	}
	for _, args := range []string{
		"-modules -overlay", "-modules -squashfs -kernel-config config", "-modules -virtio_blk,dm_verity -kernel-config config",
	} {
		got := verbtest.Run(t, append([]string{"build", "-plan", "-arch", "amd64"}, strings.Fields(args+dir)...)...)
		if got.Status != 0 {
			t.Errorf("%s: %+v, want a plan", args, got)
		}
	}
}

// A kernel that is known to lack what no module brings boots no image.
func TestKernelRuns(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, option := range []string{"BINFMT_ELF", "FUTEX", "EPOLL", "DEVTMPFS", "PROC_FS", "SYSFS", "TMPFS", "CGROUPS"} {
		verbtest.Write(t, "config", kernelConfig+"# CONFIG_"+option+" is not set\n")
		want := "the image would not boot: CONFIG_" + option + " is not set in config; give another kernel"
		refused(t, "-arch amd64 -kernel-config config -modules-dir "+modulesDir(t), want)
		refused(t, "-arch amd64 -kernel-config config", want)
	}
}

// What the boot would fail to run is refused.
func TestScriptCannotRun(t *testing.T) {
	t.Chdir(t.TempDir())
	verbtest.Write(t, "dos", "#!/bin/gosh\r\necho\r\n")
	verbtest.Write(t, "dosarg", "#!/bin/gosh -x\r\necho\r\n")
	verbtest.Write(t, "plain", "echo hello\n")
	verbtest.Write(t, "empty", "")
	verbtest.Write(t, "nobody", "#!\necho\n")
	verbtest.Write(t, "object.ko", module(""))
	verbtest.Write(t, "folder/a", "")
	foreign := []byte("\x7fELF\x02\x01\x01" + strings.Repeat("\x00", 57)) // static, position-independent
	foreign[16], foreign[18], foreign[19] = 3, 22, 0                      // ET_DYN, EM_S390
	verbtest.Write(t, "foreign", string(foreign))
	const neither = " cannot run: it is neither a program nor a script with #! and an interpreter in its first line"
	for file, want := range map[string]string{
		"dos":       ": /etc/kinit/hostname cannot run: its first line ends in a carriage return, which the kernel takes for a part of the interpreter; save it",
		"dosarg":    "its first line ends in a carriage return",
		"plain":     neither,
		"empty":     neither,
		"object.ko": neither,
		"nobody":    "its first line names no interpreter behind #!",
		"folder":    ": folder is a folder; give a script or a program",
		"foreign":   ": /etc/kinit/hostname is a program for S390, and the image is for amd64; give one for that",
	} {
		refused(t, "-arch amd64 -modules none -cmd gosh -stage hostname="+file, "-stage hostname="+file+": ")
		refused(t, "-arch amd64 -modules none -cmd gosh -stage hostname="+file, want)
	}
	refused(t, "-modules none -cmd gosh -hook before-root=plain", "-hook before-root=plain: /etc/kinit/before-root.d/plain"+neither)
}

// Go commands run in other folders than the builder.
func TestRelativeTempDir(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.Mkdir("tmp", 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TMPDIR", "tmp")
	got := verbtest.Run(t, "build", "-o", "x.cpio", "-modules", "none", "-no-cache")
	if got.Status != 0 {
		t.Errorf("TMPDIR=tmp: %+v", got)
	}
	if left, err := filepath.Glob("tmp/*"); err != nil || len(left) > 0 {
		t.Errorf("left in TMPDIR: %q, %v", left, err)
	}
}
