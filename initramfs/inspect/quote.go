package inspect

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Quote makes a name from an image safe to print on one line: what is not
// printable, and the backslash, are escaped as in Go. It is the same name for
// most.
func Quote(name string) string {
	if printable(name) {
		return name
	}
	var b strings.Builder
	for len(name) > 0 {
		r, n := utf8.DecodeRuneInString(name)
		switch {
		case r == utf8.RuneError && n == 1:
			b.WriteString(`\x` + strconv.FormatUint(uint64(name[0])|0x100, 16)[1:])
		case r == '\\':
			b.WriteString(`\\`)
		case unicode.IsPrint(r):
			b.WriteRune(r)
		default:
			quoted := strconv.QuoteRuneToASCII(r)
			b.WriteString(quoted[1 : len(quoted)-1])
		}
		name = name[n:]
	}
	return b.String()
}

func printable(name string) bool {
	for _, r := range name {
		if r == '\\' || r == utf8.RuneError || !unicode.IsPrint(r) {
			return false
		}
	}
	return true
}
