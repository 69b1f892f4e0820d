package idm

import (
	"fmt"

	"github.com/kguest/kguest/pkg/idm/idmpb"
)

// Version is that of the protocol.
type Version uint8

// The versions. Auto is that of the frame that was received last, Version1
// until there is one.
const (
	Auto     Version = 0
	Version1 Version = 1
	Version2 Version = 2
)

// The channels of version 2.
const (
	InternalChannel  uint64 = 0      // krata.idm.internal
	ExtensionChannel uint64 = 0x6b67 // kguest.idm: "kg"
)

// Form says what a message is: of which type its body is, and to what it
// belongs.
type Form int32

// The forms of version 2. A stream is opened by the host with
// FormStreamRequest and has one id for all of its messages. Closes have no body.
const (
	FormRaw                  = Form(idmpb.IdmTransportPacketFormRaw)
	FormEvent                = Form(idmpb.IdmTransportPacketFormEvent)
	FormRequest              = Form(idmpb.IdmTransportPacketFormRequest)
	FormResponse             = Form(idmpb.IdmTransportPacketFormResponse)
	FormStreamRequest        = Form(idmpb.IdmTransportPacketFormStreamRequest)
	FormStreamRequestUpdate  = Form(idmpb.IdmTransportPacketFormStreamRequestUpdate)
	FormStreamResponseUpdate = Form(idmpb.IdmTransportPacketFormStreamResponseUpdate)
	FormStreamRequestClosed  = Form(idmpb.IdmTransportPacketFormStreamRequestClosed)
	FormStreamResponseClosed = Form(idmpb.IdmTransportPacketFormStreamResponseClosed)
)

// Body is a message's content. On InternalChannel it is *idmpb.Event,
// *idmpb.Request or *idmpb.Response, on ExtensionChannel
// *idmpb.ExtensionEvent, *idmpb.ExtensionRequest or *idmpb.ExtensionResponse, by
// the form; otherwise Raw.
type Body interface {
	AppendTo(b []byte) []byte
}

// Raw is the body of a message of a channel that is not known here, and of
// FormRaw.
type Raw []byte

// AppendTo appends r to b.
func (r Raw) AppendTo(b []byte) []byte { return append(b, r...) }

// Message is what one frame carries, in the terms of version 2 whatever the
// frame's version is.
type Message struct {
	// ID is what a response has of its request. A version-1 event has none.
	ID      uint64
	Channel uint64
	Form    Form
	// Version is that of the frame. Auto in a message to send is that of the
	// connection; on ExtensionChannel it is Version2.
	Version Version
	// Body is nil where the form has none.
	Body Body
}

// ExitEvent tells the host the workload's exit code.
func ExitEvent(code int32) Message {
	return Message{Form: FormEvent, Body: &idmpb.Event{Event: &idmpb.ExitEvent{Code: code}}}
}

// ExtensionEvent tells a host that has asked for it what happened.
func ExtensionEvent(event idmpb.ExtensionEventOneof) Message {
	return Message{
		Channel: ExtensionChannel,
		Form:    FormEvent,
		Version: Version2,
		Body:    &idmpb.ExtensionEvent{Event: event},
	}
}

// Reply answers m: a request once, a stream as often as wanted.
func (m Message) Reply(body Body) Message {
	reply := Message{ID: m.ID, Channel: m.Channel, Form: FormResponse, Version: m.Version, Body: body}
	if m.Form != FormRequest {
		reply.Form = FormStreamResponseUpdate
	}
	return reply
}

// ReplyClosed ends the stream that m belongs to.
func (m Message) ReplyClosed() Message {
	return Message{ID: m.ID, Channel: m.Channel, Form: FormStreamResponseClosed, Version: m.Version}
}

// newBody returns an empty body for form on channel; nil where there is none.
func newBody(channel uint64, form Form) idmpb.Message {
	internal := channel == InternalChannel
	if !internal && channel != ExtensionChannel {
		return nil
	}
	switch form {
	case FormEvent:
		if internal {
			return new(idmpb.Event)
		}
		return new(idmpb.ExtensionEvent)
	case FormRequest, FormStreamRequest, FormStreamRequestUpdate:
		if internal {
			return new(idmpb.Request)
		}
		return new(idmpb.ExtensionRequest)
	case FormResponse, FormStreamResponseUpdate:
		if internal {
			return new(idmpb.Response)
		}
		return new(idmpb.ExtensionResponse)
	default:
		return nil
	}
}

// String names the form as the page of the package does.
func (f Form) String() string {
	names := [...]string{
		"unknown", "raw", "event", "request", "response", "stream request", "stream request update",
		"stream response update", "stream request closed", "stream response closed",
	}
	if f < 0 || int(f) >= len(names) {
		return fmt.Sprintf("form %d", int32(f))
	}
	return names[f]
}
