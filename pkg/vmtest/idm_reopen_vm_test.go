//go:build vm

package vmtest

import (
	"encoding/json"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/kguest/kguest/pkg/vm"
)

// TestIDMReopened has hosts come and go while the guest stands still. QEMU drops
// most of what it has to tell of them; the last comes through by connecting again.
func TestIDMReopened(t *testing.T) {
	for _, kind := range []string{vm.IDMHvc, vm.IDMPort} {
		t.Run(kind, func(t *testing.T) {
			g := boot(t, kind, counting)
			g.await(t, "counting")
			last := g.state(t)
			g.still(t, func() { g.reopen(t) })
			last = g.checkAfter(t, "reopening", last)
			g.controlAltDelete(t, last)
		})
	}
}

// still calls f while the guest's processor stands still. QEMU's other threads run
// on, which they would not with its command "stop".
func (g *guest) still(t *testing.T, f func()) {
	t.Helper()
	runtime.LockOSThread() // ptrace(2) is a thread's
	defer runtime.UnlockOSThread()
	processor := g.processor(t)
	if err := unix.PtraceSeize(processor); err != nil {
		t.Fatalf("seize thread %d of QEMU: %v", processor, err)
	}
	g.halt(t, processor)
	f()
	if err := unix.PtraceDetach(processor); err != nil {
		t.Fatalf("let thread %d of QEMU go: %v", processor, err)
	}
}

// processor returns the thread that the guest's only processor is.
func (g *guest) processor(t *testing.T) int {
	t.Helper()
	answer := g.control(t, `{"execute": "query-cpus-fast"}`)
	var cpus struct {
		Return []struct {
			Thread int `json:"thread-id"`
		}
	}
	if err := json.Unmarshal([]byte(answer), &cpus); err != nil || len(cpus.Return) != 1 {
		t.Fatalf("QEMU's processors: %s, %v, want one", answer, err)
	}
	return cpus.Return[0].Thread
}

// halt stops a thread of QEMU's where it holds no lock that the others want.
func (g *guest) halt(t *testing.T, thread int) {
	t.Helper()
	for range 100 {
		if err := unix.PtraceInterrupt(thread); err != nil {
			t.Fatalf("stop thread %d of QEMU: %v", thread, err)
		}
		var status unix.WaitStatus
		if _, err := unix.Wait4(thread, &status, unix.WALL, nil); err != nil || !status.Stopped() {
			t.Fatalf("thread %d of QEMU: status %#x, %v, want it stopped", thread, status, err)
		}
		if _, err := g.tryControl(`{"execute": "query-status"}`, time.Second); err == nil {
			return
		}
		if err := unix.PtraceCont(thread, 0); err != nil {
			t.Fatalf("have thread %d of QEMU go on: %v", thread, err)
		}
	}
	t.Fatalf("QEMU does not answer while thread %d of it stands still", thread)
}
