//go:build vm

package vmtest

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/kguest/kguest/pkg/vm"
)

// TestIDMIdle: without a host PID 1 sleeps; it does not look whether one has come.
func TestIDMIdle(t *testing.T) {
	const most = 16 // a look every 250 ms is 32
	for _, kind := range []string{vm.IDMPort, vm.IDMHvc} {
		t.Run(kind, func(t *testing.T) {
			g := boot(t, kind, "echo ready; exec sleep 86399\n")
			g.await(t, "ready")
			g.wakeups(t) // the first exec has more to do
			const idle = 8 * time.Second
			extra := 0
			for range 3 { // asking takes now more, now less
				first := g.wakeups(t)
				second := g.wakeups(t)
				timer := time.NewTimer(idle)
				<-timer.C
				extra = g.wakeups(t) - second - (second - first)
				t.Logf("PID 1 woke up %d times while it was asked, %d times in %v more", second-first, extra, idle)
				if extra <= most {
					return
				}
			}
			t.Errorf("PID 1 woke up %d times in %v without a host, want at most %d", extra, idle, most)
		})
	}
}

// wakeups returns how often the threads of PID 1 have waited so far.
func (g *guest) wakeups(t *testing.T) int {
	t.Helper()
	c := g.client(t)
	defer c.Close()
	hello(t, c)
	out := execOn(t, c, "sh", "-c", "cat /proc/1/task/*/status")
	n := 0
	for line := range strings.Lines(out) {
		if count, ok := strings.CutPrefix(line, "voluntary_ctxt_switches:"); ok {
			one, err := strconv.Atoi(strings.TrimSpace(count))
			if err != nil {
				t.Fatal(err)
			}
			n += one
		}
	}
	return n
}
