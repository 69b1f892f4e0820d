//go:build vm

package vmtest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/kguest/kguest/pkg/vm"
)

// waits prints every 8 seconds how often the threads of PID 1 have waited. It does
// not wake them.
const waits = `round=1
while :; do
	cat /proc/1/task/*/status | awk "/^voluntary/ { n += \$2 } END { print \"waited \" n \" times by round $round\" }"
	round=$((round + 1))
	sleep 8
done
`

// TestIDMIdle: without a host PID 1 sleeps; it does not look whether one has come.
func TestIDMIdle(t *testing.T) {
	const most = 4 // a look every 250 ms is 32
	for _, kind := range []string{vm.IDMPort, vm.IDMHvc} {
		t.Run(kind, func(t *testing.T) {
			g := boot(t, kind, waits)
			g.await(t, "by round 1\n")
			g.must(t, "ping", "-timeout", "60s")
			console, _ := g.console.text()
			before := strings.Count(console, "by round")
			g.await(t, fmt.Sprintf("by round %d\n", before+2))
			if n := g.waits(t, before+2) - g.waits(t, before+1); n > most {
				t.Errorf("PID 1 woke up %d times in 8s without a host, want at most %d", n, most)
			}
		})
	}
}

// waits returns how often PID 1 had waited by a round.
func (g *guest) waits(t *testing.T, round int) int {
	t.Helper()
	console, _ := g.console.text()
	for line := range strings.Lines(console) {
		var n, by int
		if _, err := fmt.Sscanf(line, "waited %d times by round %d", &n, &by); err == nil && by == round {
			return n
		}
	}
	t.Fatalf("no round %d:\n%s", round, console)
	return 0
}
