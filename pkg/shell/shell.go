// Package shell is a shell for a person at the console of a machine that does not
// boot: the language is mvdan.cc/sh's, as in u-root's gosh, and to it come jobs, a
// controlling terminal and scripts with arguments.
package shell

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"mvdan.cc/sh/v3/interp"
	"mvdan.cc/sh/v3/syntax"

	"github.com/kguest/kguest/pkg/shell/page"
)

// Name is the command's.
const Name = page.Name

// Streams are the standard ones.
type Streams struct{ Stdin, Stdout, Stderr *os.File }

// statusUsage is the exit status of a wrong call.
const statusUsage = 2

// call is the command line.
type call struct {
	command string
	given   bool // command was
	dryRun  bool
	words   []string
}

// Main runs the shell and returns its exit status.
func Main(ctx context.Context, args []string, s Streams) int {
	c, err := parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(s.Stdout, page.Text)
		return 0
	case err != nil:
		fmt.Fprintf(s.Stderr, "%s: %v (%s -h shows how)\n", Name, err, Name)
		return statusUsage
	}
	if first() {
		defer endMachine()
		setPath()
		status, err := asInit(args, s)
		if err == nil {
			return status
		}
		fmt.Fprintf(s.Stderr, "%s: no child to be the shell, so no ctrl-Z: %v\n", Name, err)
		leadSession(s.Stdin)
	}
	status, err := c.run(ctx, s)
	if err != nil {
		fmt.Fprintf(s.Stderr, "%s: %v\n", Name, err)
	}
	return status
}

func parse(args []string) (c call, err error) {
	fs := flag.NewFlagSet(Name, flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	fs.StringVar(&c.command, "c", "", "")
	fs.BoolVar(&c.dryRun, "n", false, "")
	err = fs.Parse(args)
	fs.Visit(func(f *flag.Flag) { c.given = c.given || f.Name == "c" })
	c.words = fs.Args()
	return c, err
}

// run reads commands from where the call says.
func (c call) run(ctx context.Context, s Streams) (status int, err error) {
	switch {
	case c.given:
		name, args := Name, c.words
		if len(args) > 0 {
			name, args = args[0], args[1:]
		}
		return c.script(ctx, s, strings.NewReader(c.command), name, args)
	case len(c.words) > 0:
		text, err := os.ReadFile(c.words[0])
		if err != nil {
			return statusUsage, err
		}
		return c.script(ctx, s, bytes.NewReader(text), c.words[0], c.words[1:])
	case isTerminal(s.Stdin) && isTerminal(s.Stdout):
		return interactive(ctx, s)
	}
	return c.script(ctx, s, s.Stdin, Name, nil)
}

// script runs what text has. The name is for messages.
func (c call) script(ctx context.Context, s Streams, text io.Reader, name string, args []string) (int, error) {
	program, err := syntax.NewParser().Parse(text, name)
	if err != nil {
		return statusUsage, err
	}
	if c.dryRun {
		return 0, nil
	}
	params := append([]string{"--"}, args...)
	runner, err := interp.New(interp.StdIO(s.Stdin, s.Stdout, s.Stderr), interp.Params(params...))
	if err != nil {
		return 1, err
	}
	return exitStatus(runner.Run(ctx, program))
}

// exitStatus parts the status of commands from an error of the interpreter's.
func exitStatus(err error) (int, error) {
	if status, ok := errors.AsType[interp.ExitStatus](err); ok {
		return int(status), nil
	}
	if err != nil {
		return 1, err
	}
	return 0, nil
}
