package client

import (
	"context"
	"errors"
	"io"
	"syscall"
	"time"
)

// ErrSilent is that of Dial where the guest did not answer.
var ErrSilent = errors.New("guest does not answer")

const (
	// firstRedial is how long the guest has to answer on the first connection;
	// the next ones have twice as long, each.
	firstRedial = 3 * time.Second
	// busyRetry is how soon to connect again where another host waits.
	busyRetry = 100 * time.Millisecond
)

// Dial connects to a guest and waits until it answers, as Hello does, for timeout
// at most. Where there is no answer it connects again: QEMU tells the guest who
// comes to a virtio port and goes by messages, has room for 32 of them and drops
// the others, and a guest that was slow for a moment goes on to think that nobody
// is there.
//
// The client ends with ctx. Beside ErrSilent it can be used, and has to be closed:
// the guest may hear what it does not answer.
func Dial(ctx context.Context, timeout time.Duration, connect Connect, config Config) (*Client, error) {
	limited, cancel := context.WithTimeoutCause(ctx, timeout, ErrSilent)
	defer cancel()
	stream, err := connect(limited)
	for patience := firstRedial; err == nil; patience *= 2 {
		c := New(ctx, stream, config)
		err = c.greet(limited, patience)
		switch {
		case err == nil:
			return c, nil
		case context.Cause(limited) == ErrSilent: //nolint:errorlint // WithTimeoutCause keeps it as it is
			return c, ErrSilent
		}
		if cerr := c.Close(); cerr != nil || !errors.Is(err, context.DeadlineExceeded) {
			return nil, errors.Join(err, cerr)
		}
		stream, err = reconnect(limited, connect)
	}
	return nil, err
}

// Connect opens the stream to a guest.
type Connect func(context.Context) (io.ReadWriteCloser, error)

func (c *Client) greet(ctx context.Context, timeout time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	return c.Hello(ctx)
}

// reconnect waits for its turn where other hosts wait: the last connection may
// still count as one.
func reconnect(ctx context.Context, connect Connect) (io.ReadWriteCloser, error) {
	for {
		stream, err := connect(ctx)
		if !errors.Is(err, syscall.EAGAIN) {
			return stream, err
		}
		timer := time.NewTimer(busyRetry)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return nil, err
		}
	}
}
