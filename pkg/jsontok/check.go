package jsontok

import (
	"bytes"
	"fmt"
	"strconv"
	"unicode/utf8"
)

// maxDepth is how deep arrays and objects may stand in each other.
const maxDepth = 10000

// Check returns an error unless data is one JSON value in UTF-8. It names line
// and column, and is a single short line.
func Check(data []byte) error {
	if i := invalidUTF8(data); i >= 0 {
		return fmt.Errorf("%s: byte %#x is not UTF-8", position(data, i), data[i])
	}
	c := checker{data: data}
	if c.document(); c.problem != "" {
		return fmt.Errorf("%s: not JSON: %s", position(data, min(c.at, max(len(data)-1, 0))), c.problem)
	}
	return nil
}

// invalidUTF8 returns the offset of the first byte that is not UTF-8, or -1.
func invalidUTF8(data []byte) int {
	if utf8.Valid(data) {
		return -1
	}
	for i := 0; i < len(data); {
		r, n := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return -1
}

// position says where in data an offset is: lines and columns from 1, columns
// in bytes.
func position(data []byte, offset int) string {
	before := data[:offset]
	line := 1 + bytes.Count(before, []byte("\n"))
	column := offset - bytes.LastIndexByte(before, '\n')
	return "line " + strconv.Itoa(line) + ", column " + strconv.Itoa(column)
}

// checker walks over a document. Its words are those of encoding/json.
type checker struct {
	data    []byte
	at      int
	open    []byte // brackets of what stands around at
	problem string // of the byte at; empty while there is none
}

// next skips white space and returns the byte after it; 0 at the end.
func (c *checker) next() byte {
	c.at = space(c.data, c.at)
	return c.peek()
}

func (c *checker) peek() byte {
	if c.at == len(c.data) {
		return 0
	}
	return c.data[c.at]
}

// fail says what is wrong with the byte at, and returns false.
func (c *checker) fail(context string) bool {
	if c.at >= len(c.data) {
		c.problem = "unexpected end of JSON input"
		return false
	}
	c.problem = "invalid character " + quote(c.data[c.at]) + " " + context
	return false
}

func quote(b byte) string {
	switch b {
	case '\'':
		return `'\''`
	case '"':
		return `'"'`
	}
	s := strconv.Quote(string(rune(b)))
	return "'" + s[1:len(s)-1] + "'"
}

func (c *checker) document() {
	for c.value() {
		more, ok := c.after()
		if !ok || !more {
			return
		}
	}
}

// value goes over a scalar, an empty array or object, or the beginning of one
// up to its first value.
func (c *checker) value() bool {
	for {
		switch b := c.next(); b {
		case '{', '[':
			if len(c.open) == maxDepth {
				return c.fail("exceeded max depth")
			}
			c.open = append(c.open, b)
			c.at++
			if c.next() == b+2 { // the bracket that closes it
				return true
			}
			if b == '{' && !c.key() {
				return false
			}
		case '"':
			return c.text()
		case 't':
			return c.word("true")
		case 'f':
			return c.word("false")
		case 'n':
			return c.word("null")
		default:
			if b == '-' || isDigit(b) {
				return c.number()
			}
			return c.fail("looking for beginning of value")
		}
	}
}

// after closes what ends here, and goes to the next value; there is more unless
// the document has ended.
func (c *checker) after() (more, ok bool) {
	for {
		b := c.next()
		if len(c.open) == 0 {
			if c.at < len(c.data) {
				return false, c.fail("after top-level value")
			}
			return false, true
		}
		around := c.open[len(c.open)-1]
		switch {
		case b == around+2 && c.at < len(c.data):
			c.open = c.open[:len(c.open)-1]
			c.at++
		case b == ',':
			c.at++
			return true, around == '[' || c.key()
		case around == '{':
			return false, c.fail("after object key:value pair")
		default:
			return false, c.fail("after array element")
		}
	}
}

// key goes over a member's name and the colon.
func (c *checker) key() bool {
	if c.next() != '"' {
		return c.fail("looking for beginning of object key string")
	}
	if !c.text() {
		return false
	}
	if c.next() != ':' {
		return c.fail("after object key")
	}
	c.at++
	return true
}

func (c *checker) text() bool {
	for c.at++; ; c.at++ {
		c.at = plain(c.data, c.at)
		if c.at == len(c.data) {
			return c.fail("")
		}
		switch b := c.data[c.at]; {
		case b == '"':
			c.at++
			return true
		case b < ' ':
			return c.fail("in string literal")
		case b == '\\':
			c.at++
			if !c.escape() {
				return false
			}
		}
	}
}

// plain returns the offset of the first byte from at, which is not beyond the end, that
// a string does not have as it is.
func plain(data []byte, at int) int {
	for at < len(data) && data[at] >= ' ' && data[at] != '"' && data[at] != '\\' {
		at++
	}
	return at
}

// escape goes over what follows a backslash, but for its last byte.
func (c *checker) escape() bool {
	switch c.peek() {
	case 'b', 'f', 'n', 'r', 't', '\\', '/', '"':
		return true
	case 'u':
	default:
		return c.fail("in string escape code")
	}
	for range 4 {
		c.at++
		if _, err := strconv.ParseUint(string(c.peek()), 16, 8); err != nil {
			return c.fail(`in \u hexadecimal character escape`)
		}
	}
	return true
}

func (c *checker) word(word string) bool {
	for i := 1; i < len(word); i++ {
		c.at++
		if c.peek() != word[i] {
			return c.fail("in literal " + word + " (expecting " + quote(word[i]) + ")")
		}
	}
	c.at++
	return true
}

func (c *checker) number() bool {
	if c.peek() == '-' {
		c.at++
	}
	if c.peek() == '0' {
		c.at++
	} else if !c.digits("in numeric literal") {
		return false
	}
	if c.peek() == '.' {
		c.at++
		if !c.digits("after decimal point in numeric literal") {
			return false
		}
	}
	if b := c.peek(); b != 'e' && b != 'E' {
		return true
	}
	c.at++
	if b := c.peek(); b == '+' || b == '-' {
		c.at++
	}
	return c.digits("in exponent of numeric literal")
}

// digits goes over one digit or more.
func (c *checker) digits(context string) bool {
	if !isDigit(c.peek()) {
		return c.fail(context)
	}
	for isDigit(c.peek()) {
		c.at++
	}
	return true
}

func isDigit(b byte) bool { return '0' <= b && b <= '9' }

// space returns the offset of the first byte that is no white space, from at.
func space(data []byte, at int) int {
	for at < len(data) && (data[at] == ' ' || data[at] == '\n' || data[at] == '\t' || data[at] == '\r') {
		at++
	}
	return at
}
