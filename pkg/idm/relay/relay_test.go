package relay

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"testing"

	"github.com/kguest/kguest/pkg/idm"
	"github.com/kguest/kguest/pkg/idm/client"
	"github.com/kguest/kguest/pkg/idm/idmpb"
)

// guest echoes the input of commands, and keeps what it was asked.
type guest struct {
	conn *idm.Conn
	mu   sync.Mutex
	open map[uint64]bool // streams
	ends chan uint64     // streams that the host closed
	hold chan *idmpb.PauseRequest
}

func (g *guest) run(ctx context.Context) {
	for {
		m, err := g.conn.Receive(ctx)
		if err != nil {
			return
		}
		switch m.Form {
		case idm.FormRequest:
			if request, ok := m.Body.(*idmpb.ExtensionRequest); ok {
				if pause, ok := request.Request.(*idmpb.PauseRequest); ok {
					g.hold <- pause
					_ = g.conn.Send(m.Reply(&idmpb.ExtensionResponse{Response: new(idmpb.PauseResponse)}))
					continue
				}
				_ = g.conn.Send(m.Reply(&idmpb.ExtensionResponse{Response: &idmpb.WatchResponse{State: idmpb.BootStateReady}}))
				continue
			}
			_ = g.conn.Send(m.Reply(&idmpb.Response{Response: new(idmpb.PingResponse)}))
		case idm.FormStreamRequest:
			g.mu.Lock()
			if g.open[m.ID] {
				panic(fmt.Sprintf("stream %d is open already", m.ID))
			}
			g.open[m.ID] = true
			g.mu.Unlock()
		case idm.FormStreamRequestUpdate:
			g.echo(ctx, m)
		case idm.FormStreamRequestClosed:
			g.ends <- m.ID
		default:
		}
	}
}

// echo sends input back, and ends the command with its input.
func (g *guest) echo(ctx context.Context, m idm.Message) {
	request, ok := m.Body.(*idmpb.Request)
	if !ok {
		return
	}
	update, ok := request.Request.(*idmpb.ExecStreamRequestUpdate)
	if !ok {
		return
	}
	stdin, ok := update.Update.(*idmpb.ExecStreamRequestStdin)
	if !ok {
		return
	}
	if len(stdin.Data) > 0 {
		_ = g.conn.SendWait(ctx, m.Reply(&idmpb.Response{Response: &idmpb.ExecStreamResponseUpdate{Stdout: stdin.Data}}))
	}
	if stdin.Closed {
		_ = g.conn.SendWait(ctx, m.Reply(&idmpb.Response{Response: &idmpb.ExecStreamResponseUpdate{Exited: true, ExitCode: 7}}))
		_ = g.conn.SendWait(ctx, m.ReplyClosed())
	}
}

// lab is a relay to a guest.
type lab struct {
	relay *Relay
	guest *guest
	ended chan error
	hosts sync.WaitGroup
}

func start(t *testing.T) *lab {
	near, far := net.Pipe()
	l := &lab{
		relay: New(near),
		guest: &guest{
			conn: idm.New(far, idm.Config{}), open: map[uint64]bool{},
			ends: make(chan uint64, 100), hold: make(chan *idmpb.PauseRequest, 10_000),
		},
		ended: make(chan error, 1),
	}
	go l.guest.run(t.Context())
	go func() { l.ended <- l.relay.Run(t.Context()) }()
	t.Cleanup(func() {
		_ = l.guest.conn.Close()
		if err := <-l.ended; err == nil {
			t.Error("Run ended without an error")
		}
		l.hosts.Wait()
	})
	return l
}

func (l *lab) host(t *testing.T, version idm.Version) *client.Client {
	t.Helper()
	near, far := net.Pipe()
	l.hosts.Go(func() { l.relay.Serve(t.Context(), far) })
	c := client.New(t.Context(), near, client.Config{Version: version})
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func TestManyHosts(t *testing.T) {
	l := start(t)
	var all sync.WaitGroup
	for i := range 8 {
		c := l.host(t, []idm.Version{idm.Version1, idm.Version2}[i%2])
		all.Go(func() {
			if err := c.Ping(t.Context()); err != nil {
				t.Errorf("host %d: %v", i, err)
			}
			if i%2 == 1 {
				echo(t, c, bytes.Repeat([]byte{byte('a' + i)}, 200_000))
			}
		})
	}
	all.Wait()
}

func echo(t *testing.T, c *client.Client, data []byte) {
	var out bytes.Buffer
	p, err := c.Exec(t.Context(), client.Command{Args: []string{"cat"}, Stdout: &out})
	if err != nil {
		t.Error(err)
		return
	}
	go func() {
		_, werr := p.Write(data)
		if err := errors.Join(werr, p.CloseWrite()); err != nil {
			t.Error(err)
		}
	}()
	code, err := p.Wait()
	if code != 7 || err != nil || !bytes.Equal(out.Bytes(), data) {
		t.Errorf("echo of %d bytes = %d bytes, code %d, %v, want the same, 7", len(data), out.Len(), code, err)
	}
}

// A host that goes, or says hello, takes its own streams with it and no others.
func TestHostGoes(t *testing.T) {
	l := start(t)
	stays, goes := l.host(t, idm.Version2), l.host(t, idm.Version2)
	in, w := io.Pipe()
	var out bytes.Buffer
	kept, err := stays.Exec(t.Context(), client.Command{Args: []string{"cat"}, Stdout: &out})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := goes.Exec(t.Context(), client.Command{Args: []string{"sleep"}}); err != nil {
		t.Fatal(err)
	}
	if err := goes.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	_ = goes.Close()
	<-l.guest.ends
	go func() {
		_, _ = io.WriteString(w, "still here")
		_ = w.Close()
	}()
	_, cerr := io.Copy(kept, in)
	if err := errors.Join(cerr, kept.CloseWrite()); err != nil {
		t.Error(err)
	}
	if code, err := kept.Wait(); code != 7 || err != nil || out.String() != "still here" {
		t.Errorf("kept command: %q, code %d, %v", out.String(), code, err)
	}
}

// A host that was started anew on its connection counts from the beginning: what
// it opened before under the number ends, and says nothing under it.
func TestNumberAgain(t *testing.T) {
	l := start(t)
	near, far := net.Pipe()
	l.hosts.Go(func() { l.relay.Serve(t.Context(), far) })
	conn := idm.New(near, idm.Config{Host: true, Version: idm.Version2})
	defer conn.Close() //nolint:errcheck // nothing is left to lose
	send := func(form idm.Form, update idmpb.ExecStreamRequestUpdateOneof) {
		t.Helper()
		request := &idmpb.Request{Request: &idmpb.ExecStreamRequestUpdate{Update: update}}
		if err := conn.SendWait(t.Context(), idm.Message{ID: 7, Form: form, Body: request}); err != nil {
			t.Fatal(err)
		}
	}
	send(idm.FormStreamRequest, &idmpb.ExecStreamRequestStart{Command: []string{"first"}})
	send(idm.FormStreamRequest, &idmpb.ExecStreamRequestStart{Command: []string{"cat"}})
	if id := <-l.guest.ends; id != 1 {
		t.Errorf("stream %d was closed, want the first", id)
	}
	// The guest's own close of the first comes late.
	_ = l.guest.conn.Send(idm.Message{ID: 1, Form: idm.FormStreamResponseClosed, Version: idm.Version2})
	send(idm.FormStreamRequestUpdate, &idmpb.ExecStreamRequestStdin{Data: []byte("x")})
	if m, err := conn.Receive(t.Context()); err != nil || m.ID != 7 || m.Form != idm.FormStreamResponseUpdate {
		t.Errorf("answer = %+v, %v, want the second's echo", m, err)
	}
	_ = conn.Close()
	if id := <-l.guest.ends; id != 2 {
		t.Errorf("stream %d was closed as the host went, want the second", id)
	}
}

func TestEvents(t *testing.T) {
	l := start(t)
	hosts := []*client.Client{l.host(t, idm.Version1), l.host(t, idm.Version2), l.host(t, idm.Version2)}
	var watches []*client.Watch
	for _, c := range hosts {
		if err := c.Ping(t.Context()); err != nil {
			t.Fatal(err)
		}
		w, err := c.Watch(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		watches = append(watches, w)
	}
	for _, w := range watches[1:] { // the answer to the request
		if got, err := w.Next(t.Context()); err != nil {
			t.Errorf("first event = %v, %v", got, err)
		}
	}
	_ = l.guest.conn.Send(idm.ExitEvent(42))
	for i, w := range watches {
		got, err := w.Next(t.Context())
		if exit, ok := got.(*idmpb.ExitEvent); !ok || exit.Code != 42 {
			t.Errorf("host %d: event = %v, %v, want exit 42", i, got, err)
		}
		w.Close()
	}
}

func TestGuestGoes(t *testing.T) {
	l := start(t)
	c := l.host(t, idm.Version2)
	if err := c.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	_ = l.guest.conn.Close()
	if err := c.Ping(t.Context()); err == nil {
		t.Error("ping of a guest that has gone succeeded")
	}
}
