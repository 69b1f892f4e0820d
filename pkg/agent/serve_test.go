package agent

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/kguest/kguest/pkg/idm"
	"github.com/kguest/kguest/pkg/idm/idmpb"
)

var errGone = errors.New("the host is gone")

// fullConn is a connection whose host sends messages, reads as many answers as
// there is room, and is gone when the next waits.
type fullConn struct {
	messages []idm.Message

	mu    sync.Mutex
	room  int
	stuck chan struct{} // closed when there is none
}

func (c *fullConn) Receive(ctx context.Context) (idm.Message, error) {
	if len(c.messages) > 0 {
		m := c.messages[0]
		c.messages = c.messages[1:]
		return m, nil
	}
	select {
	case <-c.stuck:
		return idm.Message{}, errGone
	case <-ctx.Done():
		return idm.Message{}, ctx.Err()
	}
}

func (c *fullConn) Send(m idm.Message) error { return c.SendWait(context.Background(), m) }

func (c *fullConn) SendWait(ctx context.Context, _ idm.Message) error {
	c.mu.Lock()
	c.room--
	room := c.room
	c.mu.Unlock()
	if room >= 0 {
		return nil
	}
	if room == -1 {
		close(c.stuck)
	}
	<-ctx.Done()
	return ctx.Err()
}

func (c *fullConn) Forget() {}

// TestServeEnds: however a connection ends, Serve returns, and nothing is left
// of what the host had begun: noLeaks.
func TestServeEnds(t *testing.T) {
	for _, tt := range []struct {
		name string
		end  func(t *testing.T, h *host, cancel context.CancelFunc)
		want error
	}{
		{"the host closes", func(t *testing.T, h *host, _ context.CancelFunc) { must(t, h.conn.Close()) }, io.EOF},
		{"the guest closes", func(t *testing.T, h *host, _ context.CancelFunc) { must(t, h.guestConn.Close()) }, idm.ErrClosed},
		{"the machine ends", func(_ *testing.T, _ *host, cancel context.CancelFunc) { cancel() }, context.Canceled},
	} {
		t.Run(tt.name, func(t *testing.T) {
			noLeaks(t)
			root := t.TempDir()
			must(t, os.Truncate(touch(t, root, "endless"), 1<<40))
			end, guestEnd := openSockets(t)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			h := startAgentIn(ctx, t, &fakeGuest{root: root}, guestEnd)
			h.connect(t, end, idm.Version2)
			x := h.sh(t, "trap '' TERM HUP INT; echo $$; sleep 1000 & wait")
			y := h.tty(t, "trap '' TERM HUP INT; echo $$; sleep 1000 & wait; wait")
			pids := []string{strings.TrimSpace(x.output(t, "\n")), strings.TrimSpace(y.output(t, "\n"))}
			h.sh(t, "yes")
			h.tty(t, "yes")
			h.open(t, idm.ExtensionChannel, fileRead("/endless"))
			hog := h.sh(t, "sleep 1000")
			hog.write(t, strings.Repeat("x", 1<<20))
			h.openWrite(t, &idmpb.FileWriteStart{Path: []byte("/old")})
			tt.end(t, h, cancel)
			waitFor(t, "end of Serve", h.served)
			// A socket that is closed with bytes in it resets the other end.
			if !errors.Is(h.err, tt.want) && (tt.want != io.EOF || !errors.Is(h.err, unix.ECONNRESET)) { //nolint:errorlint // it is that
				t.Errorf("Serve() = %v, want %v", h.err, tt.want)
			}
			for _, pid := range pids {
				if !ended(pid) {
					t.Errorf("process %s lives", pid)
				}
			}
			if got := listing(t, root); strings.Contains(got, ".kguest") {
				t.Errorf("files:\n%s", got)
			}
		})
	}
}

// TestServeGo: every goroutine of the agent's is started by Go, which catches
// panics.
func TestServeGo(t *testing.T) {
	noLeaks(t)
	end, guestEnd := openSockets(t)
	conn := idm.New(guestEnd, idm.Config{})
	caught := make(chan any, 1)
	guest := &fakeGuest{collect: func() { panic("in metrics") }}
	a := &Agent{Conn: conn, Guest: guest, Sup: &supervisor, PTMX: "/dev/ptmx"}
	a.Go = func(f func()) {
		go func() {
			defer func() {
				if r := recover(); r != nil {
					caught <- r
				}
			}()
			f()
		}()
	}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = a.Serve(t.Context())
	}()
	h := &host{guest: guest, agent: a, got: map[streamKey][]idm.Message{}, more: make(chan struct{})}
	h.connect(t, end, idm.Version2)
	h.send(t, idm.Message{ID: 1, Form: idm.FormRequest, Body: &idmpb.Request{Request: &idmpb.MetricsRequest{}}})
	if r := <-caught; r != "in metrics" {
		t.Errorf("caught %v, want the panic of metrics", r)
	}
	if got, want := h.sh(t, "exit 4").outcome(t), (outcome{Code: 4}); got != want {
		t.Errorf("outcome = %+v, want %+v", got, want)
	}
	must(t, conn.Close())
	waitFor(t, "end of Serve", served)
}

// TestVersion1: it has ping and metrics, and the rest of version 2 beside it.
func TestVersion1(t *testing.T) {
	for _, line := range lines {
		t.Run(line.name, func(t *testing.T) {
			noLeaks(t)
			end, guestEnd := line.open(t)
			h := startAgent(t, &fakeGuest{tree: fullTree()}, guestEnd)
			h.connect(t, end, idm.Version1)
			for range 3 {
				h.ping(t)
			}
			err := h.conn.Send(idm.Message{Form: idm.FormStreamRequest, Body: execRequest(&idmpb.ExecStreamRequestStart{Command: []string{"sh"}})})
			if !errors.Is(err, idm.ErrVersion) {
				t.Errorf("Send of a stream = %v, want %v", err, idm.ErrVersion)
			}
			must(t, h.guestConn.Send(idm.ExitEvent(42)))
			h.wait(t, "exit event", func() bool { return len(h.news) == 1 })
			if got := h.news[0].Version; got != idm.Version1 {
				t.Errorf("version of the exit event = %v, want 1", got)
			}
		})
	}
}
