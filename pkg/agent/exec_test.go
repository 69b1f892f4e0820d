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

// TestExecTerminalEnds: everyone who reads after the end of the input finds the
// end, also who takes the terminal over late, as a shell that has yet to start.
func TestExecTerminalEnds(t *testing.T) {
	for _, tt := range []struct{ name, script, in, want string }{
		{"one after the other", "cat; echo again; cat; echo end", "a\n", "a\r\na\r\nagain\r\nend\r\n"},
		{"the mode changes before it is read", rawThen("od -An -c | tr -d ' \\n'; echo"), "", "004\r\n"},
		{"the mode changes before anything is read", rawThen("od -An -c | tr -d ' \\n'; echo"), "x", "x004\r\n"},
		{"nobody reads", "sleep 0.2; echo end", "a\n", "a\r\nend\r\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := newHost(t, &fakeGuest{})
			x := h.tty(t, tt.script)
			if tt.in != "" {
				x.write(t, tt.in)
			}
			x.endInput(t)
			x.endInput(t)
			x.write(t, "too late")
			got := strings.ReplaceAll(x.outcome(t).Stdout, `\0`, "")
			if tt.in == "x" {
				got = strings.TrimPrefix(got, "x") // the echo, before the mode changed
			}
			if got != tt.want {
				t.Errorf("output = %q, want %q", got, tt.want)
			}
		})
	}
}

// TestExecTerminalShell gives a shell that edits lines its input and the end of it
// before it has started.
func TestExecTerminalShell(t *testing.T) {
	h := newHost(t, &fakeGuest{})
	for _, in := range []string{"", "echo $((6*7))\n", "cat\n", "echo $((6*7)); exit 3\n"} {
		for _, shell := range []string{"bash --norc --noprofile -i", "busybox sh -i"} {
			x := h.tty(t, "exec "+shell)
			if in != "" {
				x.write(t, in)
			}
			x.endInput(t)
			got, code := x.outcome(t), int32(0)
			if strings.Contains(in, "exit 3") {
				code = 3
			}
			if got.Code != code || strings.Contains(in, "6*7") && !strings.Contains(got.Stdout, "42") {
				t.Errorf("%s with the input %q: %+v, want code %d", shell, in, got, code)
			}
		}
	}
}

// rawThen takes the terminal over a while after the end was typed, as an
// interactive shell does, reads up to a ^D, and has it printed by a filter.
func rawThen(filter string) string {
	return `sleep 0.3; stty -icanon -echo; while :; do c=$(dd bs=1 count=1 2>/dev/null | od -An -tx1 | tr -d ' '); printf "\\$(printf %o "0x$c")"; [ "$c" != 04 ] || break; done | ` + filter
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
