package client

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kguest/kguest/pkg/idm"
	"github.com/kguest/kguest/pkg/idm/idmpb"
)

// TestDial connects to a guest that hears nothing on its first connections.
func TestDial(t *testing.T) {
	const timeout = time.Minute
	gone := errors.New("gone")
	for _, tt := range []struct {
		name    string
		connect []error // of each connection; the last one answers
		timeout time.Duration
		want    error
		after   time.Duration
	}{
		{"answers", []error{nil}, timeout, nil, 0},
		{"refuses", []error{gone}, timeout, gone, 0},
		{"busy", []error{syscall.EAGAIN}, timeout, syscall.EAGAIN, 0},
		{"hears the second", []error{nil, nil}, timeout, nil, 3 * time.Second},
		{"hears the fourth", []error{nil, nil, nil, nil}, timeout, nil, 21 * time.Second},
		{"ends", []error{nil, nil, gone}, timeout, gone, 9 * time.Second},
		{"is busy with another", []error{nil, syscall.EAGAIN, syscall.EAGAIN, nil}, timeout, nil, 3200 * time.Millisecond},
		{"hears too late", []error{nil, nil, nil}, 8 * time.Second, ErrSilent, 8 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var serving sync.WaitGroup
				connections := 0
				connect := func(context.Context) (io.ReadWriteCloser, error) {
					err := tt.connect[connections]
					connections++
					if err != nil {
						return nil, err
					}
					near, far := net.Pipe()
					hears := connections == len(tt.connect)
					serving.Go(func() { pong(t, far, hears) })
					return near, nil
				}
				began := time.Now()
				c, err := Dial(t.Context(), tt.timeout, connect, Config{})
				if took := time.Since(began); !errors.Is(err, tt.want) || took != tt.after {
					t.Errorf("Dial = %v after %v, want %v after %v", err, took, tt.want, tt.after)
				}
				if usable := tt.want == nil || errors.Is(tt.want, ErrSilent); usable != (c != nil) {
					t.Errorf("Dial returns client %v beside %v", c, err)
				}
				if c != nil {
					if err := c.Close(); err != nil {
						t.Errorf("close: %v", err)
					}
				}
				serving.Wait()
			})
		})
	}
}

// pong is a guest, which answers pings where it hears.
func pong(t *testing.T, stream io.ReadWriteCloser, hears bool) {
	g := guest{idm.New(stream, idm.Config{}), t}
	defer g.Close()
	for {
		m, err := g.Receive(t.Context())
		if err != nil {
			return
		}
		if hears && m.Channel == idm.InternalChannel {
			g.send(m.Reply(&idmpb.Response{Response: new(idmpb.PingResponse)}))
		}
	}
}
