package relay

import (
	"fmt"
	"syscall"

	"github.com/kguest/kguest/pkg/idm"
	"github.com/kguest/kguest/pkg/idm/idmpb"
)

// pause has the guest say nothing on the stream at, until the host has read more.
func (r *Relay) pause(at address, to *route) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if to.full || to.closed {
		return
	}
	to.full = true
	r.askPause(at, false)
	to.host.line.stir() // it may have read all meanwhile
}

// resume has the guest go on with the streams that wait for h to read, whenever it
// has, until over.
func (r *Relay) resume(h *host, over <-chan struct{}) {
	for {
		select {
		case <-h.line.moved:
		case <-over:
			return
		}
		if h.conn.Waiting() > resumeBytes {
			continue
		}
		r.mu.Lock()
		for _, at := range h.streams {
			if to := r.routes[at]; to != nil && to.full {
				to.full = false
				r.askPause(at, !to.held)
			}
		}
		r.mu.Unlock()
	}
}

// askPause asks the guest, and not for an answer. It does not wait: the guest may
// not read before it is read. r.mu is held.
func (r *Relay) askPause(at address, resume bool) {
	r.last++
	_ = r.guest.Send(idm.Message{ // a guest that has gone says nothing more
		ID: r.last, Channel: idm.ExtensionChannel, Form: idm.FormRequest, Version: idm.Version2,
		Body: &idmpb.ExtensionRequest{Request: &idmpb.PauseRequest{Channel: at.channel, Id: at.id, Resume: resume}},
	})
}

// translate returns body, a request of h, as the guest is to get it: what h asks to
// pause has another number there, and goes on when both have asked for it. r.mu is
// held.
func (r *Relay) translate(h *host, body idm.Body) idm.Body {
	request, ok := body.(*idmpb.ExtensionRequest)
	if !ok {
		return body
	}
	pause, ok := request.Request.(*idmpb.PauseRequest)
	if !ok {
		return body
	}
	at := h.streams[address{pause.Channel, pause.Id}] // none is number 0, which is not given out
	resume := pause.Resume
	if to := r.routes[at]; to != nil {
		to.held = !pause.Resume
		resume = resume && !to.full
	}
	return &idmpb.ExtensionRequest{Request: &idmpb.PauseRequest{Channel: at.channel, Id: at.id, Resume: resume}}
}

// giveUp ends the stream at, of which the host has left too much unread.
func (r *Relay) giveUp(at address, to *route) {
	theirs := address{at.channel, to.id}
	r.mu.Lock()
	delete(r.routes, at)
	if to.host.streams[theirs] == at {
		delete(to.host.streams, theirs)
	}
	r.mu.Unlock()
	_ = r.guest.Send(idm.Message{ // one that has gone has nothing open
		ID: at.id, Channel: at.channel, Form: idm.FormStreamRequestClosed, Version: idm.Version2,
	})
	m := idm.Message{ID: to.id, Channel: at.channel, Version: to.version}
	_ = to.host.conn.Send(m.Reply(refusal(at.channel, r.most))) // a host that reads nothing hears nothing
	_ = to.host.conn.Send(m.ReplyClosed())
}

// refusal says why a stream was given up.
func refusal(channel uint64, most int) idm.Body {
	why := fmt.Sprintf("%v: %d MiB of output were left unread, and the guest does not know how to pause: read it as it comes, or write it to a file",
		syscall.ENOBUFS, most>>20)
	if channel == idm.InternalChannel {
		const notWaitedFor = 125
		return &idmpb.Response{Response: &idmpb.ExecStreamResponseUpdate{Exited: true, Error: why, ExitCode: notWaitedFor}}
	}
	return &idmpb.ExtensionResponse{Error: &idmpb.ExtensionError{Message: why, Errno: uint32(syscall.ENOBUFS)}}
}
