package verb

import (
	"errors"
	"strings"

	"github.com/kguest/kguest/pkg/nearest"
)

// errHelp: the page was asked for.
var errHelp = errors.New("help is wanted")

// Parse reads flags that stand before, between and after the operands, up to
// "--". A flag is -name VALUE, -name=VALUE or, for a switch, -name; two dashes
// do as well. Its error is a UsageError, but for -h.
func (f *Flags) Parse(args []string) (Args, error) {
	var parsed Args
	for len(args) > 0 {
		arg := args[0]
		switch {
		case arg == "--":
			parsed.Command = append([]string{}, args[1:]...)
			return parsed, nil
		case len(arg) > 1 && arg[0] == '-':
			rest, err := f.flag(args)
			if err != nil {
				return Args{}, err
			}
			args = rest
		case f.command && len(parsed.Operands) >= f.before:
			parsed.Command = append([]string{}, args...)
			return parsed, nil
		default:
			parsed.Operands, args = append(parsed.Operands, arg), args[1:]
		}
	}
	return parsed, nil
}

// flag takes the flag that args begin with, and its value, and returns the
// rest.
func (f *Flags) flag(args []string) ([]string, error) {
	name, text, with := strings.Cut(strings.TrimPrefix(args[0][1:], "-"), "=")
	rest := args[1:]
	def, ok := f.lookup(name)
	switch {
	case !ok && (name == "h" || name == "help"):
		return nil, errHelp
	case !ok:
		return nil, Usagef("unknown flag -%s%s", name, f.hint(name))
	case !with && def.Arg == "":
		text = "true"
	case !with && len(rest) == 0:
		return nil, Usagef("no value after -%s; want %s", name, def)
	case !with:
		text, rest = rest[0], rest[1:]
	}
	if err := f.give(name, Value{Text: text, At: "-" + name}); err != nil {
		return nil, Usagef("-%s %q: %v", name, text, err)
	}
	return rest, nil
}

func (f *Flags) lookup(name string) (Flag, bool) {
	for _, def := range f.list {
		if def.Name == name {
			return def, true
		}
	}
	return Flag{}, false
}

func (f *Flags) hint(name string) string {
	var have []string
	for _, def := range f.list {
		have = append(have, def.Name)
	}
	if near := nearest.Name(name, have); near != "" {
		return "; did you mean -" + near + "?"
	}
	return ""
}
