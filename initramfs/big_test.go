package initramfs

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// writeBig writes an image with the file host to out, as Build does, and once
// more in its place, packed.
func writeBig(host, out string) error {
	for _, c := range []Compression{None, "lz4:1"} {
		s := &Spec{Arch: "amd64", Files: []File{{Host: host, Guest: "/big", From: "-file"}}}
		t, err := s.tree(nil, noModules(), nil)
		if err != nil {
			return err
		}
		l, err := t.layout()
		if err != nil {
			return err
		}
		f, err := os.Create(out)
		if err != nil {
			return err
		}
		if err := l.write(f, s.record(""), c); err != nil {
			return err
		}
		if err := f.Close(); err != nil {
			return err
		}
	}
	return nil
}

// An image of 1 GB is written, and packed, in less than 200 MB of memory.
func TestMemory(t *testing.T) {
	const most = 200 << 10 // KiB
	cmd := exec.Command("/proc/self/exe", sparse(t, 1<<30), filepath.Join(t.TempDir(), "image"))
	cmd.Env = append(os.Environ(), childEnv+"="+childBig, "GOMAXPROCS=2")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok || usage.Maxrss > most {
		t.Errorf("%d KiB of memory, want at most %d", usage.Maxrss, most)
	}
}
