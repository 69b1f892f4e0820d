// Package hostcmd holds the verbs of mkinitramfs: flags in, calls to the
// libraries, text out.
package hostcmd

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"

	"github.com/kguest/kguest/initramfs/nearest"
)

// Exit statuses.
const (
	statusOK    = 0
	statusError = 1
	statusUsage = 2
)

// program is the name in messages.
const program = "mkinitramfs"

// Streams are what a verb reads and writes.
type Streams struct {
	Stdin  io.Reader // of a command in the guest; nil is empty
	Stdout io.Writer // results
	Stderr io.Writer // errors, warnings, and progress where it is a terminal
}

// verb is one thing that mkinitramfs does.
type verb struct {
	name string
	line string // what it does, for the list of verbs
	page string // its help
	run  func(ctx context.Context, args []string, s Streams) error
}

// verbs returns all verbs but help.
func verbs() []verb { return []verb{buildVerb(), idmVerb()} }

// usageError is a mistake in the command line; it ends with status 2.
type usageError struct{ reason string }

func (e *usageError) Error() string { return e.reason }

func usagef(format string, args ...any) error {
	return &usageError{fmt.Sprintf(format, args...)}
}

// Main runs mkinitramfs with args, its own name not among them, and returns
// its exit status: 0, 1 for an error, 2 for a mistake in args, or that of a
// command in a guest. An error is one line on s.Stderr.
func Main(ctx context.Context, args []string, s Streams) int {
	name, err := run(ctx, args, s)
	var usage *usageError
	var exit *exitError
	switch {
	case err == nil:
		return statusOK
	case errors.As(err, &exit):
		if ctx.Err() != nil {
			exit.err = errors.New("interrupted")
		}
		if exit.err != nil {
			fmt.Fprintf(s.Stderr, "%s: %s\n", program, oneLine(exit))
		}
		return exit.status
	case errors.As(err, &usage):
		fmt.Fprintf(s.Stderr, "%s: %s (`%s help%s` shows how)\n", program, oneLine(err), program, name)
		return statusUsage
	case ctx.Err() != nil:
		fmt.Fprintf(s.Stderr, "%s: interrupted\n", program)
		return statusError
	default:
		fmt.Fprintf(s.Stderr, "%s: %s\n", program, oneLine(err))
		return statusError
	}
}

// run returns, beside the error, the verb's name with a space before it.
func run(ctx context.Context, args []string, s Streams) (string, error) {
	if len(args) == 0 {
		return "", usagef("no verb; there are %s", strings.Join(verbNames(), ", "))
	}
	switch args[0] {
	case "help", "-h", "-help", "--help":
		return "", help(args[1:], s.Stdout)
	}
	for _, v := range verbs() {
		if v.name == args[0] {
			err := v.run(ctx, args[1:], s)
			if errors.Is(err, flag.ErrHelp) {
				_, err = io.WriteString(s.Stdout, v.page)
			}
			return " " + v.name, err
		}
	}
	return "", usagef("unknown verb %q%s", args[0], nearest.Hint(args[0], verbNames()))
}

func verbNames() []string {
	var names []string
	for _, v := range verbs() {
		names = append(names, v.name)
	}
	return append(names, "help")
}

// help writes the list of verbs, or the page of the verb in args.
func help(args []string, w io.Writer) error {
	if len(args) == 0 {
		return overview(w)
	}
	for _, v := range verbs() {
		if v.name == args[0] && len(args) == 1 {
			_, err := io.WriteString(w, v.page)
			return err
		}
	}
	return usagef("no help on %q%s", strings.Join(args, " "), nearest.Hint(args[0], verbNames()))
}

func overview(w io.Writer) error {
	var b strings.Builder
	b.WriteString("Mkinitramfs makes the initramfs of a microVM guest.\n\nUsage:\n\n")
	for _, v := range verbs() {
		fmt.Fprintf(&b, "\t%s %-6s %s\n", program, v.name, v.line)
	}
	fmt.Fprintf(&b, "\t%s %-6s %s\n", program, "help", "shows this, or a verb's flags: "+program+" help VERB")
	_, err := io.WriteString(w, b.String())
	return err
}

// oneLine keeps an error to its promise, whatever is in a file's name.
func oneLine(err error) string {
	return strings.NewReplacer("\n", `\n`, "\r", `\r`).Replace(err.Error())
}
