package stackroom

import (
	"runtime/metrics"
	"testing"
)

// TestGrow wants a goroutine that was new to have room after the call.
func TestGrow(t *testing.T) {
	stacks := func() uint64 {
		sample := []metrics.Sample{{Name: "/memory/classes/heap/stacks:bytes"}}
		metrics.Read(sample)
		return sample[0].Value.Uint64()
	}
	before := stacks()
	grown, done := make(chan struct{}), make(chan struct{})
	defer close(done)
	const goroutines = 8
	for range goroutines {
		go func() {
			grow(false)
			grown <- struct{}{}
			<-done
		}()
	}
	for range goroutines {
		<-grown
	}
	if got := stacks() - before; got < goroutines*need {
		t.Errorf("stacks of %d goroutines grew by %d bytes, want %d or more", goroutines, got, goroutines*need)
	}
}
