package agent

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/kguest/kguest/pkg/idm"
	"github.com/kguest/kguest/pkg/idm/idmpb"
	"github.com/kguest/kguest/pkg/metrics"
)

// fullTree has each kind of value and each format.
func fullTree() *metrics.Node {
	return &metrics.Node{Name: "guest", Children: []*metrics.Node{
		{Name: "none"},
		{Name: "bytes", Value: metrics.Value{Kind: metrics.Number, Number: 1 << 52}, Format: metrics.Bytes},
		{Name: "integer", Value: metrics.Value{Kind: metrics.Number, Number: -1}, Format: metrics.Integer},
		{Name: "zero", Value: metrics.Value{Kind: metrics.Number}, Format: metrics.Duration},
		{Name: "infinite", Value: metrics.Value{Kind: metrics.Number, Number: math.Inf(1)}, Format: metrics.Duration},
		{Name: "text", Value: metrics.Value{Kind: metrics.Text, Text: "ä\n"}},
		{Name: "empty text", Value: metrics.Value{Kind: metrics.Text}},
		{Name: "list", Value: metrics.Value{Kind: metrics.List, Text: "a\x00\x00c"}},
		{Name: "", Children: []*metrics.Node{{Name: "deep", Children: []*metrics.Node{{Name: "deeper"}}}}},
	}}
}

// fromWire is the other way round, told only by the wire's own page.
func fromWire(t *testing.T, n *idmpb.MetricNode) *metrics.Node {
	t.Helper()
	node := &metrics.Node{Name: n.Name}
	switch n.Format {
	case idmpb.MetricFormatUnknown:
	case idmpb.MetricFormatBytes:
		node.Format = metrics.Bytes
	case idmpb.MetricFormatInteger:
		node.Format = metrics.Integer
	case idmpb.MetricFormatDurationSeconds:
		node.Format = metrics.Duration
	default:
		t.Errorf("%s: format %d", n.Name, n.Format)
	}
	if n.Value != nil {
		switch kind := n.Value.Kind.(type) {
		case idmpb.ValueNumberValue:
			node.Value = metrics.Value{Kind: metrics.Number, Number: float64(kind)}
		case idmpb.ValueStringValue:
			node.Value = metrics.Value{Kind: metrics.Text, Text: string(kind)}
		case *idmpb.ListValue:
			var list []string
			for _, v := range kind.Values {
				text, ok := v.Kind.(idmpb.ValueStringValue)
				if !ok {
					t.Errorf("%s: a value of the list is %T", n.Name, v.Kind)
				}
				list = append(list, string(text))
			}
			node.Value = metrics.Value{Kind: metrics.List, Text: strings.Join(list, "\x00")}
		default:
			t.Errorf("%s: value %T", n.Name, kind)
		}
	}
	for _, child := range n.Children {
		node.Children = append(node.Children, fromWire(t, child))
	}
	return node
}

func metricsOf(t *testing.T, body idm.Body) *metrics.Node {
	t.Helper()
	r, ok := body.(*idmpb.Response)
	if !ok {
		t.Fatalf("answer = %T", body)
	}
	m, ok := r.Response.(*idmpb.MetricsResponse)
	if !ok || m.Root == nil {
		t.Fatalf("answer = %T", r.Response)
	}
	return fromWire(t, m.Root)
}

func TestMetrics(t *testing.T) {
	for _, version := range []idm.Version{idm.Version1, idm.Version2} {
		for _, line := range lines {
			t.Run(fmt.Sprint("version ", version, " ", line.name), func(t *testing.T) {
				noLeaks(t)
				end, guestEnd := line.open(t)
				h := startAgent(t, &fakeGuest{tree: fullTree()}, guestEnd)
				h.connect(t, end, version)
				h.ping(t)
				got := metricsOf(t, h.ask(t, idm.InternalChannel, &idmpb.Request{Request: &idmpb.MetricsRequest{}}))
				if diff := cmp.Diff(fullTree(), got); diff != "" {
					t.Errorf("metrics (-want +got):\n%s", diff)
				}
			})
		}
	}
}

// TestMetricsOfMachine: what is collected of this machine comes over as it is.
func TestMetricsOfMachine(t *testing.T) {
	tree, _ := metrics.Config{Proc: "/proc", Sys: "/sys"}.Collect()
	h := newHost(t, &fakeGuest{tree: tree})
	got := metricsOf(t, h.ask(t, idm.InternalChannel, &idmpb.Request{Request: &idmpb.MetricsRequest{}}))
	if diff := cmp.Diff(tree, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("metrics (-want +got):\n%s", diff)
	}
}

// TestMetricsWait: a collection that waits holds up nothing but metrics, and
// what is asked meanwhile is answered by one more.
func TestMetricsWait(t *testing.T) {
	begun, goOn := make(chan struct{}, 10), make(chan struct{})
	guest := &fakeGuest{tree: fullTree(), collect: func() { begun <- struct{}{}; <-goOn }}
	h := newHost(t, guest)
	request := idm.Message{ID: 1000, Form: idm.FormRequest, Body: &idmpb.Request{Request: &idmpb.MetricsRequest{}}}
	h.send(t, request)
	<-begun
	for range 2 * maxAsked {
		request.ID++
		h.send(t, request)
	}
	h.ping(t)
	if got, want := h.sh(t, "exit 3").outcome(t), (outcome{Code: 3}); got != want {
		t.Errorf("outcome = %+v, want %+v", got, want)
	}
	close(goOn)
	h.wait(t, "answers", func() bool {
		n := 0
		for key := range h.got {
			if key.id >= 1000 {
				n++
			}
		}
		return n == 1+maxAsked
	})
	h.guest.mu.Lock()
	defer h.guest.mu.Unlock()
	if h.guest.trees != 2 {
		t.Errorf("collections = %d, want 2", h.guest.trees)
	}
}
