package boot

import (
	"bytes"
	"io"
	"sync/atomic"
	"time"
)

// lineTimeout bounds how long a console that takes nothing can hold up a line.
const lineTimeout = 2 * time.Second

// patient writes to a console that may take nothing: its host does not read it,
// or somebody stopped it with ctrl-S. Such a line is lost and the boot goes on.
type patient struct {
	out   io.Writer
	turn  chan struct{} // holds the one write under way
	stuck atomic.Bool   // that write has run out of time: the next does not wait for it
}

func newPatient(out io.Writer) *patient {
	return &patient{out: out, turn: make(chan struct{}, 1)}
}

// Write writes b within lineTimeout, or, while an earlier line is stuck, not at
// all. The error is errTimeout or out's.
func (p *patient) Write(b []byte) (int, error) {
	if !p.takeTurn() {
		return 0, errTimeout
	}
	var n int
	var err error
	done := make(chan struct{})
	line := bytes.Clone(b)
	go func() {
		n, err = p.out.Write(line)
		p.stuck.Store(false)
		<-p.turn
		close(done)
	}()
	timeout := time.NewTimer(lineTimeout)
	defer timeout.Stop()
	select {
	case <-done:
		return n, err
	case <-timeout.C:
		p.stuck.Store(true)
		return 0, errTimeout
	}
}

func (p *patient) takeTurn() bool {
	select {
	case p.turn <- struct{}{}:
		return true
	default:
	}
	if p.stuck.Load() {
		return false
	}
	timeout := time.NewTimer(lineTimeout)
	defer timeout.Stop()
	select {
	case p.turn <- struct{}{}:
		return true
	case <-timeout.C:
		return false
	}
}
