package hostcmd

import (
	"runtime"
	"runtime/debug"
	"testing"
	"time"
)

// TestDelayCollection: after the first collection the heap grows as it would have,
// and what the user has set is never changed.
func TestDelayCollection(t *testing.T) {
	t.Setenv("GOGC", "")
	usual := debug.SetGCPercent(70)
	defer debug.SetGCPercent(usual)
	DelayCollection()
	if got := debug.SetGCPercent(first); got != first {
		t.Errorf("before a collection: %d%%, want %d%%", got, first)
	}
	deadline := time.Now().Add(10 * time.Second)
	for runtime.GC(); ; runtime.GC() {
		got := debug.SetGCPercent(first)
		debug.SetGCPercent(got)
		if got == 70 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("after collections: %d%%, want 70%%", got)
		}
		time.Sleep(time.Millisecond)
	}
	t.Setenv("GOGC", "70")
	DelayCollection()
	if got := debug.SetGCPercent(70); got != 70 {
		t.Errorf("with GOGC set: %d%%, want 70%%", got)
	}
}
