package idm

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
)

// Room for events besides that for replies. An exit event needs none: there is
// one in a machine's life.
const (
	eventFrames = 256
	eventBytes  = 64 << 10
)

// queue holds the frames that wait for the device: replies, and events, which
// go first.
type queue struct {
	frames, bytes int // that replies may take

	mu       sync.Mutex
	events   lane
	replies  lane
	writing  bool  // a frame has been taken and is not written yet
	failure  error // of the last write
	closed   bool
	arrived  chan struct{} // a frame waits; capacity 1
	departed chan struct{} // closed, and made anew, when a frame has gone
}

// lane is a row of frames and their size.
type lane struct {
	frames []queued
	bytes  int
}

// queued is a frame that waits. One that was waited with is not dropped: it is a
// piece of a stream.
type queued struct {
	frame []byte
	keep  bool
}

func (l *lane) add(frame []byte, keep bool) {
	l.frames = append(l.frames, queued{frame, keep})
	l.bytes += len(frame)
}

func (l *lane) first() []byte { return l.remove(0) }

func (l *lane) remove(i int) []byte {
	frame := l.frames[i].frame
	if i == 0 {
		l.frames[0] = queued{}
		l.frames = l.frames[1:]
	} else {
		l.frames = slices.Delete(l.frames, i, i+1)
	}
	l.bytes -= len(frame)
	return frame
}

// drop drops the oldest frame that may be; false where there is none.
func (l *lane) drop() bool {
	i := slices.IndexFunc(l.frames, func(q queued) bool { return !q.keep })
	if i < 0 {
		return false
	}
	l.remove(i)
	return true
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
	event
	exit // finds room always
)

// put adds frame, and returns how many older replies it took the place of: a
// host that comes after one that did not read wants its own. ErrQueueFull and
// ErrClosed.
func (q *queue) put(frame []byte, c class) (dropped int, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for {
		err := q.putLocked(frame, c, false)
		if !errors.Is(err, ErrQueueFull) || c != reply || !q.replies.drop() {
			return dropped, err
		}
		dropped++
	}
}

// putWait adds frame when there is room.
func (q *queue) putWait(ctx context.Context, frame []byte, c class) error {
	return q.wait(ctx, func() (bool, error) {
		err := q.putLocked(frame, c, true)
		if errors.Is(err, ErrQueueFull) {
			return false, nil
		}
		return true, err
	})
}

func (q *queue) putLocked(frame []byte, c class, keep bool) error {
	switch {
	case q.closed:
		return ErrClosed
	case c == reply && q.replies.full(len(frame), q.frames, q.bytes),
		c == event && q.events.full(len(frame), eventFrames, eventBytes):
		return ErrQueueFull
	case c == reply:
		q.replies.add(frame, keep)
	default:
		q.events.add(frame, true)
	}
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
	for _, l := range []*lane{&q.events, &q.replies} {
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
		left = len(q.events.frames) + len(q.replies.frames)
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
