package idm

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/kguest/kguest/pkg/hostcmd/verb"
	"github.com/kguest/kguest/pkg/idm/client"
	"github.com/kguest/kguest/pkg/idm/idmpb"
)

func printMetrics(c *call, f *verb.Flags) action {
	var asJSON bool
	f.Bool(&asJSON, "json", "as JSON; numbers are in their base unit")
	return func(ctx context.Context, args verb.Args) error {
		if err := args.Exactly(); err != nil {
			return err
		}
		return c.ask(ctx, c.openAny, func(ctx context.Context, guest *client.Client) error {
			root, err := guest.Metrics(ctx)
			if err != nil {
				return err
			}
			if asJSON {
				return writeJSON(c.Stdout, metricOf(root))
			}
			var b strings.Builder
			writeTree(&b, []metric{metricOf(root)}, "")
			_, err = io.WriteString(c.Stdout, b.String())
			return err
		})
	}
}

// metric is a node of the metrics tree as -json prints it.
type metric struct {
	Name     string   `json:"name"`
	Value    any      `json:"value,omitempty"`
	Unit     string   `json:"unit,omitempty"` // bytes, seconds; count for a whole number
	Children []metric `json:"children,omitempty"`
}

func metricOf(n *idmpb.MetricNode) metric {
	m := metric{Name: n.Name, Value: valueOf(n.Value), Unit: unitOf(n.Format)}
	for _, child := range n.Children {
		m.Children = append(m.Children, metricOf(child))
	}
	return m
}

func unitOf(f idmpb.MetricFormat) string {
	switch f {
	case idmpb.MetricFormatBytes:
		return "bytes"
	case idmpb.MetricFormatInteger:
		return "count"
	case idmpb.MetricFormatDurationSeconds:
		return "seconds"
	default:
		return ""
	}
}

// valueOf returns v as encoding/json knows it.
func valueOf(v *idmpb.Value) any {
	if v == nil {
		return nil
	}
	switch kind := v.Kind.(type) {
	case idmpb.ValueNumberValue:
		if f := float64(kind); math.IsNaN(f) || math.IsInf(f, 0) {
			return strconv.FormatFloat(f, 'g', -1, 64) // JSON has no such number
		}
		return float64(kind)
	case idmpb.ValueStringValue:
		return string(kind)
	case idmpb.ValueBoolValue:
		return bool(kind)
	case *idmpb.ListValue:
		list := make([]any, 0, len(kind.Values))
		for _, item := range kind.Values {
			list = append(list, valueOf(item))
		}
		return list
	case *idmpb.Struct:
		object := make(map[string]any, len(kind.Fields))
		for name, item := range kind.Fields {
			object[name] = valueOf(item)
		}
		return object
	default:
		return nil
	}
}

// writeTree writes the nodes a line each, their children indented below, and
// the values of one level in a column.
func writeTree(b *strings.Builder, nodes []metric, indent string) {
	width := 0
	for _, n := range nodes {
		if n.Value != nil {
			width = max(width, utf8.RuneCountInString(printable(n.Name)))
		}
	}
	for _, n := range nodes {
		name := printable(n.Name)
		if n.Value == nil {
			fmt.Fprintf(b, "%s%s\n", indent, name)
		} else {
			fmt.Fprintf(b, "%s%-*s  %s\n", indent, width, name, valueText(n))
		}
		writeTree(b, n.Children, indent+"  ")
	}
}

func valueText(n metric) string {
	switch v := n.Value.(type) {
	case float64:
		return numberText(v, n.Unit)
	case string:
		return printable(v)
	case []any:
		words := make([]string, 0, len(v))
		for _, item := range v {
			words = append(words, word(item))
		}
		return strings.Join(words, " ")
	default:
		return word(v)
	}
}

// word is one word of a list, quoted where it would not read as one.
func word(v any) string {
	s, ok := v.(string)
	if !ok {
		text, err := json.Marshal(v)
		if err != nil {
			return "?"
		}
		return string(text)
	}
	odd := func(r rune) bool { return !strconv.IsPrint(r) || strings.ContainsRune(" \"'\\", r) }
	if s == "" || strings.ContainsFunc(s, odd) {
		return strconv.Quote(s)
	}
	return s
}

func numberText(v float64, unit string) string {
	switch {
	case unit == "bytes":
		return shortBytes(v)
	case unit == "seconds" && math.Abs(v) < math.MaxInt64/1e9:
		return shortDuration(time.Duration(v * 1e9))
	default:
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
}

// shortBytes is n bytes in the largest unit that leaves something before the
// point.
func shortBytes(n float64) string {
	units := []string{"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"}
	if math.Abs(n) < 1024 {
		return strconv.FormatFloat(n, 'f', -1, 64) + " B"
	}
	unit := ""
	for _, unit = range units {
		n /= 1024
		if math.Abs(n) < 1023.95 {
			break
		}
	}
	return strconv.FormatFloat(n, 'f', 1, 64) + " " + unit
}

// shortDuration is d in three or four digits.
func shortDuration(d time.Duration) string {
	steps := []struct{ from, to time.Duration }{
		{time.Hour, time.Second},
		{time.Minute, 100 * time.Millisecond},
		{time.Second, 10 * time.Millisecond},
		{time.Millisecond, 10 * time.Microsecond},
	}
	for _, s := range steps {
		if d.Abs() >= s.from {
			return d.Round(s.to).String()
		}
	}
	return d.Round(time.Microsecond).String()
}

// printable keeps what a guest says from driving the host's terminal.
func printable(s string) string {
	odd := func(r rune) bool { return !strconv.IsPrint(r) }
	if !utf8.ValidString(s) || slices.ContainsFunc([]rune(s), odd) {
		return strconv.Quote(s)
	}
	return s
}
