package verb

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/kguest/kguest/pkg/nearest"
)

// Flag is a flag as pages, completions and configuration files know it.
type Flag struct {
	Name    string
	Arg     string   // what it takes: "FILE"; empty for a switch
	Doc     string   // one paragraph
	Choices []string // values to offer
	Default string   // as it would be given; empty for none
	Repeats bool     // each use adds a value
}

// Value is one value of a flag.
type Value struct {
	Text string
	At   string // where it was given: "-cmd", "conf/kguest.yaml:12: cmd"
	Near string // the same, from the folder of the configuration file on; empty where that is At
}

// From is the value with its place: "-cmd ls", "kguest.yaml:12: cmd ls".
func (v Value) From() string { return v.At + " " + v.Text }

// Flags are the flags of one verb. The default of each is what its variable
// holds when it is defined.
type Flags struct {
	list    []Flag
	setters map[string]func(Value) error
	given   map[string][]Value
	command bool // an operand begins a command
	before  int  // operands before that one
}

// NewFlags returns Flags without a flag.
func NewFlags() *Flags {
	return &Flags{setters: make(map[string]func(Value) error), given: make(map[string][]Value)}
}

// CommandFollows makes the first operand begin a command, as "--" does.
func (f *Flags) CommandFollows() { f.command = true }

// SkipOperands has so many operands stand before one that begins a command.
func (f *Flags) SkipOperands(n int) { f.before = n }

// define defines a flag that set takes each value of.
func (f *Flags) define(def Flag, set func(Value) error) {
	f.list = append(f.list, def)
	f.setters[def.Name] = set
}

func (f *Flags) give(name string, v Value) error {
	if err := f.setters[name](v); err != nil {
		return err
	}
	f.given[name] = append(f.given[name], v)
	return nil
}

// Give gives a flag a value that is not from the command line. The error does
// not say where.
func (f *Flags) Give(name string, v Value) error {
	if f.setters[name] == nil {
		return fmt.Errorf("no flag -%s", name)
	}
	return f.give(name, v)
}

// All returns the flags in the order of their definition.
func (f *Flags) All() []Flag { return f.list }

// Given returns the values that a flag was given, in that order.
func (f *Flags) Given(name string) []Value { return f.given[name] }

// String defines a flag that takes any text.
func (f *Flags) String(p *string, name, arg, doc string) {
	f.define(Flag{Name: name, Arg: arg, Doc: doc, Default: *p}, func(v Value) error {
		*p = v.Text
		return nil
	})
}

// Choice defines a flag that takes one of choices.
func (f *Flags) Choice(p *string, name string, choices []string, doc string) {
	def := Flag{Name: name, Arg: strings.Join(choices, "|"), Doc: doc, Choices: choices, Default: *p}
	f.define(def, func(v Value) error {
		if !slices.Contains(choices, v.Text) {
			return errors.New("want " + strings.Join(choices, ", ") + nearest.Hint(v.Text, choices))
		}
		*p = v.Text
		return nil
	})
}

// Checked defines a flag that takes what check has no error for; choices are
// values to offer, not all that there are.
func (f *Flags) Checked(p *string, name, arg string, choices []string, doc string, check func(string) error) {
	f.define(Flag{Name: name, Arg: arg, Doc: doc, Choices: choices, Default: *p}, func(v Value) error {
		if err := check(v.Text); err != nil {
			return err
		}
		*p = v.Text
		return nil
	})
}

// Bool defines a switch.
func (f *Flags) Bool(p *bool, name, doc string) {
	f.define(Flag{Name: name, Doc: doc}, func(v Value) error {
		if v.Text != "true" && v.Text != "false" {
			return errors.New("want true or false")
		}
		*p = v.Text == "true"
		return nil
	})
}

// Int defines a flag that takes a number of at least least.
func (f *Flags) Int(p *int, name, arg, doc string, least int) {
	f.define(Flag{Name: name, Arg: arg, Doc: doc, Default: strconv.Itoa(*p)}, func(v Value) error {
		n, err := strconv.Atoi(v.Text)
		if err != nil || n < least {
			return errors.New("want a number of at least " + strconv.Itoa(least))
		}
		*p = n
		return nil
	})
}

// Duration defines a flag that takes a time with its unit.
func (f *Flags) Duration(p *time.Duration, name, arg, doc string) {
	f.define(Flag{Name: name, Arg: arg, Doc: doc, Default: p.String()}, func(v Value) error {
		d, err := time.ParseDuration(v.Text)
		if err != nil {
			return errors.New("want a time with its unit, such as 1.5s or 2m")
		}
		*p = d
		return nil
	})
}

// List defines a flag that may be given several times.
func (f *Flags) List(p *[]string, name, arg, doc string) {
	f.define(Flag{Name: name, Arg: arg, Doc: doc, Repeats: true}, func(v Value) error {
		*p = append(*p, v.Text)
		return nil
	})
}

// Values defines a flag that may be given several times, and whose values
// keep where they are from.
func (f *Flags) Values(p *[]Value, name, arg, doc string) {
	f.define(Flag{Name: name, Arg: arg, Doc: doc, Repeats: true}, func(v Value) error {
		*p = append(*p, v)
		return nil
	})
}

// Func defines a flag whose value set takes, each time it is given. Where arg
// is a list such as auto|1|2, that is what there is to choose.
func (f *Flags) Func(name, arg, doc string, set func(value string) error) {
	def := Flag{Name: name, Arg: arg, Doc: doc}
	if strings.Contains(arg, "|") && strings.ToLower(arg) == arg {
		def.Choices = strings.Split(arg, "|")
	}
	f.define(def, func(v Value) error { return set(v.Text) })
}
