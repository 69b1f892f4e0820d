package hostcmd

import (
	"context"
	"errors"
	"flag"
	"io"
	"strings"
	"time"

	"github.com/kguest/kguest/initramfs/nearest"
	"github.com/kguest/kguest/pkg/idm"
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

// needsVersion2 is a usage error where version 1 was asked for.
func (c *idmCall) needsVersion2() error {
	if c.version == idm.Version1 {
		return usagef("%s: IDM version 1 has no such request; leave -version away", c.verb)
	}
	return nil
}
