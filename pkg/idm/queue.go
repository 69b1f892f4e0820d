package idm

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// Room for events besides that for replies. An exit event needs none: there is
// one in a machine's life.
const (
	eventFrames = 256
	eventBytes  = 64 << 10
)

// queue holds the frames that wait for the device: events, which go first,
// replies, and pieces of streams, which are many and can wait.
type queue struct {
	frames, bytes int // that replies may take, and pieces

	mu       sync.Mutex
	events   lane
	replies  lane
	pieces   lane
	writing  bool  // a frame has been taken and is not written yet
	failure  error // of the last write
	closed   bool
	arrived  chan struct{} // a frame waits; capacity 1
	departed chan struct{} // closed, and made anew, when a frame has gone
}

// lane is a row of frames and their size.
type lane struct {
	frames [][]byte
	bytes  int
}

func (l *lane) add(frame []byte) {
	l.frames = append(l.frames, frame)
	l.bytes += len(frame)
}

func (l *lane) first() []byte {
	frame := l.frames[0]
	l.frames[0] = nil
	l.frames = l.frames[1:]
	l.bytes -= len(frame)
	return frame
}

// full reports whether a frame of size finds no room. Into an empty lane any
// frame goes.
func (l *lane) full(size, frames, bytes int) bool {
	return len(l.frames) > 0 && (len(l.frames) >= frames || l.bytes+size > bytes)
}

func newQueue(frames, bytes int) *queue {
	return &queue{frames: frames, bytes: bytes, arrived: make(chan struct{}, 1), departed: make(chan struct{})}
}

// class is how a frame is treated where there is no room.
type class int

const (
	reply class = iota
	piece       // of a stream, which keep their order
	event
	exit // finds room always
)

// put adds frame, and returns how many older replies it took the place of: a
// host that comes after one that did not read wants its own. ErrQueueFull and
// ErrClosed.
func (q *queue) put(frame []byte, c class) (dropped int, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for c == reply && q.replies.full(len(frame), q.frames, q.bytes) {
		q.replies.first()
		dropped++
	}
	return dropped, q.putLocked(frame, c)
}

// putWait adds frame when there is room.
func (q *queue) putWait(ctx context.Context, frame []byte, c class) error {
	return q.wait(ctx, func() (bool, error) {
		err := q.putLocked(frame, c)
		if errors.Is(err, ErrQueueFull) {
			return false, nil
		}
		return true, err
	})
}

func (q *queue) putLocked(frame []byte, c class) error {
	l, frames, bytes := &q.events, eventFrames, eventBytes
	switch c {
	case reply:
		l, frames, bytes = &q.replies, q.frames, q.bytes
	case piece:
		l, frames, bytes = &q.pieces, q.frames, q.bytes
	case event, exit:
	}
	switch {
	case q.closed:
		return ErrClosed
	case c != exit && l.full(len(frame), frames, bytes):
		return ErrQueueFull
	}
	l.add(frame)
	select {
	case q.arrived <- struct{}{}:
	default:
	}
	return nil
}

// take returns the next frame to write; false where there is none.
func (q *queue) take() ([]byte, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, l := range []*lane{&q.events, &q.replies, &q.pieces} {
		if len(l.frames) > 0 {
			q.writing = true
			return l.first(), true
		}
	}
	return nil, false
}

// wrote says that the frame that was taken is written, or why not.
func (q *queue) wrote(err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.writing, q.failure = false, err
	close(q.departed)
	q.departed = make(chan struct{})
}

// close ends the queue: nothing is added any more, and who waits is told.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	close(q.departed)
	q.departed = make(chan struct{})
}

// wait returns when ready says so, which is asked with the lock held after each
// frame; or ErrClosed, or the context's error.
func (q *queue) wait(ctx context.Context, ready func() (bool, error)) error {
	for {
		q.mu.Lock()
		done, err := ready()
		closed, departed := q.closed, q.departed
		q.mu.Unlock()
		switch {
		case done || err != nil:
			return err
		case closed:
			return ErrClosed
		}
		select {
		case <-departed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// flush waits until everything is written.
func (q *queue) flush(ctx context.Context) error {
	left := 0
	err := q.wait(ctx, func() (bool, error) {
		left = len(q.events.frames) + len(q.replies.frames) + len(q.pieces.frames)
		if q.writing {
			left++
		}
		return left == 0, nil
	})
	if err != nil {
		return fmt.Errorf("flush: %d frames left: %w", left, err)
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.failure
}
