package agent

import (
	"context"
	"fmt"
	"sync"
	"syscall"
	"time"

	"github.com/kguest/kguest/pkg/idm"
	"github.com/kguest/kguest/pkg/idm/idmpb"
)

// stream is one exchange that the host opened: a command, or a file. Its worker
// does what the updates say in order, so that one that waits holds up no other.
type stream struct {
	agent  *Agent
	first  idm.Message // that opened it, without its body
	ctx    context.Context
	cancel context.CancelFunc
	gone   chan struct{} // closed when the worker has ended

	mu      sync.Mutex
	pending []idm.Body
	held    int           // bytes of the agent's budget: what is pending, and inHand
	inHand  int           // bytes of what next returned last
	wake    chan struct{} // one token: something is pending
	over    error         // set once: why nothing more is taken
	ended   chan struct{} // closed with it
	paused  chan struct{} // closed when the host wants to hear again; nil where it does
}

// open starts the stream that m asks for. One of the same number makes room for
// it: a host that was started anew numbers from the beginning, and does not know
// what its predecessor left open.
func (a *Agent) open(ctx context.Context, m idm.Message) {
	run := worker(m.Body)
	if run == nil {
		_ = a.Conn.Send(m.ReplyClosed()) // a host that does not read loses it
		return
	}
	s := newStream(ctx, a, m)
	before := a.stream(m)
	if before != nil {
		before.hostClosed()
	}
	if err := a.add(s); err != nil {
		s.cancel()
		_ = a.Conn.Send(m.Reply(refusal(m.Body, err))) // likewise
		_ = a.Conn.Send(m.ReplyClosed())
		return
	}
	s.update(m.Body)
	a.spawn(func() {
		defer a.remove(s)
		if before != nil {
			<-before.gone
		}
		run(s)
	})
}

func newStream(ctx context.Context, a *Agent, m idm.Message) *stream {
	m.Body = nil // what opens a stream may be large, and need not live as long
	s := &stream{
		agent: a, first: m, gone: make(chan struct{}),
		wake: make(chan struct{}, 1), ended: make(chan struct{}),
	}
	s.ctx, s.cancel = context.WithCancel(ctx)
	return s
}

func (s *stream) key() streamKey { return streamKey{s.first.Channel, s.first.ID} }

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

// add makes s the stream of its number.
func (a *Agent) add(s *stream) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.running >= maxStreams {
		return fmt.Errorf("%w: %d streams are open, which is the most", syscall.EAGAIN, maxStreams)
	}
	if a.streams == nil {
		a.streams = make(map[streamKey]*stream)
	}
	a.streams[s.key()] = s
	a.running++
	return nil
}

func (a *Agent) remove(s *stream) {
	s.finish(errHostClosed)
	s.cancel()
	s.release()
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.streams[s.key()] == s {
		delete(a.streams, s.key())
	}
	a.running--
	close(s.gone)
}

// stream returns the open stream that m belongs to, or nil.
func (a *Agent) stream(m idm.Message) *stream {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.streams[streamKey{m.Channel, m.ID}]
}

// update hands the host's message to the worker. While too much is held it
// waits, and with it the host: the protocol has no other way to slow it down. But
// not for long: then the stream that holds most ends.
func (s *stream) update(body idm.Body) {
	if size(body) > maxHeldSize {
		s.finish(errBacklog)
		return
	}
	if s.offer(body) {
		return
	}
	timer := time.NewTimer(s.agent.patience())
	defer timer.Stop()
	for !s.offer(body) {
		select {
		case <-s.agent.held.freed:
		case <-s.ctx.Done():
			s.finish(context.Cause(s.ctx))
		case <-timer.C:
			if !s.agent.evict() {
				s.finish(errBacklog)
			}
			timer.Reset(s.agent.patience())
		}
	}
}

// offer reports whether body is pending, or nobody takes it any more.
func (s *stream) offer(body idm.Body) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over != nil {
		return true
	}
	if !s.hold(size(body)) {
		return false
	}
	s.pending = append(s.pending, body)
	select {
	case s.wake <- struct{}{}:
	default:
	}
	return true
}

// evict ends the stream that holds most; false where none holds anything that
// would be given back.
func (a *Agent) evict() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	var largest *stream
	most := 0
	for _, s := range a.streams {
		if n := s.holds(); n > most {
			largest, most = s, n
		}
	}
	if largest == nil {
		return false
	}
	largest.finish(errBacklog)
	return true
}

// hostClosed ends the stream: nobody wants an answer any more.
func (s *stream) hostClosed() {
	s.finish(errHostClosed)
	s.cancel()
}

// finish ends the stream and drops what is pending, unless it has ended.
func (s *stream) finish(why error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over != nil {
		return
	}
	s.over = why
	s.pending = nil
	s.drop(s.held - s.inHand)
	close(s.ended)
}

// why returns why the stream is over, or nil.
func (s *stream) why() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.over
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

// take returns the host's next message, or nil while there is none. The one
// before has been dealt with.
func (s *stream) take() (idm.Body, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drop(s.inHand)
	s.inHand = 0
	if len(s.pending) == 0 {
		return nil, s.over
	}
	body := s.pending[0]
	s.pending[0] = nil
	s.pending = s.pending[1:]
	s.inHand = size(body)
	return body, nil
}

// reply sends one update to the host, waiting for room. The error means that
// nobody is there to read it.
func (s *stream) reply(body idm.Body) error { return s.tell(s.first.Reply(body)) }

// close tells the host that the stream has ended.
func (s *stream) close() {
	_ = s.tell(s.first.ReplyClosed()) // nobody is there to read it
}

// pause has the stream say nothing, or go on.
func (s *stream) pause(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case on && s.paused == nil:
		s.paused = make(chan struct{})
	case !on && s.paused != nil:
		close(s.paused)
		s.paused = nil
	}
}

// heard waits until the host wants to hear of the stream.
func (s *stream) heard() {
	s.mu.Lock()
	paused := s.paused
	s.mu.Unlock()
	if paused == nil {
		return
	}
	select {
	case <-paused:
	case <-s.ctx.Done():
	}
}

// tell sends nothing for a stream whose number may be another's by now.
func (s *stream) tell(m idm.Message) error {
	s.heard()
	if err := s.ctx.Err(); err != nil {
		return err
	}
	return s.agent.Conn.SendWait(s.ctx, m)
}
