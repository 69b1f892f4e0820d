//go:build vm

package initramfs

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kguest/kguest/initramfs/compress"
	"github.com/kguest/kguest/initramfs/modules"
)

// debianKernel returns the image and the modules folder of Debian's kernel.
func debianKernel(t *testing.T, arch string) (image, modulesDir string) {
	t.Helper()
	out, err := exec.Command("../.ci/kernel", arch).Output()
	if err != nil {
		t.Fatalf("find a kernel: %v", err)
	}
	dir := strings.TrimSpace(string(out))
	images, err := filepath.Glob(filepath.Join(dir, "boot/vmlinuz-*"))
	if err != nil || len(images) != 1 {
		t.Fatalf("kernels in %s: %q, %v", dir, images, err)
	}
	release := strings.TrimPrefix(filepath.Base(images[0]), "vmlinuz-")
	return images[0], filepath.Join(dir, "lib/modules", release)
}

// bootTimeout bounds a boot; one takes 5 s alone, and a minute where others
// keep the machine busy.
const bootTimeout = 5 * time.Minute

// booted returns what a machine that boots image writes on its console.
func booted(t *testing.T, machine []string, kernel string, image []byte, cmdline string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), bootTimeout)
	defer cancel()
	file := filepath.Join(t.TempDir(), "image")
	if err := os.WriteFile(file, image, 0o600); err != nil {
		t.Fatal(err)
	}
	args := append(machine[1:len(machine):len(machine)],
		"-m", "768", "-display", "none", "-monitor", "none", "-serial", "stdio", "-nodefaults", "-no-reboot",
		"-kernel", kernel, "-initrd", file, "-append", cmdline)
	out, err := exec.CommandContext(ctx, machine[0], args...).CombinedOutput()
	if err != nil {
		t.Errorf("%s: %v", machine[0], err)
	}
	return string(out)
}

func amd64() []string { return []string{"qemu-system-x86_64", "-M", "q35", "-accel", "tcg"} }

// checkScript checks in the guest what is in the image; the kernel's panic ends
// the machine.
const checkScript = `#!/bin/sh
b() { /bin/busybox "$@"; }
b sha256sum -c /sums &&
	[ /opt/one -ef /opt/two ] && [ "$(b cat /opt/two)" = one ] && [ -p /opt/fifo ] && [ -c /null ] && [ -b /block ] &&
	[ "$(b readlink /opt/absolute)" = /etc/passwd ] &&
	[ "$(b stat -c %a:%u:%g /su)" = 4755:1:2 ] && [ "$(b stat -c %t:%T /block)" = 103:11170 ] &&
	[ -e /base1 ] && [ -e /base2 ] && [ -e /base3 ] && [ "$(b cat /etc/replaced)" = ours ] &&
	b stat -c %i:%h /lib/modules/kguest.order /opt/one && echo IMAGE-IS-WHOLE
`

// checkSpec asks for an image that the script checks, behind three bases. The
// shell needs its shared libraries.
func checkSpec(t *testing.T) *Spec {
	t.Helper()
	_, dir := debianKernel(t, "amd64")
	big := bytes.Repeat([]byte("0123456789abcdef"), 1<<19)
	mode := uint32(0o4755)
	s := &Spec{
		Arch: "amd64", ModulesDir: dir, Modules: []modules.Ask{{Name: "virtio_blk", From: "-modules"}},
		Files: []File{
			{Host: "/bin/sh", Guest: "/bin/sh", From: "sh"},
			{Host: "/bin/busybox", Guest: "/bin/busybox", From: "busybox"},
			{Host: folder(t), Guest: "/opt", From: "folder"},
			{Kind: Text, Guest: "/big", Data: big, From: "big"},
			{Kind: Text, Guest: "/etc/replaced", Data: []byte("ours\n"), From: "replaced"},
			{Kind: Text, Guest: "/su", Mode: &mode, Owner: &Owner{1, 2}, From: "su"},
			{Kind: CharDevice, Guest: "/null", Major: 1, Minor: 3, From: "null"},
			{Kind: BlockDevice, Guest: "/block", Major: 259, Minor: 70000, From: "block"},
			{Kind: Text, Guest: "/check", Data: []byte(checkScript), Mode: &mode, From: "check"},
		},
	}
	sum, err := digest(Bytes(big))
	if err != nil {
		t.Fatal(err)
	}
	s.Files = append(s.Files, File{Kind: Text, Guest: "/sums", Data: fmt.Appendf(nil, "%s  /big\n", sum), From: "sums"})
	for i, c := range []Compression{None, compress.LZ4, compress.Zstd} {
		s.Bases = append(s.Bases, Base{Host: baseWith(t, c, fmt.Sprintf("base%d", i+1)), From: "-base"})
	}
	return s
}

// baseWith makes an archive with a file of that name, another that the image
// replaces, and an odd length.
func baseWith(t *testing.T, c Compression, name string) string {
	t.Helper()
	var tree Tree
	err := addAll(&tree, []Entry{
		{Path: name, Mode: 0o644, Content: Bytes(name)},
		{Path: "etc/replaced", Mode: 0o600, Content: Bytes("the base's, and longer\n")},
	})
	if err != nil {
		t.Fatal(err)
	}
	return hostFile(t, string(written(t, &tree, c)))
}

// The kernel unpacks each compression, behind archives that come before it,
// and has what the plan says.
func TestKernelUnpacks(t *testing.T) {
	kernel, _ := debianKernel(t, "amd64")
	s := checkSpec(t)
	for _, c := range []Compression{None, compress.LZ4, compress.Zstd, compress.Gzip, compress.XZ} {
		t.Run(string(c), func(t *testing.T) {
			var image bytes.Buffer
			if _, err := keeper(t).Build(t.Context(), s, c, &image); err != nil {
				t.Fatal(err)
			}
			out := booted(t, amd64(), kernel, image.Bytes(), "console=ttyS0 panic=-1 rdinit=/check quiet cryptomgr.notests")
			if !strings.Contains(out, "IMAGE-IS-WHOLE") {
				t.Errorf("console:\n%s", out)
			}
		})
	}
}

// An arm64 image boots to kinit's last line, which says that there is no disk.
func TestKernelArm64(t *testing.T) {
	kernel, dir := debianKernel(t, "arm64")
	preset, err := modules.Preset("qemu", "-vmm qemu")
	if err != nil {
		t.Fatal(err)
	}
	var image bytes.Buffer
	s := &Spec{Arch: "arm64", ModulesDir: dir, Modules: preset}
	if _, err := keeper(t).Build(t.Context(), s, compress.Zstd, &image); err != nil {
		t.Fatal(err)
	}
	machine := []string{"qemu-system-aarch64", "-M", "virt", "-cpu", "cortex-a57"}
	out := booted(t, machine, kernel, image.Bytes(), "console=ttyAMA0 panic=-1 kinit.timeout=1")
	if !strings.Contains(out, "kinit: exit code=125 signal=0 stage=images") {
		t.Errorf("console:\n%s", out)
	}
}
