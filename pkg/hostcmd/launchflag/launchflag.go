// Package launchflag has the flags that say how a guest is to run its image:
// those of pack and of boot. They make a launch.json.
package launchflag

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/kguest/kguest/pkg/hostcmd/verb"
	"github.com/kguest/kguest/pkg/launch"
	"github.com/kguest/kguest/pkg/ociproc"
)

// Flags are the flags as they were given.
type Flags struct {
	base  string
	apply []func(*launch.Config)
}

// Define defines the flags on f. A value that the guest would refuse is a usage
// error that names the flag.
func Define(f *verb.Flags) *Flags {
	return DefineNet(f, "KEY=VALUE,...", "The network: ", func(string) bool { return false })
}

// DefineNet is Define with a -net that takes more: arg and doc say what, and take
// returns true for a value that it has taken.
func DefineNet(f *verb.Flags, arg, doc string, take func(value string) bool) *Flags {
	l := new(Flags)
	f.String(&l.base, "launch", "FILE", "A launch.json to begin with; the flags and the command win over it.")
	f.Func("hostname", "NAME", "Host name of the guest.", l.hostname)
	f.Func("env", "NAME=VALUE", "An environment variable over the image's. May be given several times.", l.env)
	f.Func("entrypoint", "COMMAND", "What to run in place of the image's Entrypoint, its words parted by spaces; an empty one takes the image's away.", l.entrypoint)
	f.Func("user", "USER[:GROUP]", "Who to run as in place of the image's User, by name or number.", l.user)
	f.Func("workdir", "DIR", "Where to run in place of the image's WorkingDir.", l.workdir)
	f.Func("net", arg, doc+"link (needed, or mac), mac, ip4 and ip6 (ADDRESS/PREFIX), gw4, gw6, mtu, and dns and search, "+
		"which may be there several times.", func(value string) error {
		if take(value) {
			return nil
		}
		return l.network(value)
	})
	f.Func("memory-max", "SIZE", "Memory that the command may use: bytes, or with K, M, G or T.", l.memoryMax)
	f.Func("pids-max", "N", "How many tasks the command may have.", l.pidsMax)
	f.Func("stop-signal", "SIGNAL", "What asks the command to stop, in place of the image's StopSignal.", l.stopSignal)
	return l
}

// Config returns the launch configuration. The command, unless it is nil, is
// what to run in place of the image's Cmd. Warnings are about the file of
// -launch.
func (l *Flags) Config(command []string) (launch.Config, []error, error) {
	return l.Over(launch.Config{}, command)
}

// Given reports whether there is any of the flags.
func (l *Flags) Given() bool { return l.base != "" || len(l.apply) > 0 }

// Over is Config with c to begin with, where there is no -launch.
func (l *Flags) Over(c launch.Config, command []string) (launch.Config, []error, error) {
	var warnings []error
	if l.base != "" {
		base, w, err := launch.Read(l.base)
		if err != nil {
			return launch.Config{}, nil, fmt.Errorf("-launch: %w", err)
		}
		c, warnings = *base, w
	}
	for _, apply := range l.apply {
		apply(&c)
	}
	if command != nil {
		c.Run = command
		if err := check(func(c *launch.Config) { c.Run = command }); err != nil {
			return launch.Config{}, nil, verb.Usagef("command: %v", err)
		}
	}
	if err := c.Check(); err != nil {
		return launch.Config{}, nil, fmt.Errorf("-launch and the flags together: %w", err)
	}
	return c, warnings, nil
}

// check applies to an empty configuration and returns what the guest would
// say, without the name of the field and the value.
func check(apply func(*launch.Config)) error {
	var c launch.Config
	apply(&c)
	err := c.Check()
	if err == nil {
		return nil
	}
	reason := err.Error()
	if i := strings.LastIndex(reason, ": "); i >= 0 {
		reason = reason[i+2:]
	}
	return errors.New(reason)
}

// set adds a flag that changes the configuration.
func (l *Flags) set(apply func(*launch.Config)) error {
	if err := check(apply); err != nil {
		return err
	}
	l.apply = append(l.apply, apply)
	return nil
}

func (l *Flags) hostname(value string) error {
	return l.set(func(c *launch.Config) { c.Hostname = &value })
}

func (l *Flags) env(value string) error {
	name, value, ok := strings.Cut(value, "=")
	if !ok {
		return errors.New("want NAME=VALUE")
	}
	return l.set(func(c *launch.Config) {
		env := map[string]string{name: value}
		for other, v := range c.Env {
			if other != name {
				env[other] = v
			}
		}
		c.Env = env
	})
}

func (l *Flags) entrypoint(value string) error {
	words := append([]string{}, strings.Fields(value)...)
	return l.set(func(c *launch.Config) { c.Entrypoint = words })
}

func (l *Flags) user(value string) error {
	if value == "" {
		return errors.New("empty; leave it out to keep the image's")
	}
	return l.set(func(c *launch.Config) { c.User = value })
}

func (l *Flags) workdir(value string) error {
	if value == "" {
		return errors.New("empty; leave it out to keep the image's")
	}
	return l.set(func(c *launch.Config) { c.WorkingDir = value })
}

func (l *Flags) memoryMax(value string) error {
	n, err := ParseSize(value)
	if err != nil {
		return err
	}
	return l.set(func(c *launch.Config) { c.Resources.MemoryMax = n })
}

func (l *Flags) pidsMax(value string) error {
	n, err := strconv.ParseUint(value, 10, 63)
	if err != nil || n == 0 {
		return errors.New("want a whole number above 0")
	}
	return l.set(func(c *launch.Config) { c.Resources.PidsMax = n })
}

func (l *Flags) stopSignal(value string) error {
	if _, err := ociproc.ParseSignal(value); err != nil {
		return err
	}
	return l.set(func(c *launch.Config) { c.Stop.Signal = value })
}

// ParseSize parses a number of bytes, with K, M, G or T for powers of 1024.
func ParseSize(s string) (uint64, error) {
	const most = 1<<63 - 1
	shift := 0
	digits := s
	if s != "" {
		shift = 10 * (1 + strings.IndexByte("KMGT", s[len(s)-1]&^0x20))
	}
	if shift > 0 {
		digits = s[:len(s)-1]
	}
	n, err := strconv.ParseUint(digits, 10, 63)
	if err != nil || n == 0 || n > most>>shift {
		return 0, errors.New("want a number of bytes above 0, or one with K, M, G or T, such as 512M")
	}
	return n << shift, nil
}
