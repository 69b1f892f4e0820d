package agent

import (
	"github.com/kguest/kguest/pkg/idm/idmpb"
	"github.com/kguest/kguest/pkg/metrics"
)

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
		for _, text := range v.List {
			list.Values = append(list.Values, &idmpb.Value{Kind: idmpb.ValueStringValue(text)})
		}
		return &idmpb.Value{Kind: list}
	case metrics.None:
	}
	return nil
}
