package agent

import (
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kguest/kguest/pkg/idm"
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

// TestExecGrandchild: an exit is reported though somebody keeps the output
// open, or goes on writing to it.
func TestExecGrandchild(t *testing.T) {
	for _, tt := range []struct{ name, script string }{
		{"silent", "sleep 1000 & echo $!"},
		{"writing", "trap '' PIPE; echo start >&2; yes 2>/dev/null & echo $! >&2; exec sleep 0.1"},
		{"on errors", "sleep 1000 >/dev/null & echo $!"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := newHost(t, &fakeGuest{})
			got := h.sh(t, tt.script).outcome(t)
			if got.Code != 0 {
				t.Errorf("outcome = %+v, want code 0", got)
			}
			if tt.name == "writing" { // its pipe is closed
				return
			}
			pid := strings.TrimSpace(got.Stdout)
			if ended(pid) {
				t.Errorf("what the command left behind has ended with it")
			}
			kill(t, pid)
		})
	}
}

// TestExecTerminalGrandchild: of a terminal that is gone its foreground is told.
func TestExecTerminalGrandchild(t *testing.T) {
	h := newHost(t, &fakeGuest{})
	got := h.tty(t, "trap '' HUP; sleep 1000 & echo $!; exec sleep 0").outcome(t)
	pid := strings.TrimSpace(got.Stdout)
	if ended(pid) {
		t.Errorf("what ignores SIGHUP has ended with its terminal: %+v", got)
	}
	kill(t, pid)
	got = h.tty(t, "sleep 1000 & echo $!").outcome(t)
	eventually(t, "end of the foreground", func() bool { return ended(strings.TrimSpace(got.Stdout)) })
}

func TestExecClosedKillsGroup(t *testing.T) {
	for _, tty := range []bool{false, true} {
		onLines(t, func(t *testing.T, h *host) {
			run := h.sh
			if tty {
				run = h.tty
			}
			x := run(t, `trap '' HUP TERM INT; sleep 1000 & echo $$ $!.; wait; sleep 1000`)
			pids := strings.Fields(strings.TrimSpace(x.output(t, ".")))
			x.close(t)
			for _, pid := range pids {
				eventually(t, "end of process "+pid, func() bool { return ended(strings.TrimSuffix(pid, ".")) })
			}
			h.ping(t)
		})
	}
}

func TestExecNotStarted(t *testing.T) {
	dir := t.TempDir()
	files := map[string]string{
		"plain": "#!/bin/sh\n", "lost": "#!/no/such/interpreter\n", "data": "\x7fELF nothing of the kind",
	}
	for name, content := range files {
		must(t, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o755))
	}
	must(t, os.Chmod(filepath.Join(dir, "plain"), 0o644))
	start := func(command ...string) *idmpb.ExecStreamRequestStart {
		return &idmpb.ExecStreamRequestStart{Command: command}
	}
	for _, tt := range []struct {
		name  string
		first idmpb.ExecStreamRequestUpdateOneof
		code  int32
		error string
	}{
		{"missing", start("no-such-command"), 127, `"no-such-command": file does not exist`},
		{"missing path", start("/no/such/command"), 127, "start /no/such/command: no such file or directory"},
		{"below a file", start("/bin/sh/x"), 127, "start /bin/sh/x: not a directory"},
		{"interpreter", start(filepath.Join(dir, "lost")), 127, "start " + filepath.Join(dir, "lost") + ": no such file or directory"},
		{"not executable", start(filepath.Join(dir, "plain")), 126, "start " + filepath.Join(dir, "plain") + ": permission denied"},
		{"directory", start(dir), 126, "start " + dir + ": permission denied"},
		{"no program", start(filepath.Join(dir, "data")), 126, "start " + filepath.Join(dir, "data") + ": exec format error"},
		{"too long", start("sh", "-c", strings.Repeat("x", 1<<18)), 126, "argument list too long"},
		{"not UTF-8", start("x\xff"), 0, ""},
		{"no command", start(), 125, "the stream's first message names no command"},
		{"input first", &idmpb.ExecStreamRequestStdin{Data: []byte("x")}, 125, "the stream's first message names no command"},
		{"nothing", nil, 125, "the stream's first message names no command"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := newHost(t, &fakeGuest{})
			x := h.open(t, idm.InternalChannel, execRequest(tt.first))
			if tt.name == "not UTF-8" { // replaced on the way
				tt.code, tt.error = 127, `"x�": file does not exist`
			}
			got := x.outcome(t)
			if got.Code != tt.code || !strings.HasSuffix(got.Error, tt.error) || got.Stdout+got.Stderr != "" {
				t.Errorf("outcome = %+v, want code %d, %q", got, tt.code, tt.error)
			}
			h.ping(t)
		})
	}
}

func TestExecNoTerminalThere(t *testing.T) {
	noLeaks(t)
	end, guestEnd := openSockets(t)
	h := startAgent(t, &fakeGuest{}, guestEnd)
	h.agent.PTMX = "/no/such/ptmx"
	h.connect(t, end, idm.Version2)
	want := outcome{Error: "open pseudoterminal: open /no/such/ptmx: no such file or directory", Code: 125}
	if got := h.tty(t, "exit 0").outcome(t); got != want {
		t.Errorf("outcome = %+v, want %+v", got, want)
	}
}

func TestExecBeforeWorkload(t *testing.T) {
	h := newHost(t, &fakeGuest{booting: errBooting})
	want := outcome{Error: "resource temporarily unavailable: the workload does not run yet", Code: 125}
	if got := h.sh(t, "exit 0").outcome(t); got != want {
		t.Errorf("outcome = %+v, want %+v", got, want)
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

func TestExecMany(t *testing.T) {
	onLines(t, func(t *testing.T, h *host) {
		var all []*exchange
		for i := range 100 {
			run := h.sh
			if i%2 == 1 {
				run = h.tty
			}
			all = append(all, run(t, fmt.Sprintf("stty -echo 2>/dev/null; echo ready; read x; echo $x; exit %d", i)))
		}
		for _, x := range all {
			x.output(t, "ready")
		}
		for i, x := range all {
			x.write(t, fmt.Sprintf("%d is here\n", i))
		}
		for i, x := range all {
			got := x.outcome(t)
			lines := strings.Fields(got.Stdout)
			if want := fmt.Sprintf("ready %d is here", i); strings.Join(lines, " ") != want || got.Code != int32(i) {
				t.Errorf("outcome of %d = %+v, want %q", i, got, want)
			}
		}
	})
}

// TestExecNumberAgain: a number is free once the host has seen the stream's end.
func TestExecNumberAgain(t *testing.T) {
	h := newHost(t, &fakeGuest{})
	for i := range 200 {
		x := h.openAs(t, 7, idm.InternalChannel, execRequest(&idmpb.ExecStreamRequestStart{Command: []string{"echo", fmt.Sprint(i)}}))
		if got, want := x.outcome(t), (outcome{Stdout: fmt.Sprintln(i)}); got != want {
			t.Fatalf("outcome = %+v, want %+v", got, want)
		}
	}
}

// TestExecNumberTaken: a host that was started anew counts from the beginning.
func TestExecNumberTaken(t *testing.T) {
	h := newHost(t, &fakeGuest{})
	open := func(script string) *exchange {
		start := &idmpb.ExecStreamRequestStart{Command: []string{"sh", "-c", script}}
		return h.openAs(t, 7, idm.InternalChannel, execRequest(start))
	}
	x := open("echo $$; exec sleep 1000")
	pid := strings.TrimSpace(x.output(t, "\n"))
	for range 300 { // more than there is room for
		open("sleep 1000")
	}
	h.ping(t)
	eventually(t, "end of the first", func() bool { return ended(pid) })
	eventually(t, "room", func() bool {
		h.agent.mu.Lock()
		defer h.agent.mu.Unlock()
		return h.agent.running <= 1
	})
	if got, want := open("echo last").outcome(t), (outcome{Stdout: "last\n"}); got != want {
		t.Errorf("outcome = %+v, want %+v", got, want)
	}
}

// TestExecNumberWaits: the next stream of a number begins when the one before
// has ended.
func TestExecNumberWaits(t *testing.T) {
	looked, goOn := make(chan string, 2), make(chan struct{})
	h := newHost(t, &fakeGuest{look: func(start *idmpb.ExecStreamRequestStart) {
		looked <- start.Command[1]
		<-goOn
	}})
	for _, word := range []string{"first", "second"} {
		h.openAs(t, 7, idm.InternalChannel, execRequest(&idmpb.ExecStreamRequestStart{Command: []string{"echo", word}}))
		h.ping(t)
	}
	if got := <-looked; got != "first" {
		t.Fatalf("Guest.Command is asked for the %s", got)
	}
	select {
	case got := <-looked:
		t.Errorf("Guest.Command is asked for the %s before the first has ended", got)
	case <-time.After(20 * time.Millisecond):
	}
	close(goOn)
	if got, want := (&exchange{h, streamKey{0, 7}}).outcome(t), (outcome{Stdout: "second\n"}); got != want {
		t.Errorf("outcome = %+v, want %+v", got, want)
	}
}

func TestExecTooMany(t *testing.T) {
	h := newHost(t, &fakeGuest{})
	var all []*exchange
	for range maxStreams {
		all = append(all, h.sh(t, "echo ready; cat"))
	}
	for _, x := range all {
		x.output(t, "ready")
	}
	want := outcome{Error: "resource temporarily unavailable: 128 streams are open, which is the most", Code: 125}
	if got := h.sh(t, "exit 0").outcome(t); got != want {
		t.Errorf("outcome = %+v, want %+v", got, want)
	}
	all[3].endInput(t)
	all[3].outcome(t)
	eventually(t, "room", func() bool { return h.sh(t, "exit 9").outcome(t).Code == 9 })
}

// hog starts a command that does not read, and fills the budget for it.
func (h *host) hog(t *testing.T, run func(*host, testing.TB, string) *exchange) *exchange {
	t.Helper()
	hog := run(h, t, "stty raw 2>/dev/null; echo ready; sleep 1000")
	hog.output(t, "ready")
	for range maxHeldSize >> 20 {
		hog.write(t, strings.Repeat("x", 1<<20))
	}
	h.ping(t)
	return hog
}

// TestExecInputNotRead: a command that does not read costs the host its own
// stream, and no other.
func TestExecInputNotRead(t *testing.T) {
	for name, run := range map[string]func(*host, testing.TB, string) *exchange{"pipe": (*host).sh, "terminal": (*host).tty} {
		t.Run(name, func(t *testing.T) {
			h := newHost(t, &fakeGuest{})
			h.agent.waits = time.Millisecond
			other, hog := h.sh(t, "cat"), h.hog(t, run)
			data := strings.Repeat("y", 1<<20)
			other.write(t, data)
			got := hog.outcome(t)
			want := "what the host sent was not read, and 16 MiB are held, which is the most"
			if got.Error != want || got.Code != 137 {
				t.Errorf("outcome = %d, %q, want 137, %q", got.Code, got.Error, want)
			}
			other.endInput(t)
			if got := other.outcome(t); got.Stdout != data || got.Error != "" {
				t.Errorf("the other: %d bytes, %q, want %d", len(got.Stdout), got.Error, len(data))
			}
			h.ping(t)
			budgetIsWhole(t, h.agent)
		})
	}
}

// TestExecShare: a little may be sent to every command though another has made
// the guest hold all that it holds.
func TestExecShare(t *testing.T) {
	h := newHost(t, &fakeGuest{})
	h.agent.waits = time.Hour
	h.hog(t, (*host).sh)
	other := h.sh(t, "cat")
	for i := range 100 {
		line := fmt.Sprintln("line", i)
		other.write(t, line)
		other.output(t, line)
	}
	other.endInput(t)
	if got := other.outcome(t); got.Code != 0 || got.Error != "" {
		t.Errorf("outcome = %+v, want code 0", got)
	}
}

// TestExecLateReader: a command that reads late gets all: the host is held up.
func TestExecLateReader(t *testing.T) {
	h := newHost(t, &fakeGuest{})
	h.agent.waits = patience
	x := h.sh(t, `echo ready; sleep 0.2; wc -c`)
	x.output(t, "ready")
	data := strings.Repeat("x", 1<<20)
	for range 40 {
		x.write(t, data)
	}
	x.endInput(t)
	if got, want := x.outcome(t), (outcome{Stdout: fmt.Sprintln("ready\n" + fmt.Sprint(40<<20))}); got != want {
		t.Errorf("outcome = %+v, want %+v", got, want)
	}
	budgetIsWhole(t, h.agent)
}

// budgetIsWhole waits for the streams' end and checks the accounts.
func budgetIsWhole(t testing.TB, a *Agent) {
	t.Helper()
	eventually(t, "end of streams", func() bool {
		a.mu.Lock()
		defer a.mu.Unlock()
		return a.running == 0
	})
	eventually(t, "whole budget", func() bool {
		a.held.mu.Lock()
		defer a.held.mu.Unlock()
		return a.held.left == maxHeldSize
	})
}
