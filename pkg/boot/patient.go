package boot

import (
	"bytes"
	"io"
	"time"
)

// lineTimeout bounds how long a console that takes nothing can hold up a line.
const lineTimeout = 2 * time.Second

// patient writes to a console that may take nothing: its host does not read it,
// or somebody stopped it with ctrl-S. Such a line is lost and the boot goes on.
type patient struct {
	out  io.Writer
	turn chan struct{} // holds the one write under way
}

func newPatient(out io.Writer) *patient {
	return &patient{out: out, turn: make(chan struct{}, 1)}
}

// Write writes b within lineTimeout. The error is errTimeout or out's.
func (p *patient) Write(b []byte) (int, error) {
	timeout := time.NewTimer(lineTimeout)
	defer timeout.Stop()
	select {
	case p.turn <- struct{}{}:
	case <-timeout.C:
		return 0, errTimeout
	}
	var n int
	var err error
	done := make(chan struct{})
	line := bytes.Clone(b)
	go func() {
		n, err = p.out.Write(line)
		<-p.turn
		close(done)
	}()
	select {
	case <-done:
		return n, err
	case <-timeout.C:
		return 0, errTimeout
	}
}
