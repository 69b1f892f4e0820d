package idm

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"syscall"
	"time"

	"github.com/kguest/kguest/pkg/idm"
	"github.com/kguest/kguest/pkg/idm/client"
)

// noAnswer is why a context is done where the guest was silent.
type noAnswer struct {
	call *call
	sent bool // what was to be asked, all the same
}

func (e *noAnswer) Error() string {
	sent := ""
	if e.sent {
		sent = "; it was sent all the same"
	}
	return fmt.Sprintf("%s: nobody answers on %s in %v%s: is the guest up, its kinit.idm= this channel and no other host connected? (-timeout waits longer)",
		e.call.name, e.call.socket, e.call.timeout, sent)
}

// explain returns noAnswer in err's place where that is why ctx is done.
func explain(ctx context.Context, err error) error {
	if silent, ok := errors.AsType[*noAnswer](context.Cause(ctx)); ok && err != nil {
		return silent
	}
	return err
}

// open returns a client of version 2, or of the version that was asked for. The
// guest has answered it.
func (c *call) open(ctx context.Context) (*client.Client, error) {
	if c.version != idm.Auto {
		return c.openIn(ctx, c.timeout, c.version)
	}
	return c.openIn(ctx, c.timeout, idm.Version2)
}

// openAny is open for what both versions have: where none is given it tries 1,
// and 2 where nobody answers. A guest that knows version 1 alone takes a frame
// of version 2 for one of 4 GiB, and may not live through that.
func (c *call) openAny(ctx context.Context) (*client.Client, error) {
	if c.version != idm.Auto {
		return c.open(ctx)
	}
	guest, err := c.openIn(ctx, c.timeout/2, idm.Version1)
	if _, silent := errors.AsType[*noAnswer](err); silent {
		guest, err = c.openIn(ctx, c.timeout-c.timeout/2, idm.Version2)
	}
	return guest, err
}

func (c *call) openIn(ctx context.Context, timeout time.Duration, version idm.Version) (*client.Client, error) {
	guest, err := c.connect(ctx, timeout, version)
	if err != nil && guest != nil {
		return nil, errors.Join(err, guest.Close())
	}
	return guest, err
}

// connect returns a client that the guest has answered; beside noAnswer, one that
// it has not.
func (c *call) connect(ctx context.Context, timeout time.Duration, version idm.Version) (*client.Client, error) {
	guest, err := client.Dial(ctx, timeout, c.dial, client.Config{Version: version})
	if errors.Is(err, client.ErrSilent) {
		return guest, &noAnswer{call: c}
	}
	return guest, err
}

func (c *call) dial(ctx context.Context) (io.ReadWriteCloser, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "unix", c.socket)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", c.socket, &connectError{c.socket, err})
	}
	return conn, nil
}

// connectError says what is wrong with the socket.
type connectError struct {
	socket string
	err    error
}

func (e *connectError) Unwrap() error { return e.err }

func (e *connectError) Error() string {
	info, statErr := os.Stat(e.socket)
	switch {
	case errors.Is(e.err, fs.ErrNotExist):
		return "no such socket: is the machine running, and is this the socket of its IDM channel?"
	case statErr == nil && info.Mode().Type() != fs.ModeSocket:
		return "not a socket: give the one that the hypervisor made for the IDM channel"
	case errors.Is(e.err, fs.ErrPermission):
		return "permission denied: run as the user who started the machine, or as root"
	case errors.Is(e.err, syscall.ECONNREFUSED):
		return "nobody listens there: the machine has ended"
	case errors.Is(e.err, syscall.EAGAIN):
		return "other hosts are waiting there already: QEMU serves one at a time"
	case errors.Is(e.err, syscall.EINVAL):
		return fmt.Sprintf("the path has %d bytes, a socket's has at most 107: give a shorter one, or one relative to the working directory", len(e.socket))
	default:
		return e.err.Error()
	}
}

// opener is open or openAny.
type opener func(ctx context.Context) (*client.Client, error)

// ask calls do with a client, within the timeout.
func (c *call) ask(ctx context.Context, open opener, do func(ctx context.Context, guest *client.Client) error) error {
	guest, err := open(ctx)
	if err != nil {
		return err
	}
	defer guest.Close()
	return c.limited(ctx, func(ctx context.Context) error { return do(ctx, guest) })
}

// insist calls do as ask does, for half of the timeout also where the guest has
// left the first half without an answer: it may hear what it cannot answer.
func (c *call) insist(ctx context.Context, do func(ctx context.Context, guest *client.Client) error) error {
	guest, silent := c.connect(ctx, c.timeout/2, idm.Version2)
	if guest == nil {
		return silent
	}
	defer guest.Close()
	left := c.timeout
	if silent != nil {
		left -= c.timeout / 2
	}
	return c.within(ctx, left, &noAnswer{call: c, sent: true}, func(ctx context.Context) error { return do(ctx, guest) })
}

// limited calls do with a context that ends after the timeout.
func (c *call) limited(ctx context.Context, do func(ctx context.Context) error) error {
	return c.within(ctx, c.timeout, &noAnswer{call: c}, do)
}

func (c *call) within(ctx context.Context, timeout time.Duration, silent *noAnswer, do func(ctx context.Context) error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, silent)
	defer cancel()
	return explain(ctx, do(ctx))
}
