package boot

import (
	"io"
	"strconv"
	"strings"
	"sync/atomic"
)

// Level is how much a line matters.
type Level int32

// The levels, the least first.
const (
	LevelDebug Level = iota
	LevelInfo
	LevelWarn
	LevelError
)

// logger writes lines for a person at the console:
//
//	kinit: network: warning: add address 10.0.0.2/24 to eth0: file exists
//
// log/slog would bring encoding/json into the guest.
type logger struct {
	out   io.Writer
	least atomic.Int32 // Level
}

func newLogger(out io.Writer, least Level) *logger {
	l := &logger{out: out}
	l.setLevel(least)
	return l
}

func (l *logger) setLevel(least Level) { l.least.Store(int32(least)) }

// detail is a value that a line gives after its message, as name=value.
type detail struct{ name, value string }

func (l *logger) info(message string, details ...detail) { l.write(LevelInfo, "", message, details) }

func (l *logger) warn(message string, details ...detail) { l.write(LevelWarn, "", message, details) }

func (l *logger) error(message string, details ...detail) { l.write(LevelError, "", message, details) }

// writes reports whether lines of that level are written.
func (l *logger) writes(level Level) bool { return int32(level) >= l.least.Load() }

// write writes a line of a stage; "" for none. A console that does not take it
// loses it.
func (l *logger) write(level Level, stageName, message string, details []detail) {
	if !l.writes(level) {
		return
	}
	var line strings.Builder
	line.WriteString("kinit: ")
	if stageName != "" {
		line.WriteString(stageName + ": ")
	}
	switch level {
	case LevelError:
		line.WriteString("error: ")
	case LevelWarn:
		line.WriteString("warning: ")
	case LevelDebug, LevelInfo:
	}
	line.WriteString(message)
	for _, d := range details {
		line.WriteString(" " + d.name + "=" + d.value)
	}
	line.WriteByte('\n')
	_, _ = io.WriteString(l.out, oneLine(line.String()))
}

// oneLine keeps what a hostile image put in a message from looking like lines
// of its own or driving the terminal.
func oneLine(s string) string {
	body := strings.ReplaceAll(strings.TrimSuffix(s, "\n"), "\n", "; ") // errors.Join has lines
	clean := strings.Map(func(r rune) rune {
		if !strconv.IsPrint(r) { // control characters, those of C1 and of bidirectional text too
			return '?'
		}
		return r
	}, body)
	return clean + "\n"
}
