package agent

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kguest/kguest/pkg/idm"
	"github.com/kguest/kguest/pkg/idm/idmpb"
)

func (x *exchange) pause(t *testing.T, resume bool) {
	t.Helper()
	want := &idmpb.ExtensionResponse{Response: &idmpb.PauseResponse{}}
	request := &idmpb.PauseRequest{Channel: x.key.channel, Id: x.key.id, Resume: resume}
	if diff := cmp.Diff(want, x.h.extension(t, request)); diff != "" {
		t.Fatalf("answer to pause (-want +got):\n%s", diff)
	}
}

// said is how many messages of x have come.
func (x *exchange) said() int {
	x.h.mu.Lock()
	defer x.h.mu.Unlock()
	return len(x.h.got[x.key])
}

// TestPause: a command that is paused says nothing, its end included, until it is
// resumed, and then all it had to say; others go on meanwhile.
func TestPause(t *testing.T) {
	onLines(t, func(t *testing.T, h *host) {
		done := filepath.Join(h.guest.root, "done")
		x := h.sh(t, "echo ready; read line; echo $line; echo >"+done)
		x.output(t, "ready\n")
		x.pause(t, false)
		x.pause(t, false) // twice is once
		before := x.said()
		x.write(t, "held\n")
		eventually(t, "end of the paused command", func() bool { _, err := os.Stat(done); return err == nil })
		other := strings.Repeat("x", 100_000)
		if got := h.sh(t, "head -c 100000 /dev/zero | tr '\\0' x").outcome(t); got.Stdout != other {
			t.Errorf("another command's output = %d bytes, want %d", len(got.Stdout), len(other))
		}
		if n := x.said() - before; n != 0 {
			t.Errorf("%d messages of the paused command, want none", n)
		}
		x.pause(t, true)
		x.pause(t, true)
		if got, want := x.outcome(t), (outcome{Stdout: "ready\nheld\n"}); got != want {
			t.Errorf("outcome = %+v, want %+v", got, want)
		}
	})
}

// TestPauseFile: a file that is read pauses as well.
func TestPauseFile(t *testing.T) {
	h := newHost(t, &fakeGuest{root: t.TempDir()})
	must(t, os.Truncate(touch(t, h.guest.root, "endless"), 1<<40))
	x := h.open(t, idm.ExtensionChannel, fileRead("/endless"))
	x.until(t, "a piece", func(got []idm.Message) bool { return len(got) > 0 })
	x.pause(t, false)
	h.ping(t)
	h.ping(t) // what was on its way has come
	before := x.said()
	h.ping(t)
	if n := x.said() - before; n > 0 {
		t.Errorf("%d pieces of the paused file, want none", n)
	}
	x.pause(t, true)
	x.until(t, "another piece", func(got []idm.Message) bool { return len(got) > before })
	x.close(t)
}

// TestPauseEnds: the host can close a stream that is paused, and pause what has
// ended.
func TestPauseEnds(t *testing.T) {
	h := newHost(t, &fakeGuest{})
	x := h.sh(t, "echo $$; exec sleep 1000")
	pid := strings.TrimSpace(x.output(t, "\n"))
	x.pause(t, false)
	x.close(t)
	eventually(t, "end of the command", func() bool { return ended(pid) })
	x.pause(t, false)
	again := h.openAs(t, x.key.id, idm.InternalChannel, execRequest(&idmpb.ExecStreamRequestStart{Command: []string{"true"}}))
	if got := again.outcome(t); got != (outcome{}) {
		t.Errorf("outcome of the next of the number = %+v, want none", got)
	}
}
