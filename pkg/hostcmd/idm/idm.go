// Package idm is the verb that talks to a running guest.
package idm

import (
	"context"
	"errors"
	"time"

	"github.com/kguest/kguest/pkg/hostcmd/verb"
	"github.com/kguest/kguest/pkg/idm"
)

// answerTimeout is how long a guest has to answer by default.
const answerTimeout = 5 * time.Second

// call is one use of the verb: SOCKET VERB [flags] [args].
type call struct {
	verb.Streams

	socket  string
	name    string // of the member
	timeout time.Duration
	version idm.Version
}

// action runs one member of the family with the arguments after the socket.
type action func(ctx context.Context, args verb.Args) error

// member makes a verb of the family; define defines its own flags.
func member(name, usage, about string, define func(c *call, f *verb.Flags) action) verb.Verb {
	return verb.Verb{
		Name: name, Usage: []string{usage}, About: about,
		Define: func(f *verb.Flags) verb.Run {
			c := &call{name: name}
			run := define(c, f)
			c.define(f)
			return func(ctx context.Context, s verb.Streams, args verb.Args) error {
				if c.timeout <= 0 {
					return verb.Usagef("-timeout %v: want more than 0", c.timeout)
				}
				c.Streams, c.socket = s, args.Operands[0]
				args.Operands = args.Operands[1:]
				return run(ctx, args)
			}
		},
	}
}

// define defines the flags that all members have.
func (c *call) define(f *verb.Flags) {
	c.timeout = answerTimeout
	f.Duration(&c.timeout, "timeout", "5s", `How long the guest may leave a request, or a piece of a file, without an answer. A
command, and watch, run as long as they like.`)
	f.Func("version", "auto|1|2", `Of IDM. Version 1 has ping, metrics and watch. The default is 2, but for ping and
metrics 1, and 2 after half of the timeout.`, func(text string) error {
		versions := map[string]idm.Version{"auto": idm.Auto, "1": idm.Version1, "2": idm.Version2}
		version, ok := versions[text]
		if !ok {
			return errors.New("want auto, 1 or 2")
		}
		c.version = version
		return nil
	})
}

// needsVersion2 is a usage error where version 1 was asked for.
func (c *call) needsVersion2() error {
	if c.version == idm.Version1 {
		return verb.Usagef("IDM version 1 has no such request; leave -version away")
	}
	return nil
}
