package inspect

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	ucpio "github.com/u-root/u-root/pkg/cpio"
)

// foreignImages returns the folder of .ci/foreign-images.
func foreignImages(t testing.TB) string {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root: the images are compared as cpio unpacks them, with owners and devices")
	}
	script, err := filepath.Abs("../../.ci/foreign-images")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), script)
	var words bytes.Buffer
	cmd.Stderr = &words
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", script, err, words.String())
	}
	return strings.TrimSpace(string(out))
}

// foreignNames are the images, and how each can be unpacked by others: the
// program that gives the newc archive, behind what it is given.
var foreignNames = map[string][]string{
	"debian-bzip2.img": {"bzip2", "-dc"},
	"debian-gzip.img":  {"gzip", "-dc"},
	"debian-lz4.img":   {"lz4", "-dc"},
	"debian-lzma.img":  {"xz", "--format=lzma", "-dc"},
	"debian-xz.img":    {"xz", "-dc"},
	"debian-zstd.img":  {"zstd", "-qdc"},
	"dracut.img":       {"gzip", "-dc"},
	"dracut.efi":       {"gzip", "-dc"},
	"mkuimage.cpio":    {"cat"},
}

func openImage(t testing.TB, name string) *Image {
	t.Helper()
	im, err := Open(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := im.Close(); err != nil {
			t.Error(err)
		}
	})
	return im
}

// rawArchive returns the newc archive in an image, as another's program
// unpacks it.
func rawArchive(t testing.TB, dir, name string) []byte {
	t.Helper()
	if name == "dracut.efi" {
		name = "dracut.efi.initrd" // what objcopy took out of it
		return output(t, filepath.Join(dir, name), "", "gzip", "-dc")
	}
	cmd := foreignNames[name]
	return output(t, filepath.Join(dir, name), "", cmd[0], cmd[1:]...)
}

// output runs a program with a file as its input.
func output(t testing.TB, input, dir, program string, args ...string) []byte {
	t.Helper()
	in, err := os.Open(input)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	cmd := exec.Command(program, args...)
	cmd.Stdin, cmd.Dir = in, dir
	var words bytes.Buffer
	cmd.Stderr = &words
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %q: %v: %s", program, args, err, words.String())
	}
	return out
}

// TestForeignList compares the paths with those that lsinitramfs printed, and
// all fields with those that u-root's reader finds.
func TestForeignList(t *testing.T) {
	dir := foreignImages(t)
	for name := range foreignNames {
		im := openImage(t, filepath.Join(dir, name))
		if len(im.Dropped) > 0 {
			t.Errorf("%s: dropped %+v, want none", name, im.Dropped)
		}
		var got []string
		for _, f := range im.EntryFiles() {
			got = append(got, f.Path)
		}
		if listed, err := os.ReadFile(filepath.Join(dir, name+".lsinitramfs")); err == nil {
			want := strings.Split(strings.TrimSpace(string(listed)), "\n")
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s: lsinitramfs (-want +got):\n%s", name, diff)
			}
		} else if name != "dracut.efi" {
			t.Error(err)
		}
		compareUroot(t, name, im, rawArchive(t, dir, name))
	}
}

func compareUroot(t *testing.T, name string, im *Image, raw []byte) {
	t.Helper()
	var want []string
	err := ucpio.ForEachRecord(ucpio.Newc.Reader(bytes.NewReader(raw)), func(r ucpio.Record) error {
		want = append(want, fmt.Sprintf("%s %o %d:%d links %d time %d size %d dev %d:%d", r.Name, r.Mode, r.UID, r.GID, r.NLink, r.MTime, r.FileSize, r.Rmajor, r.Rminor))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range im.Entries {
		clean := strings.Join(split(e.Name), "/")
		if clean == "" {
			clean = "."
		}
		got = append(got, fmt.Sprintf("%s %o %d:%d links %d time %d size %d dev %d:%d", clean, e.Mode, e.UID, e.GID, e.Links, e.ModTime, e.Size, e.RMajor, e.RMinor))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s: u-root's reader (-want +got):\n%s", name, diff)
	}
}

// TestForeignInfo: each maker is told.
func TestForeignInfo(t *testing.T) {
	dir := foreignImages(t)
	for name, want := range map[string]string{
		"debian-early.img": "initramfs-tools", "debian-lzma.img": "initramfs-tools",
		"dracut.img": "dracut", "dracut.efi": "dracut", "mkuimage.cpio": "mkuimage (u-root)",
	} {
		info, err := openImage(t, filepath.Join(dir, name)).Info()
		if err != nil {
			t.Errorf("Info(%s): %v", name, err)
			continue
		}
		if info.Builder != want || info.Arch != "amd64" || len(info.Init) == 0 || len(info.Largest) == 0 {
			t.Errorf("Info(%s) = builder %q, arch %q, init %q, want %s, amd64", name, info.Builder, info.Arch, info.Init, want)
		}
	}
}

// TestForeignWhy: nothing but the images themselves tells why.
func TestForeignWhy(t *testing.T) {
	dir := foreignImages(t)
	im := openImage(t, filepath.Join(dir, "debian-early.img"))
	kernel, err := im.Info()
	if err != nil {
		t.Fatal(err)
	}
	modules := "usr/lib/modules/" + kernel.Kernels[0] + "/kernel/"
	for name, want := range map[string]string{
		"/lib/x86_64-linux-gnu/libc.so.6":        "/usr/bin/kmod",
		modules + "net/core/failover.ko":         "/" + modules + "drivers/net/net_failover.ko",
		modules + "drivers/net/net_failover.ko":  "/" + modules + "drivers/net/virtio_net.ko",
		"usr/bin/kmod":                           "symbolic links lead to it: ",
		"/lib64/ld-linux-x86-64.so.2":            "/usr/bin/kmod",
		"kernel/x86/microcode":                   "/kernel/x86/microcode/GenuineIntel.bin",
		"/usr/lib/x86_64-linux-gnu/libkmod.so.2": "symbolic link",
	} {
		why, err := im.Why(name)
		if err != nil {
			t.Error(err)
			continue
		}
		if facts := strings.Join(why.Facts, "; "); !strings.Contains(facts, want) {
			t.Errorf("Why(%s) = %s, want %s in it", name, facts, want)
		}
	}
}
