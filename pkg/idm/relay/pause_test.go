package relay

import (
	"bytes"
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kguest/kguest/pkg/idm"
	"github.com/kguest/kguest/pkg/idm/client"
	"github.com/kguest/kguest/pkg/idm/idmpb"
)

// started is a command that the guest has as its first stream.
func (l *lab) started(t *testing.T, c *client.Client, out io.Writer) *client.Process {
	t.Helper()
	p, err := c.Exec(t.Context(), client.Command{Args: []string{"yes"}, Stdout: out})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	return p
}

// waiting waits for p from now on.
func waiting(p *client.Process) func() (int, error) {
	type end struct {
		code int
		err  error
	}
	ended := make(chan end, 1)
	go func() {
		code, err := p.Wait()
		ended <- end{code, err}
	}()
	return func() (int, error) {
		e := <-ended
		return e.code, e.err
	}
}

// say has the command of stream id write data.
func (g *guest) say(t *testing.T, id uint64, data []byte) {
	t.Helper()
	update := &idmpb.ExecStreamResponseUpdate{Stdout: data}
	m := idm.Message{ID: id, Form: idm.FormStreamResponseUpdate, Version: idm.Version2, Body: &idmpb.Response{Response: update}}
	if err := g.conn.SendWait(t.Context(), m); err != nil {
		t.Fatal(err)
	}
}

// exit ends the command of stream id.
func (g *guest) exit(t *testing.T, id uint64) {
	t.Helper()
	m := idm.Message{ID: id, Form: idm.FormStreamRequest, Version: idm.Version2}
	for _, m := range []idm.Message{m.Reply(&idmpb.Response{Response: &idmpb.ExecStreamResponseUpdate{Exited: true, ExitCode: 7}}), m.ReplyClosed()} {
		if err := g.conn.SendWait(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
}

func pingSoon(t *testing.T, c *client.Client, when string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := c.Ping(ctx); err != nil {
		t.Fatalf("ping %s: %v", when, err)
	}
}

// firstStream is the number that the guest knows the first stream by, after a ping.
const firstStream = 1

// A host that pauses, as a pager does, holds up no other, and gets all when it goes
// on: the guest is told to wait, and to go on.
func TestHostPauses(t *testing.T) {
	l := start(t)
	paused, other := l.host(t, idm.Version2), l.host(t, idm.Version2)
	var out bytes.Buffer
	p := l.started(t, paused, &out) // reads when it is waited for
	piece := bytes.Repeat([]byte("0123456789abcdef"), 4096)
	const most = 512 // pieces, 32 MiB
	said := 0
	for ; len(l.guest.hold) == 0 && said < most; said++ {
		l.guest.say(t, firstStream, piece)
	}
	if said == most {
		t.Fatalf("the guest was not told to pause after %d MiB", most*len(piece)>>20)
	}
	if got := <-l.guest.hold; got.Channel != idm.InternalChannel || got.Id != firstStream || got.Resume {
		t.Errorf("guest was told %+v, want the stream to pause", got)
	}
	pingSoon(t, other, "beside output that another host leaves unread")
	echo(t, other, piece)
	wait := waiting(p)
	if got := <-l.guest.hold; got.Id != firstStream || !got.Resume {
		t.Errorf("guest was told %+v, want the stream to go on", got)
	}
	l.guest.say(t, firstStream, []byte("last"))
	l.guest.exit(t, firstStream)
	if code, err := wait(); code != 7 || err != nil {
		t.Errorf("code %d, %v, want 7", code, err)
	}
	if want := append(bytes.Repeat(piece, said), "last"...); !bytes.Equal(out.Bytes(), want) {
		t.Errorf("output of %d bytes, want the %d that were written", out.Len(), len(want))
	}
}

// A guest that does not know how to pause loses the stream, and the host hears why.
func TestHostPausesTooLong(t *testing.T) {
	l := start(t)
	l.relay.most = 8 << 20
	paused, other := l.host(t, idm.Version2), l.host(t, idm.Version2)
	var out bytes.Buffer
	p := l.started(t, paused, &out)
	piece := make([]byte, 64<<10)
	for said := 0; len(l.guest.ends) == 0; said++ {
		if said > 4*l.relay.most/len(piece) { // the client takes some, too
			t.Fatalf("the stream is open after %d pieces", said)
		}
		l.guest.say(t, firstStream, piece)
	}
	if id := <-l.guest.ends; id != firstStream {
		t.Errorf("stream %d was closed, want %d", id, firstStream)
	}
	pingSoon(t, other, "beside output that another host leaves unread")
	echo(t, other, piece)
	const why = "8 MiB of output were left unread"
	if code, err := p.Wait(); code != 125 || err == nil || !strings.Contains(err.Error(), why) {
		t.Errorf("code %d, %v, want 125, %q", code, err, why)
	}
	if out.Len() < l.relay.most-len(piece) {
		t.Errorf("%d bytes were read, want what was kept", out.Len())
	}
	pingSoon(t, paused, "of the host that paused")
}

// What a host itself asks to pause is its own stream, and stays so while the relay
// lets others go on.
func TestHostAsksToPause(t *testing.T) {
	l := start(t)
	pingSoon(t, l.host(t, idm.Version2), "") // the numbers differ from then on
	near, far := net.Pipe()
	l.hosts.Go(func() { l.relay.Serve(t.Context(), far) })
	conn := idm.New(near, idm.Config{Host: true, Version: idm.Version2})
	defer conn.Close() //nolint:errcheck // nothing is left to lose
	send := func(m idm.Message) {
		t.Helper()
		if err := conn.SendWait(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	start := &idmpb.ExecStreamRequestUpdate{Update: &idmpb.ExecStreamRequestStart{Command: []string{"yes"}}}
	send(idm.Message{ID: 70, Form: idm.FormStreamRequest, Body: &idmpb.Request{Request: start}})
	for _, tt := range []struct {
		asked, want idmpb.PauseRequest
	}{
		{idmpb.PauseRequest{Id: 70}, idmpb.PauseRequest{Id: 2}},
		{idmpb.PauseRequest{Id: 70, Resume: true}, idmpb.PauseRequest{Id: 2, Resume: true}},
		{idmpb.PauseRequest{Id: 2}, idmpb.PauseRequest{}}, // none of this host's
	} {
		send(idm.Message{ID: 71, Channel: idm.ExtensionChannel, Form: idm.FormRequest, Body: &idmpb.ExtensionRequest{Request: &tt.asked}})
		if got := <-l.guest.hold; *got != tt.want {
			t.Errorf("guest was told %+v, want %+v", *got, tt.want)
		}
		m, err := conn.Receive(t.Context())
		if err != nil || m.ID != 71 {
			t.Errorf("answer = %+v, %v, want one of 71", m, err)
		}
	}
}

// sluggish takes its time.
type sluggish struct{ bytes.Buffer }

func (s *sluggish) Write(p []byte) (int, error) {
	time.Sleep(time.Second)
	return s.Buffer.Write(p)
}

// What the relay has for a host when the guest ends it gets, as long as it reads.
func TestHostReadsSlowlyAtEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := start(t)
		var out sluggish
		p := l.started(t, l.host(t, idm.Version2), &out)
		data := bytes.Repeat([]byte("0123456789abcdef"), 1<<20) // in more pieces than the client takes
		for left := data; len(left) > 0; left = left[64<<10:] {
			l.guest.say(t, firstStream, left[:64<<10])
		}
		l.guest.exit(t, firstStream)
		if err := l.guest.conn.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		_ = l.guest.conn.Close()
		began := time.Now()
		if code, err := p.Wait(); code != 7 || err != nil || !bytes.Equal(out.Bytes(), data) {
			t.Errorf("%d bytes, code %d, %v, want %d, 7", out.Len(), code, err, len(data))
		}
		if took := time.Since(began); took < 2*lastWords {
			t.Errorf("it took %v, which proves nothing", took)
		}
	})
}

// A host that takes nothing does not keep the relay.
func TestHostTakesNothingAtEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := start(t)
		c := l.host(t, idm.Version2)
		l.started(t, c, io.Discard) // and not waited for
		for range 100 {
			l.guest.say(t, firstStream, make([]byte, 64<<10))
		}
		_ = l.guest.conn.Flush(t.Context())
		began := time.Now()
		_ = l.guest.conn.Close()
		err := <-l.ended
		l.ended <- err
		if took := time.Since(began); took < lastWords || took > 2*lastWords {
			t.Errorf("Run ended %v after the guest, want %v", took, lastWords)
		}
	})
}
