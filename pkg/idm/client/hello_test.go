package client

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kguest/kguest/pkg/idm"
	"github.com/kguest/kguest/pkg/idm/idmpb"
)

// TestHello: an answer counts whenever it comes, and from whomever.
func TestHello(t *testing.T) {
	pong := func(g guest, m idm.Message) {
		if m.Channel == idm.InternalChannel {
			g.send(m.Reply(&idmpb.Response{Response: new(idmpb.PingResponse)}))
		}
	}
	for _, tt := range []struct {
		name    string
		version idm.Version
		late    time.Duration
		answer  func(g guest, m idm.Message)
		asked   int // messages until the answer
	}{
		{"kguest", idm.Version2, 0, func(g guest, m idm.Message) {
			if m.Channel == idm.ExtensionChannel {
				g.extension(m, new(idmpb.HelloResponse))
			}
		}, 2},
		{"an older kguest", idm.Version2, 0, func(g guest, m idm.Message) {
			if m.Channel == idm.ExtensionChannel {
				g.send(m.Reply(&idmpb.ExtensionResponse{Error: &idmpb.ExtensionError{Message: "what?"}}))
			}
		}, 2},
		{"another guest", idm.Version2, 0, pong, 2},
		{"late", idm.Version2, 3500 * time.Millisecond, pong, 8},
		{"version 1", idm.Version1, 0, pong, 1},
		{"version 1, late", idm.Version1, 2500 * time.Millisecond, pong, 3},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var mu sync.Mutex
			var asked int
			serve := func(g guest, m idm.Message) {
				mu.Lock()
				asked++
				mu.Unlock()
				time.AfterFunc(tt.late, func() { tt.answer(g, m) })
			}
			connect(t, Config{Version: tt.version}, serve, func(t *testing.T, c *Client) {
				began := time.Now()
				if err := c.Hello(t.Context()); err != nil || time.Since(began) != tt.late {
					t.Errorf("Hello() = %v after %v, want nil after %v", err, time.Since(began), tt.late)
				}
				time.Sleep(time.Minute) // the other answers come, and find nobody
				mu.Lock()
				defer mu.Unlock()
				if asked != tt.asked {
					t.Errorf("asked %d times, want %d", asked, tt.asked)
				}
			})
		})
	}
}

func TestHelloNoAnswer(t *testing.T) {
	connect(t, Config{}, func(guest, idm.Message) {}, func(t *testing.T, c *Client) {
		ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
		defer cancel()
		if err := c.Hello(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Hello() = %v, want %v", err, context.DeadlineExceeded)
		}
		if len(c.calls) != 0 {
			t.Errorf("%d calls left", len(c.calls))
		}
	})
}

// TestStreamClosedAtLast: a client that gives a command up and closes its
// connection has told the guest.
func TestStreamClosedAtLast(t *testing.T) {
	connect(t, Config{}, func(guest, idm.Message) {}, func(t *testing.T, c *Client) {
		ctx, cancel := context.WithCancel(t.Context())
		p, err := c.Exec(ctx, Command{Args: []string{"yes"}})
		if err != nil {
			t.Fatal(err)
		}
		cancel()
		synctest.Wait()
		before := c.Stats().Sent
		if _, err := p.Wait(); !errors.Is(err, context.Canceled) {
			t.Errorf("Wait() = %v, want %v", err, context.Canceled)
		}
		if sent := c.Stats().Sent; sent != before+1 {
			t.Errorf("%d frames are sent, want one more than %d", sent, before)
		}
	})
}
