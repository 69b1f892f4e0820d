package build_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/kguest/kguest/pkg/hostcmd/verbtest"
)

// compiled returns the path of mkinitramfs.
func compiled(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "mkinitramfs")
	if out, err := exec.Command("go", "build", "-o", program, "github.com/kguest/kguest").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v: %s", err, out)
	}
	return program
}

// A signal that only mkinitramfs gets, not the go commands it runs.
func TestInterrupt(t *testing.T) {
	program := compiled(t)
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		out, temp := t.TempDir(), t.TempDir()
		cmd := exec.Command(program, "build", "-o", filepath.Join(out, "x.cpio"), "-modules", "none", "-no-cache")
		cmd.Env = append(os.Environ(), "TMPDIR="+temp)
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		waitFor(t, filepath.Join(temp, "mkinitramfs-*", "kguest", "gopath", "src"))
		if err := cmd.Process.Signal(sig); err != nil {
			t.Fatal(err)
		}
		err := cmd.Wait()
		if cmd.ProcessState.ExitCode() != 1 || stderr.String() != "mkinitramfs: interrupted\n" {
			t.Errorf("%v: %v, stderr %q, want status 1 and one line", sig, err, stderr.String())
		}
		for _, dir := range []string{out, temp} {
			if left := verbtest.Snapshot(t, dir); len(left) != 1 {
				t.Errorf("%v: left behind: %q", sig, left[1:])
			}
		}
	}
}

// waitFor returns when a file of that pattern is there.
func waitFor(t *testing.T, pattern string) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		if found, err := filepath.Glob(pattern); err != nil || len(found) > 0 {
			return
		}
		select {
		case <-t.Context().Done():
			t.Fatalf("no %s: %v", pattern, t.Context().Err())
		case <-tick.C:
		}
	}
}
