package agent

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kguest/kguest/pkg/idm"
	"github.com/kguest/kguest/pkg/idm/idmpb"
)

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
