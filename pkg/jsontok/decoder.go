// Package jsontok reads JSON (RFC 8259) from memory, a token at a time, as the
// Decoder of encoding/json does, and writes it. Reflection costs a guest each
// boot, in instructions and in memory, what all of the guest's files are read
// for.
package jsontok

import (
	"bytes"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// A Token is a Delim, bool, Number, string, or nil for null.
type Token any

// A Delim is one of [ ] { }.
type Delim byte

// A Number is a number as it is written.
type Number string

// A Decoder walks over a document that Check has passed; of others its tokens
// are undefined, but it does not panic and comes to an end.
type Decoder struct {
	data  []byte
	at    int
	begin int // of the last token
}

// NewDecoder returns a Decoder of data, which it keeps.
func NewDecoder(data []byte) *Decoder { return &Decoder{data: data} }

// Offset is where the last token ended, in bytes.
func (d *Decoder) Offset() int { return d.at }

// More reports whether there is another element or member in the array or
// object that the decoder is in.
func (d *Decoder) More() bool {
	d.skip()
	return d.at < len(d.data) && d.data[d.at] != ']' && d.data[d.at] != '}'
}

// skip goes over white space, commas and colons.
func (d *Decoder) skip() {
	for {
		d.at = space(d.data, d.at)
		if d.at == len(d.data) || d.data[d.at] != ',' && d.data[d.at] != ':' {
			return
		}
		d.at++
	}
}

// Token returns the next token; a null, and nil without end, where there is no
// other.
func (d *Decoder) Token() Token {
	d.skip()
	if d.at == len(d.data) {
		return nil
	}
	begin := d.at
	d.begin = begin
	switch b := d.data[begin]; b {
	case '[', ']', '{', '}':
		d.at++
		return Delim(b)
	case '"':
		return d.text()
	case 't', 'f', 'n':
		d.run()
		if b == 'n' {
			return nil
		}
		return b == 't'
	default:
		d.run()
		return Number(d.data[begin:d.at])
	}
}

// run goes to the end of a word or number.
func (d *Decoder) run() {
	for d.at++; d.at < len(d.data); d.at++ {
		switch d.data[d.at] {
		case ',', ':', ']', '}', '[', '{', '"', ' ', '\n', '\t', '\r':
			return
		}
	}
}

// text reads a string. One without escapes costs one allocation.
func (d *Decoder) text() string {
	d.at++
	rest := d.data[d.at:]
	plain, _, _ := bytes.Cut(rest, []byte{'"'})
	if i := bytes.IndexByte(plain, '\\'); i >= 0 {
		d.at += i
		return d.escaped(append(make([]byte, 0, 2*i+16), plain[:i]...))
	}
	d.at += min(len(plain)+1, len(rest))
	return string(plain)
}

// name reads the name of a member.
func (d *Decoder) name() string {
	d.skip()
	if d.at == len(d.data) || d.data[d.at] != '"' { // of what Check refuses
		d.Token()
		return ""
	}
	d.begin = d.at
	return d.text()
}

// escaped reads the rest of a string, from its first escape, onto out.
func (d *Decoder) escaped(out []byte) string {
	for d.at < len(d.data) {
		b := d.data[d.at]
		d.at++
		switch b {
		case '"':
			return string(out)
		case '\\':
			out = d.escape(out)
		default:
			out = append(out, b)
		}
	}
	return string(out)
}

// escape appends what the escape after a backslash stands for.
func (d *Decoder) escape(out []byte) []byte {
	if d.at == len(d.data) {
		return out
	}
	b := d.data[d.at]
	d.at++
	switch b {
	case 'b':
		return append(out, '\b')
	case 'f':
		return append(out, '\f')
	case 'n':
		return append(out, '\n')
	case 'r':
		return append(out, '\r')
	case 't':
		return append(out, '\t')
	case 'u':
		return utf8.AppendRune(out, d.rune())
	default:
		return append(out, b)
	}
}

// rune reads the digits after \u, and of a surrogate pair those of both. A
// surrogate alone is U+FFFD.
func (d *Decoder) rune() rune {
	r := d.hex(d.at)
	d.at = min(d.at+4, len(d.data))
	if !utf16.IsSurrogate(r) {
		return r
	}
	if d.at+6 > len(d.data) || d.data[d.at] != '\\' || d.data[d.at+1] != 'u' {
		return utf8.RuneError
	}
	pair := utf16.DecodeRune(r, d.hex(d.at+2))
	if pair != utf8.RuneError {
		d.at += 6
	}
	return pair
}

func (d *Decoder) hex(at int) rune {
	r, _ := strconv.ParseUint(string(d.data[at:min(at+4, len(d.data))]), 16, 16)
	return rune(r)
}

// Object calls read with the name and the first token of each member of the
// object whose bracket was the last token. Read goes to the end of the value.
func (d *Decoder) Object(read func(name string, t Token) error) error {
	for d.More() {
		if err := read(d.name(), d.Token()); err != nil {
			return err
		}
	}
	d.Token()
	return nil
}

// Array calls read with the first token of each element of the array whose
// bracket was the last token. Read goes to the end of the value.
func (d *Decoder) Array(read func(i int, t Token) error) error {
	for i := 0; d.More(); i++ {
		if err := read(i, d.Token()); err != nil {
			return err
		}
	}
	d.Token()
	return nil
}

// Skip goes to the end of the value that t begins.
func (d *Decoder) Skip(t Token) {
	depth := 0
	for {
		switch t {
		case Delim('{'), Delim('['):
			depth++
		case Delim('}'), Delim(']'):
			depth--
		}
		if depth <= 0 || d.at == len(d.data) {
			return
		}
		t = d.Token()
	}
}

// Value goes to the end of the value that t, the last token, begins, and returns
// all of its text. It is part of the document.
func (d *Decoder) Value(t Token) []byte {
	begin := d.begin
	d.Skip(t)
	return d.data[begin:d.at]
}
