package agent

import (
	"context"
	"io"
	"os"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/kguest/kguest/pkg/console"
	"github.com/kguest/kguest/pkg/idm"
	"github.com/kguest/kguest/pkg/idm/idmpb"
)

// openPTYs returns the two ends of a raw pseudoterminal, as QEMU and the guest
// have of hvc1.
func openPTYs(t testing.TB) (host, guest *os.File) {
	t.Helper()
	host, tty, err := console.OpenPTY("/dev/ptmx")
	must(t, err)
	defer tty.Close()
	guest, err = console.Open(tty.Name()) // as the guest opens it: not blocking
	must(t, err)
	must(t, console.SetRaw(guest))
	return host, guest
}

func openSockets(t testing.TB) (host, guest *os.File) {
	t.Helper()
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	must(t, err)
	return os.NewFile(uintptr(pair[0]), "host"), os.NewFile(uintptr(pair[1]), "guest")
}

// lines are the kinds of connection.
var lines = []struct {
	name string
	open func(t testing.TB) (host, guest *os.File)
}{
	{"pty", openPTYs},
	{"socket", openSockets},
}

// onLines runs test on each kind of connection.
func onLines(t *testing.T, test func(t *testing.T, h *host)) {
	for _, line := range lines {
		t.Run(line.name, func(t *testing.T) {
			noLeaks(t)
			end, guestEnd := line.open(t)
			h := startAgent(t, &fakeGuest{root: t.TempDir()}, guestEnd)
			h.connect(t, end, idm.Version2)
			test(t, h)
		})
	}
}

// newHost is a host on a socket.
func newHost(t *testing.T, guest *fakeGuest) *host {
	t.Helper()
	noLeaks(t)
	end, guestEnd := openSockets(t)
	h := startAgent(t, guest, guestEnd)
	h.connect(t, end, idm.Version2)
	return h
}

// host is the test's end of a connection, which keeps all that comes.
type host struct {
	guest     *fakeGuest
	guestConn *idm.Conn
	agent     *Agent
	served    chan struct{} // closed when Serve has returned
	err       error         // Serve's

	end  *os.File // where the test writes bytes of its own
	conn *idm.Conn
	last uint64 // ID that was given out

	mu   sync.Mutex
	got  map[streamKey][]idm.Message
	news []idm.Message // events
	more chan struct{} // closed, and made anew, when something came
}

// startAgent serves guest on the end until the test is over.
func startAgent(t testing.TB, guest *fakeGuest, end io.ReadWriteCloser) *host {
	t.Helper()
	return startAgentIn(t.Context(), t, guest, end)
}

func startAgentIn(ctx context.Context, t testing.TB, guest *fakeGuest, end io.ReadWriteCloser) *host {
	t.Helper()
	conn := idm.New(end, idm.Config{})
	h := &host{
		guest: guest, guestConn: conn, served: make(chan struct{}), got: map[streamKey][]idm.Message{}, more: make(chan struct{}),
		agent: &Agent{Conn: conn, Guest: guest, Sup: &supervisor, PTMX: "/dev/ptmx"},
	}
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		defer close(h.served)
		h.err = h.agent.Serve(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		waitFor(t, "end of Serve", h.served)
		must(t, conn.Close())
	})
	return h
}

// connect has the host read and speak on its end.
func (h *host) connect(t testing.TB, end *os.File, version idm.Version) {
	t.Helper()
	h.end = end
	h.conn = idm.New(end, idm.Config{Version: version, Host: true, QueueBytes: 64 << 20, QueueFrames: 1 << 20})
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			m, err := h.conn.Receive(t.Context())
			if err != nil {
				return
			}
			h.keep(m)
		}
	}()
	t.Cleanup(func() {
		must(t, h.conn.Close())
		waitFor(t, "end of the host", done)
	})
}

func (h *host) keep(m idm.Message) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if m.Form == idm.FormEvent {
		h.news = append(h.news, m)
	} else {
		key := streamKey{m.Channel, m.ID}
		h.got[key] = append(h.got[key], m)
	}
	close(h.more)
	h.more = make(chan struct{})
}

// wait waits until ok, which is asked with the lock held.
func (h *host) wait(t testing.TB, what string, ok func() bool) {
	t.Helper()
	timeout := time.After(patience)
	for {
		h.mu.Lock()
		done, more := ok(), h.more
		h.mu.Unlock()
		if done {
			return
		}
		select {
		case <-more:
		case <-timeout:
			t.Fatalf("%s: not within %v", what, patience)
		}
	}
}

func (h *host) send(t testing.TB, m idm.Message) {
	t.Helper()
	must(t, h.conn.SendWait(t.Context(), m))
}

// ask makes a request and returns the answer's body.
func (h *host) ask(t testing.TB, channel uint64, body idm.Body) idm.Body {
	t.Helper()
	h.last++
	return h.askAs(t, h.last, channel, body)
}

func (h *host) askAs(t testing.TB, id, channel uint64, body idm.Body) (reply idm.Body) {
	t.Helper()
	h.send(t, idm.Message{ID: id, Channel: channel, Form: idm.FormRequest, Body: body})
	key := streamKey{channel, id}
	h.wait(t, "answer", func() bool {
		if len(h.got[key]) == 0 {
			return false
		}
		reply = h.got[key][0].Body
		delete(h.got, key)
		return true
	})
	return reply
}

func (h *host) ping(t testing.TB) {
	t.Helper()
	reply, ok := h.ask(t, idm.InternalChannel, &idmpb.Request{Request: &idmpb.PingRequest{}}).(*idmpb.Response)
	if ok {
		_, ok = reply.Response.(*idmpb.PingResponse)
	}
	if !ok {
		t.Fatalf("answer to a ping = %v", reply)
	}
}

// exchange is a stream of the host's.
type exchange struct {
	h   *host
	key streamKey
}

func (h *host) open(t testing.TB, channel uint64, body idm.Body) *exchange {
	t.Helper()
	h.last++
	return h.openAs(t, h.last, channel, body)
}

func (h *host) openAs(t testing.TB, id, channel uint64, body idm.Body) *exchange {
	t.Helper()
	x := &exchange{h, streamKey{channel, id}}
	h.mu.Lock()
	delete(h.got, x.key)
	h.mu.Unlock()
	x.send(t, idm.FormStreamRequest, body)
	return x
}

func (x *exchange) send(t testing.TB, form idm.Form, body idm.Body) {
	t.Helper()
	x.h.send(t, idm.Message{ID: x.key.id, Channel: x.key.channel, Form: form, Body: body})
}

func (x *exchange) close(t testing.TB) { x.send(t, idm.FormStreamRequestClosed, nil) }

// until waits for messages for which ok says so.
func (x *exchange) until(t testing.TB, what string, ok func([]idm.Message) bool) {
	t.Helper()
	x.h.wait(t, what, func() bool { return ok(x.h.got[x.key]) })
}

// all waits until the guest has closed the stream, and returns the rest.
func (x *exchange) all(t testing.TB) (messages []idm.Message) {
	t.Helper()
	x.until(t, "end of stream", func(got []idm.Message) bool {
		if n := len(got); n == 0 || got[n-1].Form != idm.FormStreamResponseClosed {
			return false
		}
		messages = got[:len(got)-1]
		return true
	})
	return messages
}
