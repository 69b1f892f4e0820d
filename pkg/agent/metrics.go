package agent

import (
	"github.com/kguest/kguest/pkg/idm"
	"github.com/kguest/kguest/pkg/idm/idmpb"
	"github.com/kguest/kguest/pkg/metrics"
)

// maxAsked bounds the requests for metrics that wait.
const maxAsked = 64

// askMetrics answers m beside Serve: collecting may wait for a device or for a
// lock of the workload's. What is asked meanwhile has one answer in common, so
// that a flood of requests costs no more than one after the other.
func (a *Agent) askMetrics(m idm.Message) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.asked) >= maxAsked {
		return
	}
	m.Body = nil
	a.asked = append(a.asked, m)
	if !a.collect {
		a.collect = true
		a.spawn(a.answerMetrics)
	}
}

func (a *Agent) answerMetrics() {
	for asked := a.takeAsked(); len(asked) > 0; asked = a.takeAsked() {
		reply := &idmpb.Response{Response: &idmpb.MetricsResponse{Root: wireNode(a.Guest.Metrics())}}
		for _, m := range asked {
			_ = a.Conn.Send(m.Reply(reply)) // a host that does not read its replies loses them
		}
	}
}

// takeAsked returns the requests that wait; where there is none, nobody answers
// any more.
func (a *Agent) takeAsked() []idm.Message {
	a.mu.Lock()
	defer a.mu.Unlock()
	asked := a.asked
	a.asked = nil
	a.collect = len(asked) > 0
	return asked
}

// wireNode is n as the wire has it.
func wireNode(n *metrics.Node) *idmpb.MetricNode {
	if n == nil {
		return nil
	}
	w := &idmpb.MetricNode{
		Name: n.Name, Value: wireValue(n.Value), Format: idmpb.MetricFormat(n.Format),
		Children: make([]*idmpb.MetricNode, 0, len(n.Children)),
	}
	for _, child := range n.Children {
		w.Children = append(w.Children, wireNode(child))
	}
	return w
}

func wireValue(v metrics.Value) *idmpb.Value {
	switch v.Kind {
	case metrics.Number:
		return &idmpb.Value{Kind: idmpb.ValueNumberValue(v.Number)}
	case metrics.Text:
		return &idmpb.Value{Kind: idmpb.ValueStringValue(v.Text)}
	case metrics.List:
		list := &idmpb.ListValue{}
		for _, text := range v.List() {
			list.Values = append(list.Values, &idmpb.Value{Kind: idmpb.ValueStringValue(text)})
		}
		return &idmpb.Value{Kind: list}
	case metrics.None:
	}
	return nil
}
