package agent

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/kguest/kguest/pkg/idm"
	"github.com/kguest/kguest/pkg/idm/idmpb"
)

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
	open := func(word string) {
		h.openAs(t, 7, idm.InternalChannel, execRequest(&idmpb.ExecStreamRequestStart{Command: []string{"echo", word}}))
		h.ping(t)
	}
	open("first")
	if got := <-looked; got != "first" {
		t.Errorf("Guest.Command is asked for the %s, want the first", got)
	}
	open("second") // closes the first, which has begun
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
