// Package cmdline reads a kernel command line, such as /proc/cmdline has it,
// the way the kernel itself does (next_arg in lib/cmdline.c).
package cmdline

import (
	"slices"
	"strings"
)

// Param is one parameter: a name alone, or a name and a value.
type Param struct {
	Name, Value string
	// HasValue tells name= from name.
	HasValue bool
}

func (p Param) String() string {
	if p.HasValue {
		return p.Name + "=" + p.Value
	}
	return p.Name
}

// Params is a command line.
type Params struct {
	list []Param
	init []string
}

// Parse splits s. It takes any text and has no errors.
//
// White space divides parameters except between double quotes, and the first
// "=" that does not begin a parameter divides name and value. Quotes around a
// whole parameter or a whole value are taken off; others stay, and one that is
// never closed lasts to the end. A NUL ends the line. What follows a parameter
// "--" is for init. Unlike in the kernel, names that differ in "-" and "_" are
// different.
func Parse(s string) Params {
	var p Params
	s, _, _ = strings.Cut(s, "\x00")
	forInit := false
	for {
		s = strings.TrimLeft(s, space)
		if s == "" {
			return p
		}
		var param Param
		param, s = next(s)
		switch {
		case forInit:
			p.init = append(p.init, param.String())
		case param == Param{Name: "--"}:
			forInit = true
		default:
			p.list = append(p.list, param)
		}
	}
}

// space is isspace of the kernel, less 0xa0, which is half a letter in UTF-8.
const space = " \t\n\v\f\r"

// next takes the first parameter off s, which begins with one.
func next(s string) (param Param, rest string) {
	wholeQuoted := s[0] == '"'
	inQuote := wholeQuoted
	if wholeQuoted {
		s = s[1:]
	}
	equals, end := 0, 0
	for ; end < len(s); end++ {
		c := s[end]
		if !inQuote && strings.IndexByte(space, c) >= 0 {
			break
		}
		if c == '=' && equals == 0 {
			equals = end
		}
		if c == '"' {
			inQuote = !inQuote
		}
	}
	word, rest := s[:end], s[end:]
	if equals == 0 {
		if wholeQuoted {
			word = strings.TrimSuffix(word, `"`)
		}
		return Param{Name: word}, rest
	}
	param = Param{Name: word[:equals], Value: word[equals+1:], HasValue: true}
	if v, ok := strings.CutPrefix(param.Value, `"`); ok {
		param.Value = strings.TrimSuffix(v, `"`)
	} else if wholeQuoted {
		param.Value = strings.TrimSuffix(param.Value, `"`)
	}
	return param, rest
}

// Value returns the value of the last parameter of that name, "" for one that
// stands alone, and whether there is one.
func (p Params) Value(name string) (string, bool) {
	for _, param := range slices.Backward(p.list) {
		if param.Name == name {
			return param.Value, true
		}
	}
	return "", false
}

// Values returns the values of every parameter of that name, in order.
func (p Params) Values(name string) []string {
	var values []string
	for _, param := range p.list {
		if param.Name == name {
			values = append(values, param.Value)
		}
	}
	return values
}

// All returns the parameters before "--" in order, repeated ones included. The
// caller owns the slice.
func (p Params) All() []Param {
	return append([]Param(nil), p.list...)
}

// Names returns each name once, in the order of first appearance.
func (p Params) Names() []string {
	var names []string
	seen := make(map[string]bool, len(p.list))
	for _, param := range p.list {
		if !seen[param.Name] {
			seen[param.Name] = true
			names = append(names, param.Name)
		}
	}
	return names
}

// Init returns what follows "--": the arguments for init.
func (p Params) Init() []string {
	return append([]string(nil), p.init...)
}
