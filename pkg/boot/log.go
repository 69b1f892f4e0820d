package boot

import (
	"context"
	"io"
	"log/slog"
	"strconv"
	"strings"
)

// stageKey is the attribute that carries the stage.
const stageKey = "stage"

// lineHandler writes one line a record for a person at the console:
//
//	kinit: network: warning: add address 10.0.0.2/24 to eth0: file exists
type lineHandler struct {
	out   io.Writer
	level *slog.LevelVar
	stage string
}

func (h lineHandler) Enabled(_ context.Context, l slog.Level) bool { return l >= h.level.Level() }

func (h lineHandler) Handle(_ context.Context, r slog.Record) error {
	var b strings.Builder
	b.WriteString("kinit: ")
	if h.stage != "" {
		b.WriteString(h.stage + ": ")
	}
	switch {
	case r.Level >= slog.LevelError:
		b.WriteString("error: ")
	case r.Level >= slog.LevelWarn:
		b.WriteString("warning: ")
	}
	b.WriteString(r.Message)
	r.Attrs(func(a slog.Attr) bool {
		b.WriteString(" " + a.Key + "=" + a.Value.String())
		return true
	})
	b.WriteByte('\n')
	_, err := io.WriteString(h.out, oneLine(b.String()))
	return err
}

func (h lineHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	for _, a := range attrs {
		if a.Key == stageKey {
			h.stage = a.Value.String()
		}
	}
	return h
}

func (h lineHandler) WithGroup(string) slog.Handler { return h }

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
