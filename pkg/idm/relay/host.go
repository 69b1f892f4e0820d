package relay

import (
	"context"
	"errors"
	"io"
	"sync/atomic"
	"time"

	"github.com/kguest/kguest/pkg/idm"
)

// What a host does not take, as a pager that waits for a key, is kept for it. From
// pauseBytes on the guest is to say no more on its streams, until no more than
// resumeBytes are left. A guest that does not know how to pause loses the stream
// that finds waitingBytes taken: one host never holds up another.
const (
	pauseBytes    = 4 << 20
	resumeBytes   = 1 << 20
	waitingBytes  = 64 << 20
	waitingFrames = 1 << 20
)

// host is one that Serve serves.
type host struct {
	conn    *idm.Conn
	line    *line
	streams map[address]address // the host's to the guest's
}

func newHost(stream io.ReadWriteCloser, most int) *host {
	l := &line{ReadWriteCloser: stream, moved: make(chan struct{}, 1)}
	return &host{
		conn:    idm.New(l, idm.Config{StreamBytes: most, QueueFrames: waitingFrames}),
		line:    l,
		streams: map[address]address{},
	}
}

// line is a host's stream of bytes, and knows whether the host takes what it is sent.
type line struct {
	io.ReadWriteCloser
	taken atomic.Int64  // bytes
	moved chan struct{} // some were taken; capacity 1
}

// step is how much of a frame is written at once: what was taken of it shows.
const step = 32 << 10

func (l *line) Write(p []byte) (int, error) {
	written := 0
	for {
		n, err := l.ReadWriteCloser.Write(p[written:min(written+step, len(p))])
		written += n
		l.taken.Add(int64(n))
		l.stir()
		if err != nil || written == len(p) {
			return written, err
		}
	}
}

// stir has who waits for moved look again.
func (l *line) stir() {
	select {
	case l.moved <- struct{}{}:
	default:
	}
}

// lastWords is how long a host may take nothing of what is left for it at the end.
const lastWords = 5 * time.Second

// killedWords is how long all have where who runs the machine has no patience.
const killedWords = time.Second

// end closes the connection to the host when it has what there is for it, or ctx is
// done.
func (h *host) end(ctx context.Context) {
	for ctx.Err() == nil {
		before := h.line.taken.Load()
		waiting, cancel := context.WithTimeout(ctx, lastWords)
		err := h.conn.Flush(waiting)
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) || h.line.taken.Load() == before {
			break // of one that does not read the rest is lost
		}
	}
	_ = h.conn.Close()
}
