//go:build vm

package initramfs

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kguest/kguest/initramfs/compress"
	"github.com/kguest/kguest/initramfs/kconfig"
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
	images, err := filepath.Glob(filepath.Join(dir, "boot/vmlinu[xz]-*"))
	if err != nil || len(images) != 1 {
		t.Fatalf("kernels in %s: %q, %v", dir, images, err)
	}
	_, release, _ := strings.Cut(filepath.Base(images[0]), "-")
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

// packedCheck is the first process of an image of another architecture: it
// checks the files of the archives before, and becomes the image's own.
const packedCheck = `package main

import (
	"crypto/sha256"
	"fmt"
	"os"
	"strings"
	"syscall"
)

func main() {
	sums, err := os.ReadFile("/sums")
	for line := range strings.Lines(string(sums)) {
		var want, file string
		fmt.Sscan(line, &want, &file)
		data, err := os.ReadFile(file)
		fmt.Println("CHECKED", file, err, fmt.Sprintf("%x", sha256.Sum256(data)) == want)
	}
	fmt.Println(err, syscall.Exec("/init", []string{"init"}, os.Environ()))
}
`

// compiledCheck returns the path of packedCheck, compiled for arch.
func compiledCheck(t *testing.T, arch string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "main.go"), []byte(packedCheck), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("go", "build", "-o", "check", "main.go")
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "GOOS=linux", "GOARCH="+arch, "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return filepath.Join(dir, "check")
}

// foreignMachines are those of other architectures than this one's, and the
// kernel's parameters that they need.
func foreignMachines() map[string][]string {
	return map[string][]string{
		"arm64":   {"console=ttyAMA0", "qemu-system-aarch64", "-M", "virt", "-cpu", "cortex-a57"},
		"riscv64": {"console=ttyS0", "qemu-system-riscv64", "-M", "virt"},
	}
}

// The kernels of other architectures unpack, in one image, an archive of each
// compression, and boot it to kinit's last line, which says that there is no
// disk. The kernel's configuration is known: what it could not unpack would be
// refused.
func TestKernelForeign(t *testing.T) {
	for arch, machine := range foreignMachines() {
		t.Run(arch, func(t *testing.T) {
			t.Parallel()
			kernel, dir := debianKernel(t, arch)
			preset, err := modules.Preset("qemu", "-vmm qemu")
			if err != nil {
				t.Fatal(err)
			}
			config, err := kconfig.Find(kernel, dir)
			if err != nil || config == nil {
				t.Fatalf("configuration of %s: %v, %v", kernel, config, err)
			}
			s := &Spec{Arch: arch, ModulesDir: dir, Modules: preset, KernelConfig: config}
			var sums strings.Builder
			for _, name := range Compressions() {
				for _, level := range []string{"", ":1"} {
					if name == "none" && level != "" {
						continue
					}
					file := "/packed-" + name + level
					s.Bases = append(s.Bases, Base{Host: packedBase(t, Compression(name+level), file, &sums), From: "-base " + file})
				}
			}
			s.Files = []File{
				{Host: compiledCheck(t, arch), Guest: "/check", From: "check"},
				{Kind: Text, Guest: "/sums", Data: []byte(sums.String()), From: "sums"},
			}
			var image bytes.Buffer
			if _, err := keeper(t).Build(t.Context(), s, compress.Zstd, &image); err != nil {
				t.Fatal(err)
			}
			out := booted(t, machine[1:], kernel, image.Bytes(), machine[0]+" panic=-1 kinit.timeout=1 rdinit=/check")
			for line := range strings.Lines(sums.String()) {
				file := strings.Fields(line)[1]
				if !strings.Contains(out, "CHECKED "+file+" <nil> true") {
					t.Errorf("%s is not in the guest as it was packed", file)
				}
			}
			if !strings.Contains(out, "kinit: exit code=125 signal=0 stage=images") || t.Failed() {
				t.Errorf("console:\n%s", out)
			}
		})
	}
}

// packedBase makes an archive with a file of 3 MiB, packed with c, and adds the
// digest of the file to sums.
func packedBase(t *testing.T, c Compression, file string, sums *strings.Builder) string {
	t.Helper()
	exe, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	data := append([]byte(file), exe[:3<<20]...)
	fmt.Fprintf(sums, "%x %s\n", sha256.Sum256(data), file)
	var tree Tree
	if err := tree.Add(Entry{Path: strings.TrimPrefix(file, "/"), Mode: 0o644, Content: Bytes(data)}); err != nil {
		t.Fatal(err)
	}
	return hostFile(t, string(written(t, &tree, c)))
}
