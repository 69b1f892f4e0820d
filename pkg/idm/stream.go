package idm

import (
	"context"
	"errors"
	"io"
	"os"
	"time"
)

// readSize is that of one read, in bytes.
const readSize = 32 << 10

// A port that no host has open is tried again at growing distances.
const (
	firstRetry = 10 * time.Millisecond
	lastRetry  = 250 * time.Millisecond
)

// read gives what comes to Receive, and waits for it: what is not received
// stays with the peer. Two buffers take turns, so that one can be read into
// while Receive copies the other.
func (c *Conn) read() {
	defer close(c.chunks)
	var buffers [2][readSize]byte
	retry := firstRetry
	for turn := 0; ; turn ^= 1 {
		n, err := c.stream.Read(buffers[turn][:])
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
	if m.Channel == ExtensionChannel && m.Form != FormEvent {
		c.asked.Store(true)
	}
}

// fill gives the scanner what comes next, or that nothing does.
func (c *Conn) fill(ctx context.Context) error {
	var silence <-chan time.Time
	if c.scanner.pending() > 0 {
		timer := time.NewTimer(c.config.Silence)
		defer timer.Stop()
		silence = timer.C
	}
	select {
	case got, ok := <-c.chunks:
		switch {
		case !ok, errors.Is(got.err, os.ErrClosed), errors.Is(got.err, io.ErrClosedPipe):
			c.ended = ErrClosed
		default:
			c.ended = got.err
		}
		c.scanner.write(got.data)
		if c.ended != nil {
			c.scanner.giveUp()
		}
	case <-silence:
		c.scanner.giveUp()
	case <-ctx.Done():
		return ctx.Err()
	}
	return nil
}
