package inspect

import (
	"bufio"
	"context"
	"fmt"
	"strings"

	"github.com/kguest/kguest/initramfs/inspect"
	"github.com/kguest/kguest/pkg/hostcmd/verb"
)

type diff struct{ json, exitCode bool }

func diffVerb() verb.Verb {
	return verb.Verb{
		Name: "diff", Line: "tells what differs between two images", Usage: []string{"[-json] [-exit-code] IMAGE IMAGE"},
		About: `Diff prints a line for each path that the guest would see otherwise: + for one that only the second image has, -
for one that only the first has, ~ for one that differs, with what differs. Types, modes, owners, contents, link targets,
device numbers and numbers of hard links are compared; times, the order of entries and how the images are packed are not.
` + reads,
		Notes: `The status is 0 whether they differ or not, as of git diff. With -exit-code it is that of diff(1): 0 where
they are the same, 1 where they differ, 2 where they cannot be compared.`,
		Examples: []string{"diff old.cpio new.cpio", "diff -exit-code a.cpio b.cpio.zst && echo same"},
		Define: func(f *verb.Flags) verb.Run {
			d := new(diff)
			f.Bool(&d.json, "json", "Print a JSON list.")
			f.Bool(&d.exitCode, "exit-code", "End with status 1 where the images differ, and with 2 after an error.")
			return d.run
		},
	}
}

func (d *diff) run(ctx context.Context, s verb.Streams, args verb.Args) error {
	if err := args.Exactly("image; give two initramfs files", "second image; give two initramfs files"); err != nil {
		return err
	}
	n, err := d.compare(ctx, s, args.Operands[0], args.Operands[1])
	switch {
	case !d.exitCode:
		return err
	case err != nil:
		return &verb.ExitError{Status: 2, Err: err}
	case n > 0:
		return &verb.ExitError{Status: 1}
	}
	return nil
}

// compare prints the changes and returns how many there are.
func (d *diff) compare(ctx context.Context, s verb.Streams, before, after string) (n int, err error) {
	a, err := inspect.Open(ctx, before)
	if err != nil {
		return 0, err
	}
	defer a.Close()
	b, err := inspect.Open(ctx, after)
	if err != nil {
		return 0, err
	}
	defer b.Close()
	changes, err := inspect.Diff(a, b)
	if err != nil {
		return 0, err
	}
	if d.json {
		return len(changes), writeJSON(s.Stdout, append([]inspect.Change{}, changes...))
	}
	out := bufio.NewWriter(s.Stdout)
	for _, c := range changes {
		fmt.Fprintln(out, changeLine(c))
	}
	return len(changes), out.Flush()
}

func changeLine(c inspect.Change) string {
	name := inspect.Quote(c.Path)
	switch c.Kind {
	case inspect.Added:
		return "+ " + name
	case inspect.Removed:
		return "- " + name
	case inspect.Changed:
	}
	var fields []string
	for _, f := range c.Fields {
		before, after := inspect.Quote(f.Before), inspect.Quote(f.After)
		if f.Field == "sha256" {
			before, after = before[:min(len(before), 12)], after[:min(len(after), 12)]
		}
		fields = append(fields, fmt.Sprintf("%s %s -> %s", f.Field, before, after))
	}
	return "~ " + name + ": " + strings.Join(fields, ", ")
}
