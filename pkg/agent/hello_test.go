package agent

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kguest/kguest/pkg/idm"
	"github.com/kguest/kguest/pkg/idm/idmpb"
)

func (h *host) hello(t *testing.T) {
	t.Helper()
	want := &idmpb.ExtensionResponse{Response: &idmpb.HelloResponse{}}
	if diff := cmp.Diff(want, h.extension(t, &idmpb.HelloRequest{})); diff != "" {
		t.Fatalf("answer to hello (-want +got):\n%s", diff)
	}
}

// heard is how many messages have come.
func (h *host) heard() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := 0
	for _, messages := range h.got {
		n += len(messages)
	}
	return n
}

// TestHello: what earlier hosts left open has ended when the new one has its
// answer, and nothing of it comes afterwards.
func TestHello(t *testing.T) {
	onLines(t, func(t *testing.T, h *host) {
		must(t, os.Truncate(touch(t, h.guest.root, "endless"), 1<<40))
		h.hello(t) // there is nothing to end
		x := h.sh(t, "trap '' TERM HUP INT; echo $$; sleep 1000 & wait")
		y := h.tty(t, "trap '' TERM HUP INT; echo $$; sleep 1000 & wait; wait")
		pids := []string{strings.TrimSpace(x.output(t, "\n")), strings.TrimSpace(y.output(t, "\n"))}
		h.sh(t, "yes").output(t, "y\n")
		h.tty(t, "yes").output(t, "y\r\n")
		h.open(t, idm.ExtensionChannel, fileRead("/endless"))
		h.openWrite(t, &idmpb.FileWriteStart{Path: []byte("/new")})
		h.hello(t)
		for _, pid := range pids {
			if !ended(pid) {
				t.Errorf("process %s lives", pid)
			}
		}
		before := h.heard()
		h.ping(t)
		if now := h.heard(); now != before {
			t.Errorf("%d messages of ended streams after the answer", now-before)
		}
		if got := listing(t, h.guest.root); strings.Contains(got, ".kguest") {
			t.Errorf("files:\n%s", got)
		}
		x.write(t, "nobody reads this")
		if got, want := h.sh(t, "echo works").outcome(t), (outcome{Stdout: "works\n"}); got != want {
			t.Errorf("outcome = %+v, want %+v", got, want)
		}
	})
}

// TestHelloMakesRoom: a host finds room where another has used up all there is.
func TestHelloMakesRoom(t *testing.T) {
	h := newHost(t, &fakeGuest{})
	for range maxStreams {
		h.exec(t, &idmpb.ExecStreamRequestStart{Command: []string{"sleep", "1000"}})
	}
	if got := h.sh(t, "true").outcome(t); got.Code != codeNotStarted {
		t.Errorf("outcome of one command too many = %+v, want code %d", got, codeNotStarted)
	}
	h.hello(t)
	if got := h.sh(t, "true").outcome(t); got != (outcome{}) {
		t.Errorf("outcome after hello = %+v, want none", got)
	}
}
