package idm

import (
	"context"
	"slices"
	"strings"

	"github.com/kguest/kguest/pkg/hostcmd/verb"
)

// ByName returns members of the family as verbs of their own. In place of the
// socket they take a guest's name, of which find returns the socket.
func ByName(find func(name string) (socket string, err error), names ...string) []verb.Verb {
	var verbs []verb.Verb
	for _, v := range members() {
		if slices.Contains(names, v.Name) {
			verbs = append(verbs, byName(v, find))
		}
	}
	return verbs
}

func byName(v verb.Verb, find func(name string) (socket string, err error)) verb.Verb {
	v.Line = line(v.About) + ", by the guest's name"
	v.Usage = []string{strings.TrimRight("NAME "+v.Usage[0], " ")}
	v.Notes = "NAME is what boot -name gave the guest."
	define := v.Define
	v.Define = func(f *verb.Flags) verb.Run {
		run := define(f)
		f.SkipOperands(1)
		return func(ctx context.Context, s verb.Streams, args verb.Args) error {
			if len(args.Operands) == 0 {
				return verb.Usagef("no guest; give the name that it has of boot -name")
			}
			socket, err := find(args.Operands[0])
			if err != nil {
				return err
			}
			args.Operands[0] = socket
			return run(ctx, s, args)
		}
	}
	return v
}

// line is the beginning of a page in the form of a list.
func line(about string) string {
	first, _, _ := strings.Cut(about, ".")
	first, _, _ = strings.Cut(first, ":")
	first, _, _ = strings.Cut(first, ",")
	return strings.ToLower(first[:1]) + strings.Join(strings.Fields(first[1:]), " ")
}
