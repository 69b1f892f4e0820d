//go:build vm

package inspect

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kguest/kguest/initramfs/inspect/archive"
)

// tellScript prints what tell does of the folders of the cases.
const tellScript = `#!/bin/busybox sh
b() { /bin/busybox "$@"; }
b find /case* | while read -r f; do
	if [ -L "$f" ]; then t="symlink $(b readlink "$f")"
	elif [ -d "$f" ]; then t=dir
	elif [ -f "$f" ]; then t="file $(b cat "$f")"
	elif [ -p "$f" ]; then t=fifo
	elif [ -c "$f" ]; then t=char
	fi
	echo "TELL ${f#/} $t"
done
echo TOLD
`

// underFolder returns the archives of an image with all names below a folder.
func underFolder(t *testing.T, image []byte, folder string) []byte {
	t.Helper()
	r, err := archive.NewReader(bytes.NewReader(image), int64(len(image)), archive.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	out := newc(dir(folder))
	var entries []entry
	at := 0
	for {
		e, err := r.Next()
		if err != nil && !errors.Is(err, io.EOF) {
			t.Fatal(err)
		}
		if err != nil || e.Archive != at {
			out = append(out, newc(entries...)...)
			entries, at = nil, e.Archive
		}
		if err != nil {
			return out
		}
		body, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		entries = append(entries, entry{
			name: folder + "/" + e.Name, mode: e.Mode, body: string(body) + e.Target, inode: e.Inode, links: e.Links, minor: e.RMinor,
		})
	}
}

// leavesFolder are cases that would reach the others from a folder.
var leavesFolder = []string{"above", "through an absolute link", "through a link up", "kernel's folders"}

// TestKernelAgrees boots a kernel with the cases of TestKernelsTree, each in a
// folder of its own, and compares the files that it makes with Files.
func TestKernelAgrees(t *testing.T) {
	busybox, err := os.ReadFile("/bin/busybox")
	if err != nil {
		t.Fatal(err)
	}
	data := newc(
		dir("bin"), entry{name: "bin/busybox", mode: archive.TypeReg | 0o755, body: string(busybox)},
		entry{name: "tell", mode: archive.TypeReg | 0o755, body: tellScript},
	)
	for i, tt := range treeCases() {
		if !slices.Contains(leavesFolder, tt.name) {
			data = append(data, underFolder(t, tt.image, fmt.Sprintf("case%02d", i))...)
		}
	}
	var want []string
	for _, line := range tell(t, image(t, data)) {
		if strings.HasPrefix(line, "case") {
			want = append(want, line)
		}
	}
	got := told(t, boot(t, data))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the kernel's files (-Files +kernel):\n%s", diff)
	}
}

// told returns what the script printed, sorted.
func told(t *testing.T, console string) []string {
	t.Helper()
	var list []string
	for line := range strings.Lines(console) {
		if _, file, ok := strings.Cut(line, "TELL "); ok {
			list = append(list, strings.TrimSpace(file))
		}
	}
	if !strings.Contains(console, "TOLD") {
		t.Errorf("the script did not end; console:\n%s", console)
	}
	slices.Sort(list)
	return list
}

// bootTimeout bounds a boot; one takes 5 s alone, and a minute where others
// keep the machine busy.
const bootTimeout = 5 * time.Minute

// boot returns what a machine with that initramfs writes on its console. The
// end of the script is the kernel's panic, which ends the machine.
func boot(t *testing.T, initramfs []byte) string {
	t.Helper()
	out, err := exec.Command("../../.ci/kernel").Output()
	if err != nil {
		t.Fatalf("find a kernel: %v", err)
	}
	kernels, err := filepath.Glob(filepath.Join(strings.TrimSpace(string(out)), "boot/vmlinuz-*"))
	if err != nil || len(kernels) != 1 {
		t.Fatalf("kernels: %q, %v", kernels, err)
	}
	file := filepath.Join(t.TempDir(), "image")
	if err := os.WriteFile(file, initramfs, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), bootTimeout)
	defer cancel()
	console, err := exec.CommandContext(ctx, "qemu-system-x86_64", "-M", "q35", "-accel", "tcg", "-m", "512",
		"-display", "none", "-monitor", "none", "-serial", "stdio", "-nodefaults", "-no-reboot", "-kernel", kernels[0], "-initrd", file,
		"-append", "console=ttyS0 panic=-1 rdinit=/tell quiet cryptomgr.notests").CombinedOutput()
	if err != nil {
		t.Errorf("qemu: %v", err)
	}
	return string(console)
}
