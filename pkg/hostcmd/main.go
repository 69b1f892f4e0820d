// Package hostcmd is the program mkinitramfs: it finds the verb, and makes an
// error one line and an exit status.
package hostcmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/kguest/kguest/pkg/hostcmd/boot"
	"github.com/kguest/kguest/pkg/hostcmd/build"
	"github.com/kguest/kguest/pkg/hostcmd/idm"
	"github.com/kguest/kguest/pkg/hostcmd/inspect"
	"github.com/kguest/kguest/pkg/hostcmd/manual"
	"github.com/kguest/kguest/pkg/hostcmd/pack"
	"github.com/kguest/kguest/pkg/hostcmd/verb"
	"github.com/kguest/kguest/pkg/nearest"
)

// Exit statuses.
const (
	statusOK    = 0
	statusError = 1
	statusUsage = 2
)

// Streams are what mkinitramfs reads and writes.
type Streams = verb.Streams

// about is what mkinitramfs is.
const about = `Mkinitramfs makes the initramfs of a microVM guest, the disks that go with it, and boots and asks the guest.`

// verbs returns all verbs.
func verbs() []verb.Verb {
	return slices.Concat(
		[]verb.Verb{build.Verb()}, inspect.Verbs(), []verb.Verb{pack.Verb()}, boot.Verbs(),
		[]verb.Verb{idm.Verb(), manual.Man(about, verbs), manual.Completion(verbs), helpVerb()},
	)
}

// Main runs mkinitramfs with args, its own name not among them, and returns
// its exit status: 0, 1 for an error, 2 for a mistake in args, or that of a
// command in a guest. An error is one line on s.Stderr.
func Main(ctx context.Context, args []string, s Streams) int {
	name, err := run(ctx, args, s)
	var usage *verb.UsageError
	var exit *verb.ExitError
	switch {
	case err == nil:
		return statusOK
	case errors.As(err, &exit):
		if ctx.Err() != nil && errors.Is(exit.Err, context.Canceled) {
			exit.Err = errors.New("interrupted")
		}
		if exit.Err != nil {
			fmt.Fprintf(s.Stderr, "%s: %s\n", verb.Program, oneLine(exit))
		}
		return exit.Status
	case errors.As(err, &usage):
		fmt.Fprintf(s.Stderr, "%s: %s (`%s help%s` shows how)\n", verb.Program, oneLine(err), verb.Program, name)
		return statusUsage
	case ctx.Err() != nil:
		fmt.Fprintf(s.Stderr, "%s: interrupted\n", verb.Program)
		return statusError
	default:
		fmt.Fprintf(s.Stderr, "%s: %s\n", verb.Program, oneLine(err))
		return statusError
	}
}

// run returns, beside the error, the verb's name with a space before it.
func run(ctx context.Context, args []string, s Streams) (string, error) {
	if len(args) == 0 {
		return "", verb.Usagef("no verb; there are %s", strings.Join(verbNames(), ", "))
	}
	if verb.IsHelp(args[0]) {
		args = append([]string{"help"}, args[1:]...)
	}
	for _, v := range verbs() {
		if v.Name == args[0] {
			return " " + v.Name, v.Main(ctx, s, args[1:])
		}
	}
	return "", verb.Usagef("unknown verb %q%s", args[0], nearest.Hint(args[0], verbNames()))
}

func verbNames() []string {
	var names []string
	for _, v := range verbs() {
		names = append(names, v.Name)
	}
	return names
}

func helpVerb() verb.Verb {
	return verb.Verb{
		Name:  "help",
		Line:  "shows this, or all about a verb",
		Usage: []string{"[VERB]"},
		About: "Help lists the verbs, or says what a verb does and takes; so does VERB -h.",
		Define: func(*verb.Flags) verb.Run {
			return func(_ context.Context, s verb.Streams, args verb.Args) error { return help(args, s.Stdout) }
		},
		Offers:   verbNames,
		Examples: []string{"help build"},
	}
}

// help writes the list of verbs, or the page of the verb in args.
func help(args verb.Args, w io.Writer) error {
	if len(args.Operands) == 0 {
		return overview(w)
	}
	if err := args.Exactly("VERB"); err != nil {
		return err
	}
	name := args.Operands[0]
	for _, v := range verbs() {
		if v.Name == name {
			_, err := io.WriteString(w, v.Page())
			return err
		}
	}
	return verb.Usagef("no help on %q%s", name, nearest.Hint(name, verbNames()))
}

func overview(w io.Writer) error {
	var b strings.Builder
	b.WriteString(about + "\n\nUsage:\n\n")
	for _, v := range verbs() {
		fmt.Fprintf(&b, "\t%s %-10s %s\n", verb.Program, v.Name, v.Line)
	}
	fmt.Fprintf(&b, "\n`%s help VERB` has a verb's flags and examples.\n", verb.Program)
	_, err := io.WriteString(w, b.String())
	return err
}

// oneLine keeps an error to its promise, whatever is in a file's name.
func oneLine(err error) string {
	return strings.NewReplacer("\n", `\n`, "\r", `\r`).Replace(err.Error())
}
