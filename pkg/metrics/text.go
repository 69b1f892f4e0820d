package metrics

import (
	"bytes"
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

// arguments splits the content of /proc/PID/cmdline (proc_pid_cmdline(5)). It
// is empty for a zombie or a kernel thread. Empty arguments at the end are
// dropped: a process that names itself (nginx) fills its area with NULs. Of
// too many arguments the last one returned is the cut mark.
func arguments(b []byte) []string {
	b = bytes.TrimRight(b, "\x00")
	if len(b) == 0 {
		return []string{}
	}
	args := strings.SplitN(text(b), "\x00", MaxArguments)
	if last := len(args) - 1; strings.IndexByte(args[last], 0) >= 0 {
		args[last] = cutMark
	}
	return args
}
