package build_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/kguest/kguest/pkg/hostcmd/verbtest"
)

const kernelConfig = "CONFIG_X86_64=y\nCONFIG_64BIT=y\nCONFIG_MODULES=y\nCONFIG_BLK_DEV_INITRD=y\nCONFIG_RD_GZIP=y\n"

// What the guest's kernel says of itself is checked, and the flag named that
// asked for something else.
func TestKernel(t *testing.T) {
	t.Chdir(t.TempDir())
	verbtest.Write(t, "config", kernelConfig)
	verbtest.Write(t, "small", strings.Replace(kernelConfig, "CONFIG_MODULES=y", "# CONFIG_MODULES is not set", 1))
	verbtest.Write(t, "bare", strings.Replace(kernelConfig, "CONFIG_BLK_DEV_INITRD=y\n", "", 1))
	verbtest.Write(t, "c.yaml", "compress: xz\nkernel-config: config\nkernel: config\n")
	tests := []struct{ args, want string }{
		{"-compress lz4 -kernel-config config", "-compress lz4: kernel does not unpack lz4: CONFIG_RD_LZ4 is not set in config; use none, gzip"},
		{"-config c.yaml -kernel vmlinuz", "-kernel vmlinuz: read kernel image: open vmlinuz: no such file"},
		{"-config c.yaml", "c.yaml:3: kernel config: read kernel image config: not a kernel"},
		{"-kernel-config bare", "-compress (the default): kernel unpacks no initramfs: CONFIG_BLK_DEV_INITRD is not set in bare"},
		{"-kernel-config gone", "-kernel-config gone: read kernel configuration: open gone: no such file"},
		{"-kernel-config config -arch arm64", "kernel configuration config is for amd64, and the image is for arm64 (-arch)"},
	}
	for _, tt := range tests {
		got := verbtest.Run(t, append([]string{"build", "-o", "x.cpio", "-modules", "none"}, strings.Fields(tt.args)...)...)
		if got.Status != 1 || !strings.HasPrefix(got.Stderr, "mkinitramfs: "+tt.want) || strings.Count(got.Stderr, "\n") != 1 {
			t.Errorf("%s: status %d, %q, want 1 and one line with %q", tt.args, got.Status, got.Stderr, tt.want)
		}
	}
	if _, err := os.Lstat("x.cpio"); err == nil {
		t.Error("an image was written")
	}
	got := verbtest.Run(t, "build", "-plan", "-kernel-config", "small", "-vmm", "qemu", "-arch", "amd64", "-modules-dir", filepath.Dir(modulesDir(t)))
	if got.Status != 1 {
		t.Errorf("a folder that is no kernel's: %+v", got)
	}
}

// A kernel without modules needs no folder, and this machine's is not looked
// for; a module that somebody names is refused.
func TestKernelWithoutModules(t *testing.T) {
	t.Chdir(t.TempDir())
	const builtin = "CONFIG_VIRTIO_BLK=y\nCONFIG_VIRTIO_MMIO=y\nCONFIG_SQUASHFS=y\nCONFIG_OVERLAY_FS=y\n"
	verbtest.Write(t, "boot/config-1.0", builtin+strings.Replace(kernelConfig, "CONFIG_MODULES=y", "# CONFIG_MODULES is not set", 1))
	const none = "the kernel loads no modules (CONFIG_MODULES is not set in boot/config-1.0)"
	got := verbtest.Run(t, "build", "-plan", "-arch", "amd64", "-kernel-config", "boot/config-1.0", "-vmm", "qemu")
	if got.Status != 0 || strings.Contains(got.Stdout, "lib/modules") || !strings.Contains(got.Stdout+got.Stderr, none) {
		t.Errorf("-vmm qemu: %+v, want an image without modules, and why", got)
	}
	for _, name := range []string{"boot/config-1.0", "loads"} {
		verbtest.Write(t, "loads", builtin+kernelConfig)
		got = verbtest.Run(t, "build", "-plan", "-arch", "amd64", "-kernel-config", name)
		if want := "mkinitramfs: no kernel modules in the image: the kernel has built in what a boot needs (" + name + ")\n"; got.Status != 0 || got.Stderr != want {
			t.Errorf("-kernel-config %s: %+v, want %q", name, got, want)
		}
	}
	got = verbtest.Run(t, "build", "-plan", "-arch", "amd64", "-kernel-config", "boot/config-1.0", "-modules", "dm_verity")
	if got.Status != 1 || !strings.Contains(got.Stderr, "-modules: module dm_verity: the kernel loads none (CONFIG_MODULES is not set in boot/config-1.0); leave it out") {
		t.Errorf("-modules dm_verity: %+v, want it refused", got)
	}
}

// An image in a folder that it has would have a part of itself.
func TestOutputInAddedFolder(t *testing.T) {
	t.Chdir(t.TempDir())
	verbtest.Write(t, "in/f", "x")
	if err := os.Symlink("in", "link"); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir("in/deep", 0o755); err != nil {
		t.Fatal(err)
	}
	for _, args := range []string{"-file .:/x -o ./out.cpio", "-file in:/x -o in/deep/out.cpio", "-file link:/ -o in/out.cpio", "-file in:/x -o link/out.cpio"} {
		got := verbtest.Run(t, append([]string{"build", "-modules", "none"}, strings.Fields(args)...)...)
		want := ": the image itself is written in the folder that is added, "
		if got.Status != 1 || !strings.HasPrefix(got.Stderr, "mkinitramfs: -file ") || !strings.Contains(got.Stderr, want) || strings.Count(got.Stderr, "\n") != 1 {
			t.Errorf("%s: %+v, want status 1 and %q", args, got, want)
		}
	}
	wd, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("TMPDIR", filepath.Join(wd, "in/deep"))
	got := verbtest.Run(t, "build", "-modules", "none", "-file", "in:/x", "-o", "out.cpio")
	if want := "-file in:/x: what is compiled is written in the folder that is added, in; set TMPDIR to a folder elsewhere"; got.Status != 1 || !strings.Contains(got.Stderr, want) {
		t.Errorf("TMPDIR in the folder: %+v, want %q", got, want)
	}
	if left := verbtest.Snapshot(t, "."); len(left) != 5 {
		t.Errorf("left behind: %q", left)
	}
	if got := verbtest.Run(t, "build", "-modules", "none", "-file", "in/f:/f", "-o", "in/out.cpio"); got.Status != 0 {
		t.Errorf("beside a file that is added: %+v", got)
	}
}

// What is printed of an image that is made or planned.
func TestResult(t *testing.T) {
	t.Chdir(t.TempDir())
	dir := modulesDir(t)
	verbtest.Write(t, "f", "x")
	args := []string{"build", "-modules-dir", dir, "-modules", "dm_verity", "-file", "f:/f", "-compress", "gzip:1"}

	planned := verbtest.Run(t, append(args, "-plan")...)
	for _, want := range []string{
		`-rw-r-----  0:0  1 +/f +-file f:/f\n`,
		`lrwxrwxrwx  0:0  0 +/init -> bbin/kguest +the first process\n`,
		`\nmodules:     virtio_blk squashfs overlay dm_verity \(in load order\)\n`,
		`\nbuilt in:    ext4\n`,
		`\ncompression: gzip:1\nimage:       \d{7} bytes in \d\d files, before compression\nmemory:      \d{7} bytes of the guest's`,
	} {
		if planned.Status != 0 || !regexp.MustCompile(want).MatchString(planned.Stdout) {
			t.Errorf("-plan: %+v, want %s", planned, want)
		}
	}
	if left := verbtest.Snapshot(t, "."); len(left) != 2 {
		t.Errorf("-plan left behind: %q", left)
	}

	shown := verbtest.Run(t, append(args, "-o", "x.cpio", "-v")...)
	if !strings.Contains(shown.Stdout, " 4 modules (signatures kept), 1 files\n") {
		t.Errorf("build: %+v, want what became of the signatures", shown)
	}
	if !regexp.MustCompile(`\nmkinitramfs: module signatures are kept, as it is not known whether .+\n$`).MatchString(shown.Stderr) {
		t.Errorf("-v: %q, want why signatures are kept", shown.Stderr)
	}
	built := verbtest.Run(t, append(args, "-o", "x.cpio", "-json", "-v")...)
	if !regexp.MustCompile(`^( +\d+\.\d{3} s  .+\n)+ +\d+\.\d{3} s  in all\n$`).MatchString(built.Stderr) {
		t.Errorf("-v: %q, want a line for each step", built.Stderr)
	}
	var got struct {
		Output, Arch, Compression string
		Bytes                     int64
		Commands, Modules         []string
		Builtin, Missing          []string
		Warnings                  []string
	}
	if err := json.Unmarshal([]byte(built.Stdout), &got); err != nil || built.Status != 0 {
		t.Fatalf("-json: %+v, %v", built, err)
	}
	info, err := os.Stat("x.cpio")
	if err != nil || info.Size() != got.Bytes || got.Output != "x.cpio" || got.Compression != "gzip:1" {
		t.Errorf("-json: %+v, want the size %d, %v", got, info.Size(), err)
	}
	if !slices.Equal(got.Modules, []string{"virtio_blk", "squashfs", "overlay", "dm_verity"}) || !slices.Contains(got.Commands, "kinit") ||
		!slices.Contains(got.Missing, "virtio_net") || len(got.Warnings) == 0 {
		t.Errorf("-json: %+v, want the modules and commands", got)
	}
}
