package idm

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

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

// trickle writes b in pieces of size at intervals.
func trickle(t *testing.T, host io.Writer, b []byte, size int, interval time.Duration) {
	for len(b) > 0 {
		piece := b[:min(size, len(b))]
		b = b[len(piece):]
		if _, err := host.Write(piece); err != nil {
			t.Errorf("host writes: %v", err)
		}
		time.Sleep(interval)
	}
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
		frame := mustFrame(t, stdin(4, make([]byte, 256<<10)), Version2)
		go trickle(t, host, frame, 4<<10, DefaultSilence/2) // 16 KiB/s
		if m := receive(t, c); m.ID != 4 {
			t.Errorf("message %d, want 4", m.ID)
		}
		time.Sleep(DefaultSilence)
	})
	bubble(t, "a wrong length and no silence", func(t *testing.T) {
		c, host := connect(t, Config{})
		var all []byte
		for id := range uint64(40) {
			all = append(all, mustFrame(t, ping(id), Version2)...)
		}
		frame := len(all) / 40
		write(t, host, []byte(swallowing))
		synctest.Wait()
		go trickle(t, host, all, frame/2, DefaultSilence/2)
		const longest = pauses*DefaultSilence + 64<<10*time.Second/slowest
		began := time.Now()
		for id := range uint64(40) {
			if m := receive(t, c); m.ID != id {
				t.Fatalf("message %d, want %d", m.ID, id)
			}
			if took := time.Since(began); id == 0 && took > longest {
				t.Errorf("the first message after %v, want it within %v", took, longest)
			}
		}
		time.Sleep(DefaultSilence)
		if got := c.Stats(); got.Dropped != 1 || got.Skipped != uint64(len(swallowing)) {
			t.Errorf("%+v, want %d bytes passed over", got, len(swallowing))
		}
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
		hello := Message{ID: 2, Channel: ExtensionChannel, Form: FormRequest, Body: &idmpb.ExtensionRequest{Request: &idmpb.HelloRequest{}}}
		write(t, host, mustFrame(t, hello, Version2))
		if err := c.Send(receive(t, c).Reply(&idmpb.ExtensionResponse{Response: &idmpb.HelloResponse{}})); err != nil {
			t.Errorf("Send of the answer to hello: %v", err)
		}
		if err := c.Send(event); !errors.Is(err, ErrNotAsked) {
			t.Errorf("Send to a new host = %v, want %v", err, ErrNotAsked)
		}
		write(t, host, mustFrame(t, watch, Version2))
		receive(t, c)
		write(t, host, mustFrame(t, ping(3), Version1))
		receive(t, c)
		if err := c.Send(event); !errors.Is(err, ErrNotAsked) {
			t.Errorf("Send to a host of version 1 = %v, want %v", err, ErrNotAsked)
		}
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
		if c.scanner.work != 0 {
			t.Errorf("%d bytes of it were read in vain", c.scanner.work)
		}
	})
}
