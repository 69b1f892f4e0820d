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

// queue holds the frames that wait for the device: replies and pieces of
// streams, in the order they came, and events, which go first.
type queue struct {
	room tally // for replies
	part tally // for pieces of streams

	mu       sync.Mutex
	events   lane
	replies  lane
	writing  bool  // a frame has been taken and is not written yet
	failure  error // of the last write
	closed   bool
	arrived  chan struct{} // a frame waits; capacity 1
	departed chan struct{} // closed, and made anew, when a frame has gone
}

// lane is a row of frames.
type lane struct {
	frames []queued
	kept   tally // of the frames that are not dropped
	loose  tally // of the others
}

// queued is a frame that waits. One that was waited with is not dropped: it is a
// piece of a stream.
type queued struct {
	frame []byte
	keep  bool
}

// tally is a number of frames and of their bytes.
type tally struct{ frames, bytes int }

// full reports whether a frame of size finds no room beside t where there is
// room for most. Where there is none, any frame goes.
func (t tally) full(size int, most tally) bool {
	return t.frames > 0 && (t.frames >= most.frames || t.bytes+size > most.bytes)
}

func (l *lane) tally(keep bool) *tally {
	if keep {
		return &l.kept
	}
	return &l.loose
}

func (l *lane) add(frame []byte, keep bool) {
	l.frames = append(l.frames, queued{frame, keep})
	t := l.tally(keep)
	t.frames++
	t.bytes += len(frame)
}

func (l *lane) first() []byte { return l.remove(0) }

func (l *lane) remove(i int) []byte {
	q := l.frames[i]
	if i == 0 {
		l.frames[0] = queued{}
		l.frames = l.frames[1:]
	} else {
		l.frames = slices.Delete(l.frames, i, i+1)
	}
	t := l.tally(q.keep)
	t.frames--
	t.bytes -= len(q.frame)
	return q.frame
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

func newQueue(c Config) *queue {
	return &queue{
		room: tally{c.QueueFrames, c.QueueBytes}, part: tally{c.QueueFrames, c.StreamBytes},
		arrived: make(chan struct{}, 1), departed: make(chan struct{}),
	}
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

// putPiece adds frame if there is room.
func (q *queue) putPiece(frame []byte, c class) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.putLocked(frame, c, true)
}

// pieces is how many bytes wait that are not dropped.
func (q *queue) pieces() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.replies.kept.bytes
}

func (q *queue) putLocked(frame []byte, c class, keep bool) error {
	switch {
	case q.closed:
		return ErrClosed
	case c == reply && !keep && q.replies.loose.full(len(frame), q.room),
		c == reply && keep && q.replies.kept.full(len(frame), q.part),
		c == event && q.events.kept.full(len(frame), tally{eventFrames, eventBytes}):
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

// forget drops all but events, and returns how many frames that was. Of a
// putWait whose context has ended nothing comes afterwards.
func (q *queue) forget() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := len(q.replies.frames)
	q.replies = lane{}
	close(q.departed)
	q.departed = make(chan struct{})
	return n
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
		done, err := false, ctx.Err()
		if err == nil {
			done, err = ready()
		}
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
	err := q.wait(ctx, func() (bool, error) { return q.left() == 0, nil })
	q.mu.Lock()
	defer q.mu.Unlock()
	if err != nil {
		return fmt.Errorf("flush: %d frames left: %w", q.left(), err)
	}
	return q.failure
}

// left is how many frames are not written. q.mu is held.
func (q *queue) left() int {
	n := len(q.events.frames) + len(q.replies.frames)
	if q.writing {
		n++
	}
	return n
}
