package agent

import (
	"bytes"
	"testing"

	"github.com/kguest/kguest/pkg/idm"
	"github.com/kguest/kguest/pkg/idm/idmpb"
)

// outcome is what the host is told of a command.
type outcome struct {
	Stdout, Stderr, Error string
	Code                  int32
}

func execRequest(update idmpb.ExecStreamRequestUpdateOneof) idm.Body {
	return &idmpb.Request{Request: &idmpb.ExecStreamRequestUpdate{Update: update}}
}

func (h *host) exec(t testing.TB, start *idmpb.ExecStreamRequestStart) *exchange {
	t.Helper()
	return h.open(t, idm.InternalChannel, execRequest(start))
}

// sh runs script in a shell.
func (h *host) sh(t testing.TB, script string) *exchange {
	t.Helper()
	return h.exec(t, &idmpb.ExecStreamRequestStart{Command: []string{"sh", "-c", script}})
}

// tty runs script in a shell on a terminal.
func (h *host) tty(t testing.TB, script string) *exchange {
	t.Helper()
	return h.exec(t, &idmpb.ExecStreamRequestStart{
		Command: []string{"sh", "-c", script}, Tty: true,
		TerminalSize: &idmpb.ExecStreamRequestTerminalSize{Rows: 24, Columns: 80},
	})
}

func (x *exchange) update(t testing.TB, update idmpb.ExecStreamRequestUpdateOneof) {
	t.Helper()
	x.send(t, idm.FormStreamRequestUpdate, execRequest(update))
}

func (x *exchange) write(t testing.TB, data string) {
	t.Helper()
	x.update(t, &idmpb.ExecStreamRequestStdin{Data: []byte(data)})
}

func (x *exchange) endInput(t testing.TB) {
	t.Helper()
	x.update(t, &idmpb.ExecStreamRequestStdin{Closed: true})
}

// output waits for want in the standard output, and returns what there is.
func (x *exchange) output(t testing.TB, want string) string {
	t.Helper()
	var stdout []byte
	x.until(t, "output "+want, func(got []idm.Message) bool {
		stdout = nil
		for _, m := range got {
			if u := execResponse(m); u != nil {
				stdout = append(stdout, u.Stdout...)
			}
		}
		return bytes.Contains(stdout, []byte(want))
	})
	return string(stdout)
}

func execResponse(m idm.Message) *idmpb.ExecStreamResponseUpdate {
	if r, ok := m.Body.(*idmpb.Response); ok {
		if u, ok := r.Response.(*idmpb.ExecStreamResponseUpdate); ok {
			return u
		}
	}
	return nil
}

// outcome waits for the command's end, which must be the last there is.
func (x *exchange) outcome(t testing.TB) outcome {
	t.Helper()
	var stdout, stderr bytes.Buffer
	got := x.all(t)
	for i, m := range got {
		u := execResponse(m)
		switch {
		case u == nil || m.Form != idm.FormStreamResponseUpdate:
			t.Fatalf("message %d of the stream = %v %v", i, m.Form, m.Body)
		case u.Exited != (i == len(got)-1):
			t.Fatalf("message %d of %d has exited = %v", i, len(got), u.Exited)
		case u.Exited:
			return outcome{stdout.String(), stderr.String(), u.Error, u.ExitCode}
		}
		stdout.Write(u.Stdout)
		stderr.Write(u.Stderr)
	}
	t.Fatal("the stream was closed without an exit")
	return outcome{}
}
