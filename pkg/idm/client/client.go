// Package client is the host's end of the IDM: it asks a guest how it is, runs
// commands in it, signals and stops it, moves files, and watches what happens.
//
// Calls may be made from any goroutine, many at once. What a call is sent and
// does not take (a command's output whose writer blocks, a Watch that is not
// asked for the next event) holds up the guest, as it should, and with it the
// other calls of the same connection.
package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"

	"github.com/kguest/kguest/pkg/idm"
	"github.com/kguest/kguest/pkg/idm/idmpb"
)

// Config is how a client behaves. The zero value speaks version 2.
type Config struct {
	// Version is Version2 for Auto. Version 1 has Ping, Metrics, and of Watch the
	// exit event.
	Version idm.Version
	// MaxFrame bounds a packet, in bytes; 0 means idm.MaxFrame.
	MaxFrame int
}

// Client is one connection to a guest.
type Client struct {
	conn    *idm.Conn
	version idm.Version
	running sync.WaitGroup
	closing chan struct{}
	closed  func() error // what Close does, once

	mu    sync.Mutex
	calls map[address]*call
	exit  *idm.Message // the guest's exit event, once it came
	last  uint64       // ID that was given out
	ended error        // why nothing comes any more
	done  chan struct{}
}

// address is what the messages of a call have in common. Events have none.
type address struct {
	channel, id uint64
}

// call is who waits for messages.
type call struct {
	address address
	events  bool
	in      chan idm.Message
	gone    chan struct{} // closed when nobody takes from in any more
}

// mailbox is how many messages may wait for a call.
const mailbox = 64

// New makes a client of stream, which belongs to it from then on. It ends with
// ctx, with Close, or with the stream.
func New(ctx context.Context, stream io.ReadWriteCloser, config Config) *Client {
	if config.Version == idm.Auto {
		config.Version = idm.Version2
	}
	c := &Client{
		conn:    idm.New(stream, idm.Config{Version: config.Version, Host: true, MaxFrame: config.MaxFrame}),
		version: config.Version,
		calls:   map[address]*call{},
		last:    rand.Uint64N(1 << 63), //nolint:gosec // G404: no secret; an earlier host's answers may still come
		done:    make(chan struct{}),
		closing: make(chan struct{}),
	}
	c.closed = sync.OnceValue(c.shut)
	c.running.Go(func() { c.read(ctx) })
	return c
}

// Close closes the stream; every call ends with an error.
func (c *Client) Close() error { return c.closed() }

func (c *Client) shut() error {
	close(c.closing)
	err := c.conn.Close()
	c.running.Wait()
	return err
}

// Stats returns what the connection did so far.
func (c *Client) Stats() idm.Stats { return c.conn.Stats() }

// read gives every message to its call.
func (c *Client) read(ctx context.Context) {
	for {
		m, err := c.conn.Receive(ctx)
		if err == nil {
			err = c.dispatch(ctx, m)
		}
		if err != nil {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.ended = err
			close(c.done)
			return
		}
	}
}

func (c *Client) dispatch(ctx context.Context, m idm.Message) error {
	for _, to := range c.recipients(m) {
		select {
		case to.in <- m:
		case <-to.gone:
		case <-c.closing:
			return idm.ErrClosed
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

func (c *Client) recipients(m idm.Message) []*call {
	c.mu.Lock()
	defer c.mu.Unlock()
	if m.Form != idm.FormEvent {
		if to, ok := c.calls[address{m.Channel, m.ID}]; ok {
			return []*call{to}
		}
		return nil
	}
	if m.Channel == idm.InternalChannel {
		c.exit = &m
	}
	var all []*call
	for _, to := range c.calls {
		if to.events {
			all = append(all, to)
		}
	}
	return all
}

// open makes a call, which must be closed.
func (c *Client) open(channel uint64, events bool) *call {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last++
	to := &call{
		address: address{channel, c.last},
		events:  events,
		in:      make(chan idm.Message, mailbox),
		gone:    make(chan struct{}),
	}
	if events && c.exit != nil {
		to.in <- *c.exit
	}
	c.calls[to.address] = to
	return to
}

func (c *Client) close(to *call) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.calls[to.address]; ok {
		delete(c.calls, to.address)
		close(to.gone)
	}
}

func (c *Client) send(ctx context.Context, to *call, form idm.Form, body idm.Body) error {
	return c.conn.SendWait(ctx, idm.Message{
		ID: to.address.id, Channel: to.address.channel, Form: form, Body: body,
	})
}

// next waits for what the guest says to the call.
func (c *Client) next(ctx context.Context, to *call) (idm.Message, error) {
	select {
	case m := <-to.in:
		return m, nil
	default:
	}
	select {
	case m := <-to.in:
		return m, nil
	case <-ctx.Done():
		return idm.Message{}, ctx.Err()
	case <-c.done:
		return idm.Message{}, c.end()
	}
}

func (c *Client) end() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if errors.Is(c.ended, io.EOF) {
		return errors.New("guest closed the connection")
	}
	return c.ended
}

// ask makes a request and returns its answer's body.
func (c *Client) ask(ctx context.Context, channel uint64, body idm.Body) (idm.Body, error) {
	to := c.open(channel, false)
	defer c.close(to)
	if err := c.send(ctx, to, idm.FormRequest, body); err != nil {
		return nil, err
	}
	m, err := c.next(ctx, to)
	return m.Body, err
}

// Ping asks whether the guest is there.
func (c *Client) Ping(ctx context.Context) error {
	body, err := c.ask(ctx, idm.InternalChannel, &idmpb.Request{Request: new(idmpb.PingRequest)})
	if err != nil {
		return fmt.Errorf("ping guest: %w", err)
	}
	if response, ok := body.(*idmpb.Response); ok {
		if _, ok := response.Response.(*idmpb.PingResponse); ok {
			return nil
		}
	}
	return fmt.Errorf("ping guest: %w", errAnswer(body))
}

// Metrics asks for the metrics tree, whose root is not nil.
func (c *Client) Metrics(ctx context.Context) (*idmpb.MetricNode, error) {
	body, err := c.ask(ctx, idm.InternalChannel, &idmpb.Request{Request: new(idmpb.MetricsRequest)})
	if err != nil {
		return nil, fmt.Errorf("ask for metrics: %w", err)
	}
	if response, ok := body.(*idmpb.Response); ok {
		if metrics, ok := response.Response.(*idmpb.MetricsResponse); ok && metrics.Root != nil {
			return metrics.Root, nil
		}
	}
	return nil, fmt.Errorf("ask for metrics: %w", errAnswer(body))
}

func errAnswer(body idm.Body) error {
	return fmt.Errorf("the guest's answer, %d bytes of %T, is none to that", len(appended(body)), body)
}

func appended(body idm.Body) []byte {
	if body == nil {
		return nil
	}
	return body.AppendTo(nil)
}
