package boot

import (
	"io"
	"sync"
)

// spoolSize is how far behind the reader of the guest's output may be before
// the guest waits, in bytes.
const spoolSize = 64 << 20

// spool passes on what is written to it without keeping the writer waiting:
// QEMU drops what a virtio console cannot deliver at once, and what a port
// holds when the machine ends.
type spool struct {
	w    io.Writer
	done chan struct{} // closed when all has been passed on

	mu     sync.Mutex
	change *sync.Cond
	held   []byte
	limit  int // of held
	ended  bool
	err    error // of w, after which all is dropped
}

func newSpool(w io.Writer, limit int) *spool {
	s := &spool{w: w, limit: limit, done: make(chan struct{})}
	s.change = sync.NewCond(&s.mu)
	go s.pass()
	return s
}

// Write waits only while more than the limit is held. It has no error.
func (s *spool) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.held) >= s.limit && s.limit > 0 && s.err == nil {
		s.change.Wait()
	}
	if s.err == nil {
		s.held = append(s.held, p...)
		s.change.Broadcast()
	}
	return len(p), nil
}

// pass passes on what is held until the end.
func (s *spool) pass() {
	defer close(s.done)
	for {
		s.mu.Lock()
		for len(s.held) == 0 && !s.ended {
			s.change.Wait()
		}
		b := s.held
		s.held = nil
		s.change.Broadcast()
		s.mu.Unlock()
		if len(b) == 0 {
			return
		}
		if _, err := s.w.Write(b); err != nil {
			s.fail(err)
		}
	}
}

func (s *spool) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held, s.err = nil, err
	s.change.Broadcast()
}

// hurry lifts the limit: the guest ends and waits for nobody.
func (s *spool) hurry() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.limit = 0
	s.change.Broadcast()
}

// close waits until all has been passed on, and returns the first error of that.
func (s *spool) close() error {
	s.mu.Lock()
	s.ended = true
	s.change.Broadcast()
	s.mu.Unlock()
	<-s.done
	return s.err
}

// ring keeps the last of what is written to it.
type ring struct {
	mu   sync.Mutex
	held []byte
}

// ringSize is how much a ring keeps at least, in bytes.
const ringSize = 64 << 10

func (r *ring) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.held = append(r.held, p...)
	if len(r.held) > 2*ringSize {
		r.held = append([]byte(nil), r.held[len(r.held)-ringSize:]...)
	}
	return len(p), nil
}

func (r *ring) bytes() []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]byte(nil), r.held...)
}
