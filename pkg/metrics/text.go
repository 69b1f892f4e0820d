package metrics

import (
	"strings"
	"unicode/utf8"
)

// What is taken of a process's text. A tree of DefaultProcesses processes that
// each fill it stays below 20 MiB on the wire.
const (
	MaxText      = 1024 // bytes of an executable's path, a cwd, or all arguments
	MaxArguments = 128
)

// cutMark ends a text of which the rest was cut off.
const cutMark = "…"

// text makes b valid UTF-8 of at most MaxText bytes. Bytes that are no UTF-8
// become U+FFFD. A process chooses this text: control characters stay in it.
func text(b []byte) string {
	// A byte more than fits tells that there is more; a run of bad bytes
	// becomes one rune, so that the result can be shorter than the input.
	cut := len(b) > MaxText
	if cut {
		b = b[:MaxText]
	}
	s := string(b)
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, "\uFFFD")
	}
	if !cut && len(s) <= MaxText {
		return s
	}
	end := min(len(s), MaxText-len(cutMark))
	for end > 0 && end < len(s) && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + cutMark
}
