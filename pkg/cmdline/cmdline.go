// Package cmdline reads a kernel command line, such as /proc/cmdline has it,
// the way the kernel itself does (next_arg in lib/cmdline.c).
package cmdline

import "strings"

// Param is one parameter: a name, and a value where it has one.
type Param struct{ Name, Value string }

// Parse splits s. It takes any text and has no errors.
//
// White space divides parameters except between double quotes, and the first
// "=" that does not begin a parameter divides name and value. Quotes around a
// whole parameter or a whole value are taken off; others stay, and one that is
// never closed lasts to the end. A NUL ends the line. What follows a parameter
// "--" is for init and is left out. Unlike in the kernel, names that differ in
// "-" and "_" are different.
func Parse(s string) []Param {
	var params []Param
	s, _, _ = strings.Cut(s, "\x00")
	for {
		for s != "" && isSpace(s[0]) {
			s = s[1:]
		}
		if s == "" {
			return params
		}
		param, alone, rest := next(s)
		if alone && param.Name == "--" {
			return params
		}
		if params == nil {
			const usual = 16
			params = make([]Param, 0, usual)
		}
		params = append(params, param)
		s = rest
	}
}

// isSpace is isspace of the kernel, less 0xa0, which is half a letter in UTF-8.
func isSpace(c byte) bool { return c == ' ' || '\t' <= c && c <= '\r' }

// next takes the first parameter off s, which begins with one. One that stands
// alone has no "=".
func next(s string) (param Param, alone bool, rest string) {
	wholeQuoted := s[0] == '"'
	inQuote := wholeQuoted
	if wholeQuoted {
		s = s[1:]
	}
	equals, end := 0, 0
	for ; end < len(s); end++ {
		c := s[end]
		if !inQuote && isSpace(c) {
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
		return Param{Name: word}, true, rest
	}
	param = Param{Name: word[:equals], Value: word[equals+1:]}
	if v, ok := strings.CutPrefix(param.Value, `"`); ok {
		param.Value = strings.TrimSuffix(v, `"`)
	} else if wholeQuoted {
		param.Value = strings.TrimSuffix(param.Value, `"`)
	}
	return param, false, rest
}
