// Package relay lets several hosts talk to one guest at once. Towards the guest
// they are one host; each of them is answered as if it were alone, in the version
// of the protocol that it speaks.
package relay

import (
	"context"
	"errors"
	"io"
	"sync"

	"github.com/kguest/kguest/pkg/idm"
	"github.com/kguest/kguest/pkg/idm/idmpb"
)

// Relay is the one connection to the guest.
type Relay struct {
	guest *idm.Conn
	most  int // bytes that are kept for a host

	mu     sync.Mutex
	last   uint64 // ID that was given out
	routes map[address]*route
	hosts  map[*host]bool
}

// address is what the messages of a call have in common, on one connection.
type address struct{ channel, id uint64 }

// route leads the guest's messages of a call back to the host that made it.
type route struct {
	host    *host
	id      uint64 // in the host's eyes
	version idm.Version
	stream  bool
	closed  bool // by the host
	held    bool // by the host, which has the guest pause
	full    bool // until the host has read more the guest pauses
}

// New makes a relay to the guest on stream, which belongs to it from then on.
func New(stream io.ReadWriteCloser) *Relay {
	return &Relay{
		guest:  idm.New(stream, idm.Config{Version: idm.Version2, Host: true}),
		most:   waitingBytes,
		routes: map[address]*route{},
		hosts:  map[*host]bool{},
	}
}

// Run passes on what the guest says until its stream ends, whose error it
// returns: io.EOF where the guest is gone. Then the hosts' connections are closed,
// each when its host has taken what there is for it, or takes nothing any more;
// soon where ctx is done.
func (r *Relay) Run(ctx context.Context) error {
	for {
		m, err := r.guest.Receive(ctx)
		if err != nil {
			r.closeHosts(ctx)
			return errors.Join(err, r.guest.Close())
		}
		r.deliver(m)
	}
}

func (r *Relay) closeHosts(ctx context.Context) {
	if ctx.Err() != nil {
		late, cancel := context.WithTimeout(context.WithoutCancel(ctx), killedWords)
		defer cancel()
		ctx = late
	}
	r.mu.Lock()
	hosts := r.hosts
	r.hosts = nil
	r.mu.Unlock()
	var all sync.WaitGroup
	for h := range hosts {
		all.Go(func() { h.end(ctx) })
	}
	all.Wait()
}

// deliver passes on a message of the guest.
func (r *Relay) deliver(m idm.Message) {
	if m.Form == idm.FormEvent {
		m.Version = idm.Auto
		for _, h := range r.all() {
			_ = h.conn.Send(m) // one that does not read loses events; one that did not ask gets none
		}
		return
	}
	at := address{m.Channel, m.ID}
	to := r.find(m)
	if to == nil {
		return // its host has gone
	}
	m.ID, m.Version = to.id, to.version
	if m.Form != idm.FormStreamResponseUpdate {
		_ = to.host.conn.Send(m)
		return
	}
	switch err := to.host.conn.SendPiece(m); {
	case errors.Is(err, idm.ErrQueueFull):
		r.giveUp(at, to)
	case err == nil && to.host.conn.Waiting() > pauseBytes:
		r.pause(at, to)
	}
}

func (r *Relay) all() []*host {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []*host
	for h := range r.hosts {
		all = append(all, h)
	}
	return all
}

// find returns the route of a message of the guest, and forgets it where that
// is the last; nil where no host waits for it.
func (r *Relay) find(m idm.Message) *route {
	r.mu.Lock()
	defer r.mu.Unlock()
	at := address{m.Channel, m.ID}
	to := r.routes[at]
	if to == nil {
		return nil
	}
	if !to.stream || m.Form == idm.FormStreamResponseClosed {
		delete(r.routes, at)
		if to.stream && to.closed {
			delete(to.host.streams, address{m.Channel, to.id})
		}
	}
	if !r.hosts[to.host] {
		return nil
	}
	return to
}

// Serve serves the host on stream, which belongs to it, until the host has gone,
// the guest has, or ctx is done.
func (r *Relay) Serve(ctx context.Context, stream io.ReadWriteCloser) {
	h := newHost(stream, r.most)
	defer h.conn.Close() //nolint:errcheck // nothing is left to lose
	if !r.add(h) {
		return
	}
	defer r.remove(ctx, h)
	var resuming sync.WaitGroup
	defer resuming.Wait()
	over := make(chan struct{})
	defer close(over)
	resuming.Go(func() { r.resume(h, over) })
	for {
		m, err := h.conn.Receive(ctx)
		if err != nil {
			return
		}
		if isHello(m) {
			r.closeStreams(ctx, h, h.streams)
			_ = h.conn.Send(m.Reply(&idmpb.ExtensionResponse{Response: new(idmpb.HelloResponse)}))
			continue
		}
		if m.Form == idm.FormStreamRequest {
			r.makeRoom(ctx, h, address{m.Channel, m.ID})
		}
		if m, ok := r.register(h, m); ok {
			if err := r.guest.SendWait(ctx, m); errors.Is(err, idm.ErrClosed) {
				return
			}
		}
	}
}

// isHello reports whether m asks for what only this host may lose here.
func isHello(m idm.Message) bool {
	request, ok := m.Body.(*idmpb.ExtensionRequest)
	if !ok || m.Form != idm.FormRequest {
		return false
	}
	_, ok = request.Request.(*idmpb.HelloRequest)
	return ok
}

// add makes h one of the hosts; false where the guest has gone.
func (r *Relay) add(h *host) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.hosts == nil {
		return false
	}
	r.hosts[h] = true
	return true
}

// register returns a message of h as the guest is to get it; false where it
// belongs to nothing.
func (r *Relay) register(h *host, m idm.Message) (idm.Message, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	theirs := address{m.Channel, m.ID}
	switch m.Form {
	case idm.FormRequest, idm.FormStreamRequest:
		m.Body = r.translate(h, m.Body)
		r.last++
		at := address{m.Channel, r.last}
		to := &route{host: h, id: m.ID, version: m.Version, stream: m.Form == idm.FormStreamRequest}
		r.routes[at] = to
		if to.stream {
			h.streams[theirs] = at
		}
		m.ID = at.id
	case idm.FormStreamRequestUpdate, idm.FormStreamRequestClosed:
		at, ok := h.streams[theirs]
		if !ok {
			return m, false
		}
		if m.Form == idm.FormStreamRequestClosed {
			r.closing(h, theirs)
		}
		m.ID = at.id
	default:
		return m, false
	}
	m.Version = idm.Version2
	return m, true
}

// closing records that h has closed its stream.
func (r *Relay) closing(h *host, theirs address) {
	at := h.streams[theirs]
	if to := r.routes[at]; to != nil {
		to.closed = true // until the guest's own close
		return
	}
	delete(h.streams, theirs)
}

// makeRoom ends the stream that h has open under the number it gives to another,
// as the guest does with a host of its own.
func (r *Relay) makeRoom(ctx context.Context, h *host, theirs address) {
	r.mu.Lock()
	at, ok := h.streams[theirs]
	r.mu.Unlock()
	if ok {
		r.closeStreams(ctx, h, map[address]address{theirs: at})
	}
}

// closeStreams closes these of h's streams, as a host does that goes.
func (r *Relay) closeStreams(ctx context.Context, h *host, streams map[address]address) {
	r.mu.Lock()
	var open []address
	for theirs, at := range streams {
		if to := r.routes[at]; to != nil && !to.closed {
			open = append(open, at)
		}
		delete(r.routes, at)
		delete(h.streams, theirs)
	}
	r.mu.Unlock()
	for _, at := range open {
		_ = r.guest.SendWait(ctx, idm.Message{ // a guest that has gone has nothing open
			ID: at.id, Channel: at.channel, Form: idm.FormStreamRequestClosed, Version: idm.Version2,
		})
	}
}

// remove forgets h and what it had under way.
func (r *Relay) remove(ctx context.Context, h *host) {
	r.mu.Lock()
	delete(r.hosts, h)
	r.mu.Unlock()
	r.closeStreams(context.WithoutCancel(ctx), h, h.streams)
	r.mu.Lock()
	defer r.mu.Unlock()
	for at, to := range r.routes {
		if to.host == h {
			delete(r.routes, at)
		}
	}
}
