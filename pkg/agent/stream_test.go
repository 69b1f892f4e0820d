package agent

import (
	"errors"
	"testing"

	"github.com/kguest/kguest/pkg/idm"
	"github.com/kguest/kguest/pkg/idm/idmpb"
)

// TestStreamAccounts: what a stream holds is counted from its offer until it has
// been dealt with.
func TestStreamAccounts(t *testing.T) {
	a := &Agent{held: newBudget(maxHeldSize)}
	s := newStream(t.Context(), a, idm.Message{})
	one := execRequest(&idmpb.ExecStreamRequestStdin{Data: make([]byte, 1<<20)})
	holds := func(when string, n int) {
		t.Helper()
		if got, want := maxHeldSize-a.held.left, max(0, n*size(one)-shareSize); got != want {
			t.Errorf("held %s = %d, want %d", when, got, want)
		}
	}
	for range 3 {
		if !s.offer(one) {
			t.Fatal("offer() = false, want true")
		}
	}
	holds("after three offers", 3)
	for range 2 {
		if _, err := s.next(); err != nil {
			t.Fatal(err)
		}
	}
	holds("with one dealt with and one in hand", 2)
	s.finish(errBacklog)
	s.finish(errHostClosed)
	holds("after the end, with one in hand", 1)
	if !s.offer(one) {
		t.Error("offer() after the end = false, want it dropped")
	}
	if body, err := s.next(); body != nil || !errors.Is(err, errBacklog) {
		t.Errorf("next() after the end = %v, %v, want nil, %v", body, err, errBacklog)
	}
	holds("after all", 0)
	s.release()
	holds("after release", 0)
}

func TestStreamTooLarge(t *testing.T) {
	a := &Agent{held: newBudget(maxHeldSize)}
	s := newStream(t.Context(), a, idm.Message{})
	s.update(execRequest(&idmpb.ExecStreamRequestStdin{Data: make([]byte, maxHeldSize)}))
	if _, err := s.next(); !errors.Is(err, errBacklog) {
		t.Errorf("next() = %v, want %v", err, errBacklog)
	}
}
