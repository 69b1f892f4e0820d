package idm

import (
	"fmt"

	"github.com/kguest/kguest/pkg/idm/idmpb"
)

// packet1 says m in version 1, or ErrVersion.
func packet1(m Message) (*idmpb.IdmPacket, error) {
	packet := new(idmpb.IdmPacket)
	if m.Channel != InternalChannel {
		return nil, fmt.Errorf("%w: %v on channel %d", ErrVersion, m.Form, m.Channel)
	}
	switch body := m.Body.(type) {
	case *idmpb.Event:
		if exit, ok := body.Event.(*idmpb.ExitEvent); ok && m.Form == FormEvent {
			packet.Content = &idmpb.IdmEvent{Event: &idmpb.IdmExitEvent{Code: exit.Code}}
		}
	case *idmpb.Request:
		if request := request1(m.ID, body); request != nil && m.Form == FormRequest {
			packet.Content = request
		}
	case *idmpb.Response:
		if response := response1(m.ID, body); response != nil && m.Form == FormResponse {
			packet.Content = response
		}
	}
	if packet.Content == nil {
		return nil, fmt.Errorf("%w: %v", ErrVersion, m.Form)
	}
	return packet, nil
}

func request1(id uint64, body *idmpb.Request) *idmpb.IdmRequest {
	switch body.Request.(type) {
	case *idmpb.PingRequest:
		return &idmpb.IdmRequest{Id: id, Request: new(idmpb.IdmPingRequest)}
	case *idmpb.MetricsRequest:
		return &idmpb.IdmRequest{Id: id, Request: new(idmpb.IdmMetricsRequest)}
	default:
		return nil
	}
}

func response1(id uint64, body *idmpb.Response) *idmpb.IdmResponse {
	switch response := body.Response.(type) {
	case *idmpb.PingResponse:
		return &idmpb.IdmResponse{Id: id, Response: new(idmpb.IdmPingResponse)}
	case *idmpb.MetricsResponse:
		metrics := new(idmpb.IdmMetricsResponse)
		if response.Root != nil {
			metrics.Root = node1(response.Root)
		}
		return &idmpb.IdmResponse{Id: id, Response: metrics}
	default:
		return nil
	}
}

func node1(n *idmpb.MetricNode) *idmpb.IdmMetricNode {
	out := &idmpb.IdmMetricNode{Name: n.Name, Value: n.Value, Format: idmpb.IdmMetricFormat(n.Format)}
	for _, child := range n.Children {
		out.Children = append(out.Children, node1(child))
	}
	return out
}

// decode1 says a packet of version 1 in the terms of version 2; false where it
// has no content, or one that is not known here.
func decode1(b []byte, elements int) (Message, bool, error) {
	var packet idmpb.IdmPacket
	if err := idmpb.Unmarshal(&packet, b, elements); err != nil {
		return Message{}, false, err
	}
	m := Message{Version: Version1}
	switch content := packet.Content.(type) {
	case *idmpb.IdmEvent:
		event := new(idmpb.Event)
		if exit, ok := content.Event.(*idmpb.IdmExitEvent); ok {
			event.Event = &idmpb.ExitEvent{Code: exit.Code}
		}
		m.Form, m.Body = FormEvent, event
	case *idmpb.IdmRequest:
		m.ID, m.Form, m.Body = content.Id, FormRequest, request2(content)
	case *idmpb.IdmResponse:
		m.ID, m.Form, m.Body = content.Id, FormResponse, response2(content)
	default:
		return Message{}, false, nil
	}
	return m, true, nil
}

func request2(r *idmpb.IdmRequest) *idmpb.Request {
	switch r.Request.(type) {
	case *idmpb.IdmPingRequest:
		return &idmpb.Request{Request: new(idmpb.PingRequest)}
	case *idmpb.IdmMetricsRequest:
		return &idmpb.Request{Request: new(idmpb.MetricsRequest)}
	default:
		return new(idmpb.Request)
	}
}

func response2(r *idmpb.IdmResponse) *idmpb.Response {
	switch response := r.Response.(type) {
	case *idmpb.IdmPingResponse:
		return &idmpb.Response{Response: new(idmpb.PingResponse)}
	case *idmpb.IdmMetricsResponse:
		metrics := new(idmpb.MetricsResponse)
		if response.Root != nil {
			metrics.Root = node2(response.Root)
		}
		return &idmpb.Response{Response: metrics}
	default:
		return new(idmpb.Response)
	}
}

func node2(n *idmpb.IdmMetricNode) *idmpb.MetricNode {
	out := &idmpb.MetricNode{Name: n.Name, Value: n.Value, Format: idmpb.MetricFormat(n.Format)}
	for _, child := range n.Children {
		out.Children = append(out.Children, node2(child))
	}
	return out
}
