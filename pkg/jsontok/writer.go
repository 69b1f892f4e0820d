package jsontok

import (
	"strconv"
	"unicode/utf8"
)

// A Writer makes one JSON document as encoding/json does, without its escapes
// for HTML. The zero value writes it on one line.
type Writer struct {
	Indent string // of each level, on lines of their own; empty for one line

	data  []byte
	depth int
	begun bool // the array or object has something in it
	named bool // the name of a member was written, and no value
}

// Bytes returns the document.
func (w *Writer) Bytes() []byte { return w.data }

// Name begins a member of an object; its value follows.
func (w *Writer) Name(name string) *Writer {
	w.begin()
	w.data = append(AppendString(w.data, name), ':')
	if w.Indent != "" {
		w.data = append(w.data, ' ')
	}
	w.named = true
	return w
}

// Object writes an object; members writes what is in it.
func (w *Writer) Object(members func()) { w.nest('{', '}', members) }

// Array writes an array; elements writes what is in it.
func (w *Writer) Array(elements func()) { w.nest('[', ']', elements) }

// Strings writes an array of strings.
func (w *Writer) Strings(list []string) {
	w.Array(func() {
		for _, s := range list {
			w.String(s)
		}
	})
}

// String writes a string; what is not UTF-8 becomes U+FFFD.
func (w *Writer) String(s string) {
	w.begin()
	w.data = AppendString(w.data, s)
}

// Int writes a number.
func (w *Writer) Int(n int64) {
	w.begin()
	w.data = strconv.AppendInt(w.data, n, 10)
}

// Uint writes a number.
func (w *Writer) Uint(n uint64) {
	w.begin()
	w.data = strconv.AppendUint(w.data, n, 10)
}

// Bool writes true or false.
func (w *Writer) Bool(b bool) {
	w.begin()
	w.data = strconv.AppendBool(w.data, b)
}

// Null writes null.
func (w *Writer) Null() {
	w.begin()
	w.data = append(w.data, "null"...)
}

func (w *Writer) nest(first, last byte, inside func()) {
	w.begin()
	w.data = append(w.data, first)
	w.depth++
	w.begun = false
	inside()
	w.depth--
	if w.begun {
		w.newline()
	}
	w.data = append(w.data, last)
	w.begun = true
}

// begin writes what stands before a value, or before the name of a member.
func (w *Writer) begin() {
	if w.named {
		w.named = false
		return
	}
	if w.depth == 0 {
		return
	}
	if w.begun {
		w.data = append(w.data, ',')
	}
	w.newline()
	w.begun = true
}

func (w *Writer) newline() {
	if w.Indent == "" {
		return
	}
	w.data = append(w.data, '\n')
	for range w.depth {
		w.data = append(w.data, w.Indent...)
	}
}

// AppendString appends s as JSON has strings; what is not UTF-8 becomes U+FFFD.
// The separators U+2028 and U+2029 are escaped, since JavaScript ends a line
// with them.
func AppendString(b []byte, s string) []byte {
	b = append(b, '"')
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			b = append(b, `\ufffd`...)
		case r < ' ' || r == '"' || r == '\\' || r == '\u2028' || r == '\u2029':
			b = appendEscape(b, r)
		default:
			b = append(b, s[i:i+n]...)
		}
		i += n
	}
	return append(b, '"')
}

func appendEscape(b []byte, r rune) []byte {
	switch r {
	case '"', '\\':
		return append(b, '\\', byte(r))
	case '\b':
		return append(b, '\\', 'b')
	case '\f':
		return append(b, '\\', 'f')
	case '\n':
		return append(b, '\\', 'n')
	case '\r':
		return append(b, '\\', 'r')
	case '\t':
		return append(b, '\\', 't')
	}
	const hex = "0123456789abcdef"
	return append(b, '\\', 'u', hex[r>>12&15], hex[r>>8&15], hex[r>>4&15], hex[r&15])
}
