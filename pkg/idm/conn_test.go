package idm

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kguest/kguest/pkg/idm/idmpb"
)

// bubble runs test with a clock of its own. It fails where a goroutine is left.
func bubble(t *testing.T, name string, test func(t *testing.T)) {
	t.Helper()
	t.Run(name, func(t *testing.T) { synctest.Test(t, test) })
}

// connect returns a guest's connection, and the host's end of its stream.
func connect(t *testing.T, config Config) (*Conn, net.Conn) {
	t.Helper()
	guest, host := net.Pipe()
	c := New(guest, config)
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return c, host
}

// write writes b from the host in a goroutine of its own.
func write(t *testing.T, host io.Writer, b ...[]byte) {
	t.Helper()
	go func() {
		if _, err := host.Write(bytes.Join(b, nil)); err != nil {
			t.Errorf("host writes: %v", err)
		}
	}()
}

func receive(t *testing.T, c *Conn) Message {
	t.Helper()
	m, err := c.Receive(t.Context())
	if err != nil {
		t.Fatalf("Receive: %v", err)
	}
	return m
}

// swallowing begins a frame of version 2 that takes the next 64 KiB for data.
const swallowing = "\xff\xff\x00\x00\x01\x00\x22\xfc\xff\x03"

func TestReceive(t *testing.T) {
	bubble(t, "silence", func(t *testing.T) {
		c, host := connect(t, Config{})
		frame := mustFrame(t, ping(4), Version2)
		write(t, host, []byte(swallowing), frame)
		began := time.Now()
		if m := receive(t, c); m.ID != 4 || time.Since(began) != DefaultSilence {
			t.Errorf("message %d after %v, want 4 after %v", m.ID, time.Since(began), DefaultSilence)
		}
		if got, want := c.Stats(), (Stats{Frames: 1, Dropped: 1, Skipped: 10}); got != want {
			t.Errorf("%+v, want %+v", got, want)
		}
	})
	bubble(t, "no silence while a frame comes", func(t *testing.T) {
		c, host := connect(t, Config{})
		frame := mustFrame(t, ping(4), Version1)
		go func() {
			for i := range frame {
				if _, err := host.Write(frame[i : i+1]); err != nil {
					t.Errorf("host writes: %v", err)
				}
				time.Sleep(DefaultSilence - 1)
			}
		}()
		if m := receive(t, c); m.ID != 4 {
			t.Errorf("message %d, want 4", m.ID)
		}
		time.Sleep(DefaultSilence)
	})
	bubble(t, "context", func(t *testing.T) {
		c, host := connect(t, Config{})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		write(t, host, mustFrame(t, ping(4), Version1)[:3])
		if _, err := c.Receive(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Receive = %v, want %v", err, context.DeadlineExceeded)
		}
		write(t, host, mustFrame(t, ping(5), Version1))
		if m := receive(t, c); m.ID != 5 {
			t.Errorf("message %d after the deadline, want 5", m.ID)
		}
	})
	bubble(t, "end", func(t *testing.T) {
		c, host := connect(t, Config{})
		go func() {
			_, err := host.Write(append([]byte(swallowing), mustFrame(t, ping(4), Version2)...))
			if err := errors.Join(err, host.Close()); err != nil {
				t.Errorf("host writes: %v", err)
			}
		}()
		if m := receive(t, c); m.ID != 4 {
			t.Errorf("message %d behind a frame that the end cut, want 4", m.ID)
		}
		for range 2 {
			if _, err := c.Receive(t.Context()); !errors.Is(err, io.EOF) {
				t.Errorf("Receive at the end = %v, want %v", err, io.EOF)
			}
		}
	})
	bubble(t, "close", func(t *testing.T) {
		c, _ := connect(t, Config{})
		go func() {
			if err := c.Close(); err != nil {
				t.Errorf("Close: %v", err)
			}
		}()
		if _, err := c.Receive(t.Context()); !errors.Is(err, ErrClosed) {
			t.Errorf("Receive of a closed connection = %v, want %v", err, ErrClosed)
		}
		if err := c.Send(ExitEvent(0)); !errors.Is(err, ErrClosed) {
			t.Errorf("Send on a closed connection = %v, want %v", err, ErrClosed)
		}
		if err := c.Flush(t.Context()); err != nil && !errors.Is(err, ErrClosed) {
			t.Errorf("Flush of a closed connection = %v, want %v", err, ErrClosed)
		}
	})
}

// port is a virtio port: at its end while no host has it open.
type port struct {
	net.Conn
	mu   sync.Mutex
	open bool
}

func (p *port) Read(b []byte) (int, error) {
	p.mu.Lock()
	open := p.open
	p.mu.Unlock()
	if !open {
		return 0, io.EOF
	}
	return p.Conn.Read(b)
}

func TestPersistent(t *testing.T) {
	bubble(t, "port", func(t *testing.T) {
		guest, host := net.Pipe()
		p := &port{Conn: guest}
		c := New(p, Config{Persistent: true})
		defer c.Close()
		go func() {
			time.Sleep(time.Hour)
			p.mu.Lock()
			p.open = true
			p.mu.Unlock()
			write(t, host, mustFrame(t, ping(6), Version2))
		}()
		began := time.Now()
		m := receive(t, c)
		if took := time.Since(began); m.ID != 6 || took > time.Hour+lastRetry {
			t.Errorf("message %d after %v, want 6 after an hour", m.ID, took)
		}
		p.mu.Lock()
		p.open = false
		p.mu.Unlock()
	})
}

// TestVersions has replies go out as the requests came in.
func TestVersions(t *testing.T) {
	bubble(t, "auto", func(t *testing.T) {
		c, host := connect(t, Config{})
		if got := c.Version(); got != Version1 {
			t.Errorf("version %d before the first frame, want 1", got)
		}
		one, two := ping(1), ping(2)
		write(t, host, mustFrame(t, one, Version1), mustFrame(t, two, Version2))
		pong := &idmpb.Response{Response: &idmpb.PingResponse{}}
		for range 2 {
			defer func(m Message) {
				if err := c.Send(m.Reply(pong)); err != nil {
					t.Errorf("Send: %v", err)
				}
				want := mustFrame(t, m.Reply(pong), m.Version)
				expect(t, host, want)
			}(receive(t, c))
		}
		if got := c.Version(); got != Version2 {
			t.Errorf("version %d after a frame of version 2", got)
		}
		if err := c.Send(ExitEvent(3)); err != nil {
			t.Error(err)
		}
		expect(t, host, mustFrame(t, ExitEvent(3), Version2))
	})
	bubble(t, "fixed", func(t *testing.T) {
		c, host := connect(t, Config{Version: Version1})
		if err := c.Send(ExtensionEvent(&idmpb.OomEvent{})); !errors.Is(err, ErrNotAsked) {
			t.Errorf("Send of the extension = %v, want %v", err, ErrNotAsked)
		}
		event := ExitEvent(3)
		event.Version = Version2
		if err := c.Send(event); err != nil {
			t.Error(err)
		}
		expect(t, host, mustFrame(t, event, Version1))
	})
}

// expect reads want at the host.
func expect(t *testing.T, host io.Reader, want []byte) {
	t.Helper()
	got := make([]byte, len(want))
	if _, err := io.ReadFull(host, got); err != nil || !bytes.Equal(got, want) {
		t.Errorf("host reads % x, %v, want % x", got, err, want)
	}
}

func TestExtensionOnlyWhereAsked(t *testing.T) {
	bubble(t, "guest", func(t *testing.T) {
		c, host := connect(t, Config{})
		event := ExtensionEvent(&idmpb.OomEvent{Kills: 1})
		write(t, host, mustFrame(t, ping(1), Version2))
		receive(t, c)
		if err := c.Send(event); !errors.Is(err, ErrNotAsked) {
			t.Errorf("Send before the host has asked = %v, want %v", err, ErrNotAsked)
		}
		watch := Message{ID: 1, Channel: ExtensionChannel, Form: FormRequest, Body: &idmpb.ExtensionRequest{Request: &idmpb.WatchRequest{}}}
		write(t, host, mustFrame(t, watch, Version2))
		receive(t, c)
		if err := c.Send(event); err != nil {
			t.Errorf("Send after the host has asked: %v", err)
		}
		expect(t, host, mustFrame(t, event, Version2))
	})
	bubble(t, "host", func(t *testing.T) {
		guest, host := net.Pipe()
		c := New(host, Config{Host: true, Version: Version2})
		defer c.Close()
		watch := Message{Channel: ExtensionChannel, Form: FormRequest, Body: &idmpb.ExtensionRequest{Request: &idmpb.WatchRequest{}}}
		if err := c.Send(watch); err != nil {
			t.Error(err)
		}
		expect(t, guest, mustFrame(t, watch, Version2))
	})
}

// TestQueue has a host that does not read.
func TestQueue(t *testing.T) {
	reply := ping(1).Reply(&idmpb.Response{Response: &idmpb.PingResponse{}})
	late := ping(2).Reply(&idmpb.Response{Response: &idmpb.PingResponse{}}) // takes the oldest one's place
	size := len(mustFrame(t, reply, Version2))
	for _, tt := range []struct {
		name   string
		config Config
		room   int // for replies; one more is being written
	}{
		{"frames", Config{Version: Version2, QueueFrames: 10}, 10},
		{"bytes", Config{Version: Version2, QueueBytes: 10*size + 1}, 10},
	} {
		bubble(t, tt.name, func(t *testing.T) {
			c, host := connect(t, tt.config)
			fillQueue(t, c, reply, tt.room+1)
			for range 5 {
				if err := c.Send(late); err != nil {
					t.Errorf("Send to a full queue: %v", err)
				}
			}
			for range 1000 {
				if err := c.Send(ExitEvent(9)); err != nil {
					t.Fatalf("Send of an event to a full queue: %v", err)
				}
			}
			if got := c.Stats(); got.RepliesDropped != 5 || got.EventsDropped != 0 {
				t.Errorf("%+v, want 5 replies dropped", got)
			}
			expect(t, host, mustFrame(t, reply, Version2))
			expect(t, host, bytes.Repeat(mustFrame(t, ExitEvent(9), Version2), 1000))
			expect(t, host, bytes.Repeat(mustFrame(t, reply, Version2), tt.room-5))
			expect(t, host, bytes.Repeat(mustFrame(t, late, Version2), 5))
			if err := c.Flush(t.Context()); err != nil {
				t.Errorf("Flush: %v", err)
			}
			if got := c.Stats(); got.Sent != uint64(1001+tt.room) {
				t.Errorf("%+v, want %d sent", got, 1001+tt.room)
			}
		})
	}
}

// TestQueueOfStreams: pieces of a stream, which were waited with, make no room for
// a reply.
func TestQueueOfStreams(t *testing.T) {
	bubble(t, "full", func(t *testing.T) {
		c, host := connect(t, Config{Version: Version2, QueueFrames: 2})
		piece := stdin(1, []byte("data"))
		for range 3 {
			if err := c.SendWait(t.Context(), piece); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		reply := ping(1).Reply(&idmpb.Response{Response: &idmpb.PingResponse{}})
		if err := c.Send(reply); !errors.Is(err, ErrQueueFull) {
			t.Errorf("Send to a full queue = %v, want %v", err, ErrQueueFull)
		}
		if got := c.Stats(); got.RepliesDropped != 1 {
			t.Errorf("%+v, want one reply dropped", got)
		}
		expect(t, host, bytes.Repeat(mustFrame(t, piece, Version2), 3))
	})
}

// fillQueue sends m n times, of which the first is taken from the queue.
func fillQueue(t *testing.T, c *Conn, m Message, n int) {
	t.Helper()
	for range n {
		if err := c.Send(m); err != nil {
			t.Fatalf("Send: %v", err)
		}
		synctest.Wait()
	}
}

func TestQueueOfEvents(t *testing.T) {
	bubble(t, "oom", func(t *testing.T) {
		c, host := connect(t, Config{})
		watch := Message{Channel: ExtensionChannel, Form: FormRequest, Body: &idmpb.ExtensionRequest{Request: &idmpb.WatchRequest{}}}
		write(t, host, mustFrame(t, watch, Version2))
		receive(t, c)
		fillQueue(t, c, ExtensionEvent(&idmpb.OomEvent{}), eventFrames+1)
		if err := c.Send(ExtensionEvent(&idmpb.OomEvent{})); !errors.Is(err, ErrQueueFull) {
			t.Errorf("Send of one event too many = %v, want %v", err, ErrQueueFull)
		}
		if err := c.Send(ExitEvent(1)); err != nil {
			t.Errorf("Send of the exit event: %v", err)
		}
		if got := c.Stats(); got.EventsDropped != 1 {
			t.Errorf("%+v, want one event dropped", got)
		}
	})
}

func TestSendWait(t *testing.T) {
	bubble(t, "room", func(t *testing.T) {
		c, host := connect(t, Config{Version: Version2, QueueFrames: 1})
		m := stdin(1, []byte("data"))
		fillQueue(t, c, m, 2)
		go func() {
			time.Sleep(time.Minute)
			expect(t, host, bytes.Repeat(mustFrame(t, m, Version2), 3))
		}()
		began := time.Now()
		if err := c.SendWait(t.Context(), m); err != nil || time.Since(began) != time.Minute {
			t.Errorf("SendWait = %v after %v, want nil after a minute", err, time.Since(began))
		}
		if err := c.Flush(t.Context()); err != nil {
			t.Errorf("Flush: %v", err)
		}
	})
	bubble(t, "none", func(t *testing.T) {
		c, _ := connect(t, Config{Version: Version2, QueueFrames: 1})
		m := stdin(1, []byte("data"))
		fillQueue(t, c, m, 2)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := c.SendWait(ctx, m); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("SendWait = %v, want %v", err, context.DeadlineExceeded)
		}
		if err := c.Flush(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Flush = %v, want %v", err, context.DeadlineExceeded)
		}
		if diff := cmp.Diff("flush: 2 frames left: context deadline exceeded", c.Flush(ctx).Error()); diff != "" {
			t.Error(diff)
		}
	})
}

// broken is a device that takes nothing for a while.
type broken struct {
	net.Conn
	left int
}

var errBroken = errors.New("input/output error")

func (b *broken) Write(p []byte) (int, error) {
	if b.left--; b.left >= 0 {
		return 0, errBroken
	}
	return b.Conn.Write(p)
}

func TestDeadDevice(t *testing.T) {
	bubble(t, "write", func(t *testing.T) {
		guest, host := net.Pipe()
		c := New(&broken{Conn: guest, left: 2}, Config{})
		defer c.Close()
		for range 2 {
			if err := c.Send(ExitEvent(1)); err != nil {
				t.Errorf("Send: %v", err)
			}
		}
		if err := c.Flush(t.Context()); !errors.Is(err, errBroken) {
			t.Errorf("Flush = %v, want %v", err, errBroken)
		}
		if err := c.Send(ExitEvent(2)); err != nil {
			t.Errorf("Send: %v", err)
		}
		expect(t, host, mustFrame(t, ExitEvent(2), Version1))
		if err := c.Flush(t.Context()); err != nil {
			t.Errorf("Flush: %v", err)
		}
		if got, want := c.Stats(), (Stats{Sent: 1, Failed: 2}); got != want {
			t.Errorf("%+v, want %+v", got, want)
		}
	})
}

// TestPingFlood has a host ask and ask and never read an answer.
func TestPingFlood(t *testing.T) {
	bubble(t, "pings", func(t *testing.T) {
		const pings = 100_000
		c, host := connect(t, Config{})
		go func() {
			batch := bytes.Repeat(mustFrame(t, ping(1), Version2), 100)
			for range pings / 100 {
				if _, err := host.Write(batch); err != nil {
					t.Errorf("host writes: %v", err)
				}
			}
		}()
		pong := &idmpb.Response{Response: &idmpb.PingResponse{}}
		for range pings {
			if err := c.Send(receive(t, c).Reply(pong)); err != nil && !errors.Is(err, ErrQueueFull) {
				t.Fatalf("Send: %v", err)
			}
		}
		if n := len(c.queue.replies.frames); n > DefaultQueueFrames || cap(c.scanner.data) > keep {
			t.Errorf("%d replies wait, want at most %d; a buffer of %d bytes", n, DefaultQueueFrames, cap(c.scanner.data))
		}
		if got := c.Stats(); got.Frames != pings || got.RepliesDropped < pings-DefaultQueueFrames-1 {
			t.Errorf("%+v, want %d frames and all but %d replies dropped", got, pings, DefaultQueueFrames+1)
		}
		go func() {
			if err := c.Send(ExitEvent(4)); err != nil {
				t.Errorf("Send: %v", err)
			}
		}()
		synctest.Wait()
		one := mustFrame(t, ping(1).Reply(pong), Version2)
		expect(t, host, one)
		expect(t, host, mustFrame(t, ExitEvent(4), Version2))
		expect(t, host, bytes.Repeat(one, DefaultQueueFrames))
		write(t, host, mustFrame(t, ping(2), Version2))
		if m := receive(t, c); m.ID != 2 {
			t.Errorf("message %d, want 2", m.ID)
		}
	})
}

// TestManySmallParts has a host send what is large only once it is read.
func TestManySmallParts(t *testing.T) {
	bubble(t, "environment", func(t *testing.T) {
		c, host := connect(t, Config{})
		start := &idmpb.ExecStreamRequestStart{Environment: make([]*idmpb.ExecEnvVar, requestElements)}
		m := Message{ID: 1, Form: FormStreamRequest, Body: &idmpb.Request{
			Request: &idmpb.ExecStreamRequestUpdate{Update: start},
		}}
		write(t, host, mustFrame(t, m, Version2), mustFrame(t, ping(2), Version2))
		if m := receive(t, c); m.ID != 2 {
			t.Errorf("message %d, want 2: the first has too many parts", m.ID)
		}
	})
}
