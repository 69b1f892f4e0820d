// Package guestcmd holds the commands of the guest (kmount, kroot, knet,
// kexec-guest, and kinit's command line): flags in, calls to the libraries,
// text out. The mains in cmds/ hand them their arguments and streams.
package guestcmd

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/kguest/kguest/pkg/boot"
)

// Exit statuses of every command, besides those that kexec-guest passes on.
const (
	statusError = 1
	statusUsage = 2
)

// Env is what a command's main gives it.
type Env struct {
	Args   []string // without the command's name
	Stdin  *os.File // a terminal or not: kexec-guest asks
	Stdout io.Writer
	Stderr io.Writer

	name string // the command's, of Main
}

// warn prints the errors that are not nil.
func (e *Env) warn(errs ...error) {
	for _, err := range errs {
		if err != nil {
			fmt.Fprintf(e.Stderr, "%s: warning: %v\n", e.name, err)
		}
	}
}

// Command is one command of the guest.
type Command struct {
	Name string
	Page string // manual page; -h prints it, and it is the main's package comment
	Run  func(ctx context.Context, env *Env) error
}

// UsageError is a mistake in the command line; the command exits with 2.
type UsageError struct{ Reason string }

func (e *UsageError) Error() string { return e.Reason }

// ExitError ends the command with a status of its own. Err may be nil: then
// nothing is printed.
type ExitError struct {
	Status int
	Err    error
}

func (e *ExitError) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("exit status %d", e.Status)
	}
	return e.Err.Error()
}

func (e *ExitError) Unwrap() error { return e.Err }

// Usagef returns a *UsageError.
func Usagef(format string, args ...any) error {
	return &UsageError{Reason: fmt.Sprintf(format, args...)}
}

// Main runs c and returns its exit status. An error is one line on env.Stderr.
func Main(ctx context.Context, c Command, env *Env) int {
	named := *env
	named.name = c.Name
	err := c.Run(ctx, &named)
	var usage *UsageError
	var exit *ExitError
	switch {
	case err == nil:
		return 0
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(env.Stdout, c.Page)
		return 0
	case errors.As(err, &usage):
		fmt.Fprintf(env.Stderr, "%s: %v (%s -h shows how)\n", c.Name, err, c.Name)
		return statusUsage
	case errors.As(err, &exit):
		if exit.Err != nil {
			fmt.Fprintf(env.Stderr, "%s: %v\n", c.Name, exit.Err)
		}
		return exit.Status
	default: // errors.Join has one a line
		fmt.Fprintf(env.Stderr, "%s: %s\n", c.Name, strings.ReplaceAll(err.Error(), "\n", "\n"+c.Name+": "))
		return statusError
	}
}

// flagSet returns an empty flag set that prints nothing itself.
func flagSet(name string) *flag.FlagSet {
	fs := flag.NewFlagSet(name, flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	fs.Usage = func() {}
	return fs
}

// params returns the kernel parameters, which are the defaults of a command's flags:
// by hand it does what the boot would.
func params(env *Env) boot.Params {
	p, err := boot.KernelParams()
	env.warn(err)
	return p
}

// timeoutFlag defines -timeout: seconds, or a time such as 500ms, and what the kernel
// parameters say without it.
func timeoutFlag(fs *flag.FlagSet, d *time.Duration, p boot.Params) {
	*d = p.Timeout
	fs.Func("timeout", "", func(s string) error {
		if seconds, err := strconv.ParseUint(s, 10, 31); err == nil {
			*d = time.Duration(seconds) * time.Second
			return nil
		}
		v, err := time.ParseDuration(s)
		if err != nil || v < 0 {
			return errors.New("give seconds, or a time such as 500ms")
		}
		*d = v
		return nil
	})
}

// parse parses args with fs. A mistake is a *UsageError; -h is flag.ErrHelp.
func parse(fs *flag.FlagSet, args []string) error {
	err := fs.Parse(args)
	if err == nil || errors.Is(err, flag.ErrHelp) {
		return err
	}
	return &UsageError{Reason: err.Error()}
}
