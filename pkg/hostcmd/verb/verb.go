// Package verb is what the verbs of mkinitramfs are made of: how one is
// described, its flags, its errors, and the files that it writes. What a verb
// says of itself is said once; its help, its manual page and the completions of
// a shell follow from that.
package verb

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/kguest/kguest/pkg/nearest"
)

// Program is the name in messages and pages.
const Program = "mkinitramfs"

// Streams are what a verb reads and writes.
type Streams struct {
	Stdin  io.Reader // of a command in the guest; nil is empty
	Stdout io.Writer // results
	Stderr io.Writer // errors, warnings, and progress where it is a terminal
}

// A Verb is one thing that mkinitramfs does, or a family of such.
type Verb struct {
	Name     string
	Line     string   // what it does, for a list of verbs
	Usage    []string // what stands after the name, for each way to use it
	About    string   // paragraphs
	Notes    string   // paragraphs after the flags
	Examples []string // without the program's name
	// Offers returns what a shell offers for the operand; nil offers files.
	Offers func() []string
	// Define defines the flags on f and returns what runs the verb. In a family
	// it defines the flags that all have, and returns nil.
	Define func(f *Flags) Run
	// Verbs makes a family: one of them stands after Operand. Its operands are
	// that one and then its own.
	Verbs   []Verb
	Operand string // "SOCKET"; needed in a family
	Missing string // what to tell where the operand is missing
}

// Run does what a verb is for.
type Run func(ctx context.Context, s Streams, args Args) error

// Args are the arguments that are no flags.
type Args struct {
	Operands []string
	Command  []string // what stands after "--"; nil where there is no "--"
}

// None is a usage error where there are operands or a command.
func (a Args) None() error {
	if rest := append(a.Operands, a.Command...); len(rest) > 0 {
		return Usagef("unexpected argument %q", rest[0])
	}
	return nil
}

// Exactly is a usage error unless there is one operand for each of named.
func (a Args) Exactly(named ...string) error {
	switch {
	case len(a.Operands) < len(named):
		return Usagef("no %s", named[len(a.Operands)])
	case len(a.Operands) > len(named):
		return Usagef("unexpected argument %q", a.Operands[len(named)])
	}
	return Args{Operands: a.Command}.None()
}

// Flags returns the flags of v, in the order of their definition.
func (v Verb) Flags() []Flag {
	f, _ := v.define()
	return f.list
}

func (v Verb) define() (*Flags, Run) {
	f := NewFlags()
	if v.Define == nil {
		return f, nil
	}
	return f, v.Define(f)
}

// Main runs v with the arguments after its name. For -h it prints v's page.
func (v Verb) Main(ctx context.Context, s Streams, args []string) error {
	if s.Stdin == nil {
		s.Stdin = strings.NewReader("")
	}
	err := v.main(ctx, s, args, nil)
	if errors.Is(err, errHelp) {
		_, err = io.WriteString(s.Stdout, v.Page())
	}
	return err
}

func (v Verb) main(ctx context.Context, s Streams, args, before []string) error {
	if len(v.Verbs) > 0 {
		return v.member(ctx, s, args)
	}
	f, run := v.define()
	parsed, err := f.Parse(args)
	if err != nil {
		return err
	}
	parsed.Operands = append(before, parsed.Operands...)
	return run(ctx, s, parsed)
}

// member runs the verb of the family that args name after the operand.
func (v Verb) member(ctx context.Context, s Streams, args []string) error {
	var names []string
	for _, m := range v.Verbs {
		names = append(names, m.Name)
	}
	all := strings.Join(names, ", ")
	switch {
	case len(args) > 0 && IsHelp(args[0]):
		return errHelp
	case len(args) == 0:
		return Usagef("%s, then one of %s", v.Missing, all)
	case len(args) == 1:
		return Usagef("no verb after the %s %q; there are %s", strings.ToLower(v.Operand), args[0], all)
	}
	for _, m := range v.Verbs {
		if m.Name == args[1] {
			return Prefix(m.Name, m.main(ctx, s, args[2:], args[:1:1]))
		}
	}
	return Usagef("unknown verb %q after the %s%s; there are %s", args[1], strings.ToLower(v.Operand), nearest.Hint(args[1], names), all)
}

// IsHelp reports whether arg asks for help.
func IsHelp(arg string) bool { return arg == "-h" || arg == "-help" || arg == "--help" }

// A UsageError is a mistake in the command line; it ends with status 2.
type UsageError struct{ Reason string }

func (e *UsageError) Error() string { return e.Reason }

// Usagef returns a UsageError.
func Usagef(format string, args ...any) error {
	return &UsageError{fmt.Sprintf(format, args...)}
}

// Prefix names the member of a family in a usage error.
func Prefix(name string, err error) error {
	if usage, ok := errors.AsType[*UsageError](err); ok && !strings.HasPrefix(usage.Reason, name) {
		return Usagef("%s: %s", name, usage.Reason)
	}
	return err
}

// An ExitError ends the program with a status of its own.
type ExitError struct {
	Status int
	Err    error // nil is not worth a line
}

func (e *ExitError) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("status %d", e.Status)
	}
	return e.Err.Error()
}

func (e *ExitError) Unwrap() error { return e.Err }
