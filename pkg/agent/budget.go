package agent

import (
	"fmt"
	"sync"
	"syscall"
	"time"

	"github.com/kguest/kguest/pkg/idm"
	"github.com/kguest/kguest/pkg/idm/idmpb"
)

// Bounds on what a host can make the guest hold: with the shares 24 MiB.
const (
	maxStreams  = 128
	maxHeldSize = 16 << 20 // bytes that were sent to streams and not taken yet, beyond the shares
	shareSize   = 64 << 10 // bytes that each stream may hold whatever the others do
)

// defaultPatience is how long a host is kept waiting for a command that does not
// read.
const defaultPatience = 3 * time.Second

// streamError is why a stream is over.
type streamError uint8

const (
	errHostClosed streamError = iota + 1
	errBacklog                // it does not take what it is sent
)

func (e streamError) Error() string {
	if e == errBacklog {
		return fmt.Sprintf("what the host sent was not read, and %d MiB are held, which is the most", maxHeldSize>>20)
	}
	return "the host has closed the stream"
}

// Unwrap returns the error number that the host is told.
func (e streamError) Unwrap() error {
	if e == errBacklog {
		return syscall.ENOBUFS
	}
	return syscall.ECANCELED
}

func (a *Agent) patience() time.Duration {
	if a.waits == 0 {
		return defaultPatience
	}
	return a.waits
}

// hold takes n bytes from the budget, but for the stream's share; false where
// they are not there. s.mu is held, as it is in the next two.
func (s *stream) hold(n int) bool {
	if !s.agent.held.take(beyondShare(s.held+n) - beyondShare(s.held)) {
		return false
	}
	s.held += n
	return true
}

// drop gives n bytes back.
func (s *stream) drop(n int) {
	s.agent.held.put(beyondShare(s.held) - beyondShare(s.held-n))
	s.held -= n
}

func beyondShare(n int) int { return max(0, n-shareSize) }

// release gives everything back: the worker has ended.
func (s *stream) release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drop(s.held)
	s.inHand = 0
}

// holds returns how many bytes are held for a stream that is not over.
func (s *stream) holds() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over != nil {
		return 0
	}
	return s.held
}

// size is what body holds in memory, in bytes, and some for itself.
func size(body idm.Body) int {
	const itself = 256
	switch body := body.(type) {
	case *idmpb.Request:
		switch u := execUpdateOf(body).(type) {
		case *idmpb.ExecStreamRequestStdin:
			return itself + len(u.Data)
		case *idmpb.ExecStreamRequestStart:
			return itself + startSize(u)
		}
	case *idmpb.ExtensionRequest:
		switch r := body.Request.(type) {
		case *idmpb.FileReadRequest:
			return itself + len(r.Path)
		case *idmpb.FileWriteRequest:
			return itself + writeSize(r)
		}
	}
	return itself
}

// startSize counts the headers of strings too: an empty one is but two bytes on
// the wire.
func startSize(u *idmpb.ExecStreamRequestStart) int {
	const header, variable = 16, 48
	n := len(u.WorkingDirectory)
	for _, word := range u.Command {
		n += header + len(word)
	}
	for _, v := range u.Environment {
		n += variable + len(v.Key) + len(v.Value)
	}
	return n
}

func writeSize(r *idmpb.FileWriteRequest) int {
	switch u := r.Update.(type) {
	case *idmpb.FileWriteStart:
		return len(u.Path)
	case *idmpb.FileWriteChunk:
		return len(u.Data)
	}
	return 0
}

// budget is a number of bytes that may be held.
type budget struct {
	mu    sync.Mutex
	left  int
	freed chan struct{} // one token: some were put back
}

func newBudget(n int) *budget { return &budget{left: n, freed: make(chan struct{}, 1)} }

func (b *budget) take(n int) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if n > b.left {
		return false
	}
	b.left -= n
	return true
}

func (b *budget) put(n int) {
	if n == 0 {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.left += n
	select {
	case b.freed <- struct{}{}:
	default:
	}
}
