package initramfs

import "strings"

// Bytes that Clip leaves of a value: an error that names it a few times is
// still one line to read.
const (
	clipHead = 100
	clipTail = 60
)

// Clip returns s for an error message, without its middle where it is long.
func Clip(s string) string {
	const gap = "..."
	if len(s) <= clipHead+len(gap)+clipTail {
		return s
	}
	return strings.ToValidUTF8(s[:clipHead]+gap+s[len(s)-clipTail:], "")
}
