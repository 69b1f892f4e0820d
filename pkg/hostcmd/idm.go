package hostcmd

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/kguest/kguest/initramfs/nearest"
	"github.com/kguest/kguest/pkg/idm"
	"github.com/kguest/kguest/pkg/idm/client"
)

// answerTimeout is how long a guest has to answer by default.
const answerTimeout = 5 * time.Second

func idmVerb() verb {
	return verb{name: "idm", line: "asks, commands and watches a running guest", page: idmPage, run: runIDM}
}

// idmCall is one use of the verb idm: SOCKET VERB [flags] [args].
type idmCall struct {
	Streams

	socket  string
	verb    string
	flags   *flag.FlagSet
	timeout time.Duration
	version idm.Version
}

// idmAction is a verb of idm. It defines its flags and returns what runs it,
// with the arguments that are left.
type idmAction struct {
	name   string
	define func(c *idmCall) func(ctx context.Context, args []string) error
}

func idmActions() []idmAction {
	return []idmAction{
		{"ping", idmPing},
		{"metrics", idmMetrics},
		{"report", idmReport},
		{"exec", idmExec},
		{"signal", idmSignal},
		{"stop", idmStop},
		{"watch", idmWatch},
		{"read", idmRead},
		{"write", idmWrite},
	}
}

func runIDM(ctx context.Context, args []string, s Streams) error {
	var names []string
	for _, a := range idmActions() {
		names = append(names, a.name)
	}
	all := strings.Join(names, ", ")
	switch {
	case len(args) > 0 && isHelp(args[0]):
		return flag.ErrHelp
	case len(args) == 0:
		return usagef("no socket; give the Unix socket of the guest's IDM channel, then one of %s", all)
	case len(args) == 1:
		return usagef("no verb after the socket %q; there are %s", args[0], all)
	}
	for _, a := range idmActions() {
		if a.name == args[1] {
			return newIDMCall(args[0], a.name, s).run(ctx, a, args[2:])
		}
	}
	return usagef("unknown verb %q after the socket%s; there are %s", args[1], nearest.Hint(args[1], names), all)
}

func isHelp(arg string) bool { return arg == "-h" || arg == "-help" || arg == "--help" }

func newIDMCall(socket, name string, s Streams) *idmCall {
	c := &idmCall{Streams: s, socket: socket, verb: name, flags: flag.NewFlagSet(name, flag.ContinueOnError)}
	if c.Stdin == nil {
		c.Stdin = strings.NewReader("")
	}
	c.flags.SetOutput(io.Discard)
	c.flags.DurationVar(&c.timeout, "timeout", answerTimeout, "")
	c.flags.Func("version", "", func(text string) error {
		versions := map[string]idm.Version{"auto": idm.Auto, "1": idm.Version1, "2": idm.Version2}
		version, ok := versions[text]
		if !ok {
			return errors.New("want auto, 1 or 2")
		}
		c.version = version
		return nil
	})
	return c
}

func (c *idmCall) run(ctx context.Context, a idmAction, args []string) error {
	run := a.define(c)
	args, err := c.parse(args)
	if err != nil {
		return err
	}
	if c.timeout <= 0 {
		return usagef("-timeout %v: want more than 0", c.timeout)
	}
	return run(ctx, args)
}

// parse reads flags that stand before, between and after the arguments. After
// "--", and in exec after the first argument, there are none.
func (c *idmCall) parse(args []string) ([]string, error) {
	var rest []string
	for {
		if err := c.flags.Parse(args); err != nil {
			return nil, flagError(c.flags, err)
		}
		left := c.flags.Args()
		ended := len(left) < len(args) && args[len(args)-len(left)-1] == "--"
		if len(left) == 0 || ended || c.verb == "exec" {
			return append(rest, left...), nil
		}
		rest, args = append(rest, left[0]), left[1:]
	}
}

// wantArgs returns a usage error unless there are exactly the arguments named.
func (c *idmCall) wantArgs(args []string, named ...string) error {
	switch {
	case len(args) < len(named):
		return usagef("%s: no %s", c.verb, named[len(args)])
	case len(args) > len(named):
		return usagef("%s: unexpected argument %q", c.verb, args[len(named)])
	default:
		return nil
	}
}

// errNoAnswer is why a context is done where the guest was silent.
var errNoAnswer = errors.New("no answer")

// limited returns a context that ends with errNoAnswer after the timeout.
func (c *idmCall) limited(ctx context.Context, timeout time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, timeout, errNoAnswer)
}

// explain says what to do where err is that the guest was silent.
func (c *idmCall) explain(ctx context.Context, err error) error {
	if err == nil || !errors.Is(context.Cause(ctx), errNoAnswer) {
		return err
	}
	return fmt.Errorf("%s: nobody answers on %s in %v: is the guest up, its kinit.idm= this channel and no other host connected? (-timeout waits longer)",
		c.verb, c.socket, c.timeout)
}

// connect returns a client that speaks version.
func (c *idmCall) connect(ctx context.Context, version idm.Version) (*client.Client, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "unix", c.socket)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", c.socket, c.connectError(err))
	}
	return client.New(ctx, conn, client.Config{Version: version}), nil
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
	case errors.Is(err, syscall.EINVAL):
		return fmt.Errorf("the path has %d bytes, a socket's has at most 107: give a shorter one, or one relative to the working directory", len(c.socket))
	default:
		return err
	}
}

// ask calls do with a client of version 2, or the one that was asked for,
// within the timeout.
func (c *idmCall) ask(ctx context.Context, do func(ctx context.Context, guest *client.Client) error) error {
	return c.askIn(ctx, c.timeout, c.version, do)
}

func (c *idmCall) askIn(ctx context.Context, timeout time.Duration, version idm.Version, do func(ctx context.Context, guest *client.Client) error) error {
	ctx, cancel := c.limited(ctx, timeout)
	defer cancel()
	guest, err := c.connect(ctx, version)
	if err != nil {
		return err
	}
	defer guest.Close()
	return c.explain(ctx, do(ctx, guest))
}

// askAny is ask for what both versions have: where none is given it tries 1, and
// 2 where nobody answers. A guest that knows version 1 alone takes a frame of
// version 2 for one of 4 GiB, and may not live through that.
func (c *idmCall) askAny(ctx context.Context, do func(ctx context.Context, guest *client.Client) error) error {
	if c.version != idm.Auto {
		return c.ask(ctx, do)
	}
	first, cancel := c.limited(ctx, c.timeout/2)
	defer cancel()
	err := c.askIn(first, c.timeout/2, idm.Version1, do)
	if !errors.Is(context.Cause(first), errNoAnswer) {
		return err
	}
	return c.askIn(ctx, c.timeout-c.timeout/2, idm.Version2, do)
}

// needsVersion2 is a usage error where version 1 was asked for.
func (c *idmCall) needsVersion2() error {
	if c.version == idm.Version1 {
		return usagef("%s: IDM version 1 has no such request; leave -version away", c.verb)
	}
	return nil
}
