package idm

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kguest/kguest/pkg/idm/idmpb"
)

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

// TestQueueOfStreams: pieces of a stream, which were waited with, take no room of
// replies, and leave them little to stand behind.
func TestQueueOfStreams(t *testing.T) {
	piece := stdin(1, []byte("data"))
	frame := mustFrame(t, piece, Version2)
	for _, tt := range []struct {
		name   string
		config Config
	}{
		{"frames", Config{Version: Version2, QueueFrames: 2}},
		{"bytes", Config{Version: Version2, StreamBytes: 2*len(frame) + 1}},
	} {
		bubble(t, tt.name, func(t *testing.T) {
			c, host := connect(t, tt.config)
			fillWith(t, c, piece, 3)
			ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
			defer cancel()
			if err := c.SendWait(ctx, piece); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("SendWait to a full queue = %v, want %v", err, context.DeadlineExceeded)
			}
			reply := ping(1).Reply(&idmpb.Response{Response: &idmpb.PingResponse{}})
			if err := c.Send(reply); err != nil {
				t.Errorf("Send to a queue full of pieces: %v", err)
			}
			expect(t, host, bytes.Repeat(frame, 3))
			expect(t, host, mustFrame(t, reply, Version2))
		})
	}
}

// fillWith sends m n times and waits for room, of which the first is taken from
// the queue.
func fillWith(t *testing.T, c *Conn, m Message, n int) {
	t.Helper()
	for range n {
		if err := c.SendWait(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
	}
}

// TestForget: what was for an earlier host is dropped, but for events, and what
// was to be sent to it does not come after.
func TestForget(t *testing.T) {
	bubble(t, "forget", func(t *testing.T) {
		c, host := connect(t, Config{Version: Version2, StreamBytes: 1})
		piece := stdin(1, []byte("data"))
		reply := ping(1).Reply(&idmpb.Response{Response: &idmpb.PingResponse{}})
		fillWith(t, c, piece, 2) // the first is being written
		ctx, cancel := context.WithCancel(t.Context())
		waits := make(chan error, 1)
		go func() { waits <- c.SendWait(ctx, piece) }()
		fillQueue(t, c, reply, 3)
		if err := c.Send(ExitEvent(3)); err != nil {
			t.Error(err)
		}
		cancel()
		c.Forget()
		if err := <-waits; !errors.Is(err, context.Canceled) {
			t.Errorf("SendWait = %v, want %v", err, context.Canceled)
		}
		if err := c.SendWait(ctx, piece); !errors.Is(err, context.Canceled) {
			t.Errorf("SendWait with a context that has ended = %v, want %v", err, context.Canceled)
		}
		late := ping(2).Reply(&idmpb.Response{Response: &idmpb.PingResponse{}})
		if err := c.Send(late); err != nil {
			t.Error(err)
		}
		expect(t, host, mustFrame(t, piece, Version2))
		expect(t, host, mustFrame(t, ExitEvent(3), Version2))
		expect(t, host, mustFrame(t, late, Version2))
		if got := c.Stats(); got.RepliesDropped != 4 {
			t.Errorf("%+v, want 4 replies dropped", got)
		}
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
	bubble(t, "order", func(t *testing.T) {
		c, host := connect(t, Config{})
		watch := Message{ID: 7, Channel: ExtensionChannel, Form: FormRequest, Body: &idmpb.ExtensionRequest{Request: &idmpb.WatchRequest{}}}
		write(t, host, mustFrame(t, watch, Version2))
		asked := receive(t, c)
		pong := ping(1).Reply(&idmpb.Response{Response: &idmpb.PingResponse{}})
		fillQueue(t, c, pong, 2)
		answer := asked.Reply(&idmpb.ExtensionResponse{Response: &idmpb.WatchResponse{State: idmpb.BootStateReady}})
		for _, m := range []Message{answer, ExitEvent(1)} {
			if err := c.Send(m); err != nil {
				t.Error(err)
			}
		}
		for _, m := range []Message{pong, answer, ExitEvent(1), pong} { // the first was being written
			expect(t, host, mustFrame(t, m, Version2))
		}
	})
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
		fillWith(t, c, m, 2)
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
		fillWith(t, c, m, 2)
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
