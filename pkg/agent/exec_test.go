package agent

import (
	"crypto/sha256"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kguest/kguest/pkg/idm/idmpb"
)

func TestExecOutput(t *testing.T) {
	tests := []struct {
		name, script string
		tty          bool
		want         outcome
	}{
		{name: "streams", script: "echo out; echo err >&2; exit 3", want: outcome{Stdout: "out\n", Stderr: "err\n", Code: 3}},
		{name: "nothing", script: "exec >&- 2>&- <&-", want: outcome{}},
		{name: "streams can be opened anew", script: "echo out >/dev/stdout; echo err >/dev/stderr", want: outcome{Stdout: "out\n", Stderr: "err\n"}},
		{name: "no terminal", script: "tty; : </dev/tty", want: outcome{
			Stdout: "not a tty\n", Stderr: "sh: 1: cannot open /dev/tty: No such device or address\n", Code: 2,
		}},
		{
			name: "terminal", tty: true, script: "stty size; echo err >&2; test -t 0 && test -t 1 && test -t 2 && : </dev/tty; exit 4",
			want: outcome{Stdout: "24 80\r\nerr\r\n", Code: 4},
		},
		{name: "terminal by its name", tty: true, script: `echo named >"$(tty)"`, want: outcome{Stdout: "named\r\n"}},
	}
	onLines(t, func(t *testing.T, h *host) {
		for _, tt := range tests {
			run := h.sh
			if tt.tty {
				run = h.tty
			}
			if diff := cmp.Diff(tt.want, run(t, tt.script).outcome(t)); diff != "" {
				t.Errorf("%s: outcome (-want +got):\n%s", tt.name, diff)
			}
		}
	})
}

func TestExecInput(t *testing.T) {
	onLines(t, func(t *testing.T, h *host) {
		x := h.sh(t, "head -n 1; cat; echo end")
		x.write(t, "first\n")
		x.output(t, "first\n")
		x.write(t, "second\nthird")
		x.endInput(t)
		x.write(t, "too late")
		if got, want := x.outcome(t), (outcome{Stdout: "first\nsecond\nthirdend\n"}); got != want {
			t.Errorf("outcome = %+v, want %+v", got, want)
		}
		x.write(t, "after the exit")
		x.endInput(t)
		x.close(t)
		h.ping(t)
	})
}

func TestExecTerminalInput(t *testing.T) {
	for _, tt := range []struct {
		name, script, in, want string
	}{
		{"at the start of a line", "cat; echo end", "a\n", "a\r\na\r\nend\r\n"},
		{"nothing", "cat; echo end", "", "end\r\n"},
		{"in a line", "cat; echo end", "a\nb", "a\r\nba\r\nbend\r\n"},
		{"a program that edits lines", "head -c 2 | od -An -c", "x", "   x 004\r\n"},
		{"interrupt", "while :; do sleep 0.01; done", "\x03", "^Ccaught\r\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := newHost(t, &fakeGuest{})
			setup := "trap 'echo caught; exit 0' INT; "
			if tt.name == "a program that edits lines" {
				setup += "stty -icanon -echo; "
			}
			x := h.tty(t, setup+"echo ready; "+tt.script)
			x.output(t, "ready\r\n")
			if tt.in != "" {
				x.write(t, tt.in)
			}
			x.endInput(t)
			got := strings.TrimPrefix(x.outcome(t).Stdout, "ready\r\n")
			if want := tt.want; got != want && got != "a\r\na\r\nbbend\r\n" { // the echo comes before the copy, or after
				t.Errorf("output = %q, want %q", got, want)
			}
		})
	}
}

// TestExecTerminalEndsOnce: who reads on after the end of the input waits, as
// at any terminal, and no other is held up.
func TestExecTerminalEndsOnce(t *testing.T) {
	h := newHost(t, &fakeGuest{})
	x := h.tty(t, "cat; echo again; cat; echo not here")
	x.write(t, "a\n")
	x.endInput(t)
	x.output(t, "again")
	h.ping(t)
	x.close(t)
}

func TestExecResize(t *testing.T) {
	onLines(t, func(t *testing.T, h *host) {
		x := h.tty(t, `trap 'stty size; exit 5' WINCH; echo ready; while :; do sleep 0.01; done`)
		x.output(t, "ready")
		x.update(t, &idmpb.ExecStreamRequestTerminalSize{Rows: 33, Columns: 1 << 20})
		if got, want := x.outcome(t), (outcome{Stdout: "ready\r\n33 65535\r\n", Code: 5}); got != want {
			t.Errorf("outcome = %+v, want %+v", got, want)
		}
		x = h.sh(t, "cat") // without a terminal a size is of no weight
		x.update(t, &idmpb.ExecStreamRequestTerminalSize{Rows: 1, Columns: 1})
		x.write(t, "still here")
		x.endInput(t)
		if got, want := x.outcome(t), (outcome{Stdout: "still here"}); got != want {
			t.Errorf("outcome = %+v, want %+v", got, want)
		}
	})
}

// TestExecMuch sends 10 MB through a command in both directions at once.
func TestExecMuch(t *testing.T) {
	onLines(t, func(t *testing.T, h *host) {
		data := make([]byte, 10_000_000)
		source := rand.NewChaCha8([32]byte{1})
		_, err := source.Read(data)
		must(t, err)
		x := h.sh(t, "tee /dev/stderr")
		for part := data; len(part) > 0; part = part[min(len(part), 50_000):] {
			x.write(t, string(part[:min(len(part), 50_000)]))
		}
		x.endInput(t)
		got := x.outcome(t)
		if got.Code != 0 || got.Error != "" {
			t.Errorf("code = %d, %q, want 0", got.Code, got.Error)
		}
		want := sha256.Sum256(data)
		for name, out := range map[string]string{"stdout": got.Stdout, "stderr": got.Stderr} {
			if sum := sha256.Sum256([]byte(out)); sum != want {
				t.Errorf("%s: %d bytes of sum %x, want %d of %x", name, len(out), sum, len(data), want)
			}
		}
	})
}

// TestExecTerminalMuch: all that was printed on a terminal is there, though the
// command ended at once.
func TestExecTerminalMuch(t *testing.T) {
	h := newHost(t, &fakeGuest{})
	want := strings.Repeat(strings.Repeat("x", 98)+"\r\n", 700)
	for range 20 {
		x := h.tty(t, "yes "+strings.Repeat("x", 98)+" | head -n 700")
		if got := x.outcome(t); got.Stdout != want {
			t.Fatalf("output = %d bytes, want %d", len(got.Stdout), len(want))
		}
	}
}

func TestExecStartReachesGuest(t *testing.T) {
	guest := &fakeGuest{keep: true}
	h := newHost(t, guest)
	dir := t.TempDir()
	start := &idmpb.ExecStreamRequestStart{
		Command:          []string{"sh", "-c", `pwd; echo "$A $B"`},
		Environment:      []*idmpb.ExecEnvVar{{Key: "A", Value: "x=y"}, {Key: "B", Value: ""}},
		WorkingDirectory: dir, Tty: true, TerminalSize: &idmpb.ExecStreamRequestTerminalSize{Rows: 1, Columns: 2},
	}
	if got, want := h.exec(t, start).outcome(t), (outcome{Stdout: dir + "\r\nx=y \r\n"}); got != want {
		t.Errorf("outcome = %+v, want %+v", got, want)
	}
	if diff := cmp.Diff([]*idmpb.ExecStreamRequestStart{start}, guest.starts); diff != "" {
		t.Errorf("Guest.Command (-want +got):\n%s", diff)
	}
}
