package agent

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"syscall"

	"github.com/kguest/kguest/pkg/idm"
	"github.com/kguest/kguest/pkg/idm/idmpb"
)

// stream is one exchange that the host opened: a command, or a file. Its worker
// does what the updates say in order, so that one that waits holds up no other.
type stream struct {
	agent  *Agent
	first  idm.Message // that opened it
	ctx    context.Context
	cancel context.CancelFunc

	mu      sync.Mutex
	pending []idm.Body
	wake    chan struct{} // one token: something is pending
	over    error         // set once: why nothing more is taken
	ended   chan struct{} // closed with it
}

// errHostClosed is why a stream is over that the host has closed.
var errHostClosed = errors.New("closed by the host")

// open starts the stream that m asks for.
func (a *Agent) open(ctx context.Context, m idm.Message) {
	run := worker(m.Body)
	if run == nil {
		_ = a.Conn.Send(m.ReplyClosed()) // a host that does not read loses it
		return
	}
	key := streamKey{m.Channel, m.ID}
	s := &stream{agent: a, first: m, wake: make(chan struct{}, 1), ended: make(chan struct{})}
	s.ctx, s.cancel = context.WithCancel(ctx)
	if err := a.add(key, s); err != nil {
		s.cancel()
		_ = a.Conn.Send(m.Reply(refusal(m.Body, err))) // likewise
		_ = a.Conn.Send(m.ReplyClosed())
		return
	}
	s.update(m.Body)
	a.spawn(func() {
		defer a.remove(key, s)
		run(s)
	})
}

// spawn runs f on a goroutine that Serve waits for.
func (a *Agent) spawn(f func()) {
	a.work.Add(1)
	counted := func() {
		defer a.work.Done()
		f()
	}
	if a.Go != nil {
		a.Go(counted)
		return
	}
	go counted()
}

// worker returns what serves the stream that body opens; nil for one that
// this guest does not know.
func worker(body idm.Body) func(s *stream) {
	switch body := body.(type) {
	case *idmpb.Request:
		if _, ok := body.Request.(*idmpb.ExecStreamRequestUpdate); ok {
			return runExec
		}
	case *idmpb.ExtensionRequest:
		switch body.Request.(type) {
		case *idmpb.FileReadRequest:
			return runRead
		case *idmpb.FileWriteRequest:
			return runWrite
		}
	}
	return nil
}

// refusal is the answer to a stream that cannot be opened.
func refusal(body idm.Body, err error) idm.Body {
	if _, ok := body.(*idmpb.Request); ok {
		return execUpdate(&idmpb.ExecStreamResponseUpdate{Exited: true, Error: err.Error(), ExitCode: codeNotStarted})
	}
	return extensionResult(nil, err)
}

func (a *Agent) add(key streamKey, s *stream) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.streams[key] != nil {
		return fmt.Errorf("%w: stream %d is open already", syscall.EBUSY, key.id)
	}
	if len(a.streams) >= maxStreams {
		return fmt.Errorf("%w: %d streams are open, which is the most", syscall.EAGAIN, maxStreams)
	}
	if a.streams == nil {
		a.streams = make(map[streamKey]*stream)
	}
	a.streams[key] = s
	return nil
}

func (a *Agent) remove(key streamKey, s *stream) {
	s.finish(errHostClosed)
	s.cancel()
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.streams, key)
}

// stream returns the open stream that m belongs to, or nil.
func (a *Agent) stream(m idm.Message) *stream {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.streams[streamKey{m.Channel, m.ID}]
}

// errBacklog is why a stream is over whose command does not take what it is
// sent.
var errBacklog = fmt.Errorf("%w: standard input was not read, and %d MiB of it are held for all commands together",
	syscall.ENOBUFS, maxHeldSize>>20)

// update hands the host's message to the worker. It does not wait.
func (s *stream) update(body idm.Body) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over != nil {
		return
	}
	if !s.agent.held.take(size(body)) {
		s.end(errBacklog)
		return
	}
	s.pending = append(s.pending, body)
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// hostClosed ends the stream: nobody wants an answer any more.
func (s *stream) hostClosed() {
	s.finish(errHostClosed)
	s.cancel()
}

func (s *stream) finish(why error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.end(why)
}

// end drops what is pending. s.mu is held.
func (s *stream) end(why error) {
	if s.over != nil {
		return
	}
	s.over = why
	for _, body := range s.pending {
		s.agent.held.put(size(body))
	}
	s.pending = nil
	close(s.ended)
}

// next waits for the host's next message. The error says why there is none.
func (s *stream) next() (idm.Body, error) {
	for {
		if body, err := s.take(); body != nil || err != nil {
			return body, err
		}
		select {
		case <-s.wake:
		case <-s.ended:
		case <-s.ctx.Done():
			s.finish(context.Cause(s.ctx))
		}
	}
}

// take returns the host's next message, or nil while there is none.
func (s *stream) take() (idm.Body, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.pending) == 0 {
		return nil, s.over
	}
	body := s.pending[0]
	s.pending = s.pending[1:]
	s.agent.held.put(size(body))
	return body, nil
}

// reply sends one update to the host, waiting for room. The error means that
// nobody is there to read it.
func (s *stream) reply(body idm.Body) error {
	return s.agent.Conn.SendWait(s.ctx, s.first.Reply(body))
}

// close tells the host that the stream has ended.
func (s *stream) close() {
	_ = s.agent.Conn.SendWait(s.ctx, s.first.ReplyClosed()) // nobody is there to read it
}

// size is what body holds for a command, in bytes, and some for itself.
func size(body idm.Body) int {
	const itself = 256
	switch body := body.(type) {
	case *idmpb.Request:
		if u, ok := body.Request.(*idmpb.ExecStreamRequestUpdate); ok {
			if in, ok := u.Update.(*idmpb.ExecStreamRequestStdin); ok {
				return itself + len(in.Data)
			}
		}
	case *idmpb.ExtensionRequest:
		if w, ok := body.Request.(*idmpb.FileWriteRequest); ok {
			if c, ok := w.Update.(*idmpb.FileWriteChunk); ok {
				return itself + len(c.Data)
			}
		}
	}
	return itself
}

// budget is a number of bytes that may be held.
type budget struct {
	mu   sync.Mutex
	left int
}

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
	b.mu.Lock()
	defer b.mu.Unlock()
	b.left += n
}
