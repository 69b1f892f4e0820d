package hostcmd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"syscall"
	"time"

	"github.com/kguest/kguest/pkg/idm"
	"github.com/kguest/kguest/pkg/idm/client"
)

// noAnswer is why a context is done where the guest was silent.
type noAnswer struct{ call *idmCall }

func (e *noAnswer) Error() string {
	return fmt.Sprintf("%s: nobody answers on %s in %v: is the guest up, its kinit.idm= this channel and no other host connected? (-timeout waits longer)",
		e.call.verb, e.call.socket, e.call.timeout)
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
func (c *idmCall) open(ctx context.Context) (*client.Client, error) {
	if c.version != idm.Auto {
		return c.openIn(ctx, c.timeout, c.version)
	}
	return c.openIn(ctx, c.timeout, idm.Version2)
}

// openAny is open for what both versions have: where none is given it tries 1,
// and 2 where nobody answers. A guest that knows version 1 alone takes a frame
// of version 2 for one of 4 GiB, and may not live through that.
func (c *idmCall) openAny(ctx context.Context) (*client.Client, error) {
	if c.version != idm.Auto {
		return c.open(ctx)
	}
	guest, err := c.openIn(ctx, c.timeout/2, idm.Version1)
	if _, silent := errors.AsType[*noAnswer](err); silent {
		guest, err = c.openIn(ctx, c.timeout-c.timeout/2, idm.Version2)
	}
	return guest, err
}

func (c *idmCall) openIn(ctx context.Context, timeout time.Duration, version idm.Version) (*client.Client, error) {
	limited, cancel := context.WithTimeoutCause(ctx, timeout, &noAnswer{c})
	defer cancel()
	conn, err := new(net.Dialer).DialContext(limited, "unix", c.socket)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", c.socket, c.connectError(err))
	}
	guest := client.New(ctx, conn, client.Config{Version: version})
	if err := hello(limited, guest); err != nil {
		return nil, errors.Join(explain(limited, err), guest.Close())
	}
	return guest, nil
}

// helloEvery is how long a guest has to answer a ping before the next.
const helloEvery = time.Second

// hello pings the guest until it answers. A guest that does not listen yet loses
// a ping, and one whose last host did not read has no room for the answer.
func hello(ctx context.Context, guest *client.Client) error {
	for {
		once, cancel := context.WithTimeout(ctx, helloEvery)
		err := guest.Ping(once)
		cancel()
		if err == nil || ctx.Err() != nil || !errors.Is(err, context.DeadlineExceeded) {
			return err
		}
	}
}

// connectError says what is wrong with the socket.
func (c *idmCall) connectError(err error) error {
	info, statErr := os.Stat(c.socket)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return errors.New("no such socket: is the machine running, and is this the socket of its IDM channel?")
	case statErr == nil && info.Mode().Type() != fs.ModeSocket:
		return errors.New("not a socket: give the one that the hypervisor made for the IDM channel")
	case errors.Is(err, fs.ErrPermission):
		return errors.New("permission denied: run as the user who started the machine, or as root")
	case errors.Is(err, syscall.ECONNREFUSED):
		return errors.New("nobody listens there: the machine has ended")
	case errors.Is(err, syscall.EAGAIN):
		return errors.New("other hosts are waiting there already: QEMU serves one at a time")
	case errors.Is(err, syscall.EINVAL):
		return fmt.Errorf("the path has %d bytes, a socket's has at most 107: give a shorter one, or one relative to the working directory", len(c.socket))
	default:
		return err
	}
}

// opener is open or openAny.
type opener func(ctx context.Context) (*client.Client, error)

// ask calls do with a client, within the timeout.
func (c *idmCall) ask(ctx context.Context, open opener, do func(ctx context.Context, guest *client.Client) error) error {
	guest, err := open(ctx)
	if err != nil {
		return err
	}
	defer guest.Close()
	return c.limited(ctx, func(ctx context.Context) error { return do(ctx, guest) })
}

// limited calls do with a context that ends after the timeout.
func (c *idmCall) limited(ctx context.Context, do func(ctx context.Context) error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, c.timeout, &noAnswer{c})
	defer cancel()
	return explain(ctx, do(ctx))
}
