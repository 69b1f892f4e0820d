package idm

import (
	"context"
	"errors"
	"io"
	"os"
	"time"

	"github.com/kguest/kguest/pkg/idm/idmpb"
)

// readSize is that of one read, in bytes.
const readSize = 32 << 10

// The end of a persistent stream that cannot be waited at is tried again at
// growing distances.
const (
	firstRetry = 10 * time.Millisecond
	lastRetry  = 5 * time.Second
)

// A frame that comes piece by piece has as many times Config.Silence as pauses,
// and has to come at least so fast, in bytes a second.
const (
	pauses  = 4
	slowest = 16 << 10
)

// read gives what comes to Receive, and waits for it: what is not received
// stays with the peer. Two buffers take turns, so that one can be read into
// while Receive copies the other.
func (c *Conn) read() {
	defer close(c.chunks)
	var buffers [2][readSize]byte
	next := c.stream.Read
	if waiting, ok := reads(c.stream); ok && c.config.Persistent {
		next = waiting
	}
	retry := firstRetry
	for turn := 0; ; turn ^= 1 {
		n, err := next(buffers[turn][:])
		again := c.config.Persistent && errors.Is(err, io.EOF)
		if again {
			err = nil
		}
		if n > 0 || err != nil {
			retry = firstRetry
			select {
			case c.chunks <- chunk{buffers[turn][:n], err}:
			case <-c.closing:
				return
			}
		}
		if err != nil {
			return
		}
		if n == 0 && !c.pause(&retry) {
			return
		}
	}
}

// pause waits for *retry, which it doubles; false where the connection closes.
func (c *Conn) pause(retry *time.Duration) bool {
	timer := time.NewTimer(*retry)
	defer timer.Stop()
	*retry = min(2**retry, lastRetry)
	select {
	case <-timer.C:
		return true
	case <-c.closing:
		return false
	}
}

// write writes the queued frames, one after the other. A device that takes none
// is tried with the next: a host may come.
func (c *Conn) write() {
	for {
		frame, ok := c.queue.take()
		if !ok {
			select {
			case <-c.queue.arrived:
				continue
			case <-c.closing:
				return
			}
		}
		_, err := c.stream.Write(frame)
		if err == nil {
			c.count.sent.Add(1)
		} else {
			c.count.failed.Add(1)
		}
		c.queue.wrote(err)
		select {
		case <-c.closing:
			return
		default:
		}
	}
}

// Receive returns the next message. Its error is ctx's, after which it may be
// called again; or how the stream ended: io.EOF, the device's error, or
// ErrClosed. A bad frame is no error: Stats counts it.
func (c *Conn) Receive(ctx context.Context) (Message, error) {
	for {
		if m, ok := c.scanner.next(); ok {
			c.heard(m)
			return m, nil
		}
		if c.ended != nil {
			return Message{}, c.ended
		}
		if err := c.fill(ctx); err != nil {
			return Message{}, err
		}
	}
}

func (c *Conn) heard(m Message) {
	c.version.Store(uint32(m.Version))
	switch {
	case m.Version == Version1:
		c.asked.Store(false) // it cannot read a frame of the extension; who had asked is gone
	case m.Channel == ExtensionChannel && m.Form != FormEvent:
		c.asked.Store(!isHello(m)) // it is new, and has not asked for anything
	}
}

func isHello(m Message) bool {
	if request, ok := m.Body.(*idmpb.ExtensionRequest); ok {
		_, ok = request.Request.(*idmpb.HelloRequest)
		return ok
	}
	return false
}

// headWait is how long the frame at the head was waited for.
type headWait struct {
	at    uint64 // where it begins, in bytes of the stream
	end   uint64 // of what was there when it came to the head
	spent time.Duration
}

// patience returns how long to wait for more of the frame at the head, and up to
// where frames are given up then: everything when nothing came for so long, or,
// where something comes but the frame is not completed by it, what is as old.
func (c *Conn) patience() (wait time.Duration, end uint64) {
	s := c.scanner
	if c.head.at != s.taken || c.head.end <= s.taken {
		c.head = headWait{at: s.taken, end: s.end()}
	}
	left := pauses*c.config.Silence + time.Duration(s.expected())*time.Second/slowest - c.head.spent
	if left < c.config.Silence {
		return left, c.head.end
	}
	return c.config.Silence, s.end()
}

// looks is how often nothing has to be there for silence. When the process stood
// still, as Go's does where the kernel is slow to execute a program for it, what
// came meanwhile has not been read yet, and one timer alone would not know.
const looks = 5

// fill gives the scanner what comes next, or that nothing does.
func (c *Conn) fill(ctx context.Context) error {
	if c.scanner.pending() == 0 {
		_, err := c.await(ctx, 0)
		return err
	}
	left, stale := c.patience()
	for left > 0 {
		look := min(left, c.config.Silence/looks)
		if came, err := c.await(ctx, look); came || err != nil {
			return err
		}
		left -= look
	}
	c.scanner.giveUp(stale)
	return nil
}

// await gives the scanner what comes; false where nothing does in the time, which
// is unbounded where it is zero. Time counts only while it waits: a frame may lie
// with who sends it while nobody calls Receive.
func (c *Conn) await(ctx context.Context, most time.Duration) (bool, error) {
	var over <-chan time.Time
	if most > 0 {
		timer := time.NewTimer(most)
		defer timer.Stop()
		over = timer.C
	}
	began := time.Now()
	defer func() { c.head.spent += min(time.Since(began), most) }()
	select {
	case got, ok := <-c.chunks:
		c.take(got, ok)
		return true, nil
	case <-over:
		return false, nil
	case <-ctx.Done():
		return false, ctx.Err()
	}
}

// take gives the scanner what was read; false where nothing is read any more.
func (c *Conn) take(got chunk, ok bool) {
	switch {
	case !ok, errors.Is(got.err, os.ErrClosed), errors.Is(got.err, io.ErrClosedPipe):
		c.ended = ErrClosed
	default:
		c.ended = got.err
	}
	c.scanner.write(got.data)
	if c.ended != nil {
		c.scanner.giveUp(c.scanner.end())
	}
}
