package idm

import (
	"strconv"
	"testing"

	"github.com/kguest/kguest/pkg/idm/idmpb"
)

// processes is a metrics tree like the agent's: twelve values a process.
func processes(n int) Message {
	root := &idmpb.MetricNode{Name: "process"}
	for pid := range n {
		process := &idmpb.MetricNode{Name: strconv.Itoa(pid)}
		for range 11 {
			process.Children = append(process.Children, &idmpb.MetricNode{
				Name: "resident", Value: &idmpb.Value{Kind: idmpb.ValueNumberValue(pid)}, Format: idmpb.MetricFormatBytes,
			})
		}
		process.Children = append(process.Children, &idmpb.MetricNode{
			Name: "cmdline", Value: &idmpb.Value{Kind: idmpb.ValueStringValue("/usr/bin/program --with an --argument")},
		})
		root.Children = append(root.Children, process)
	}
	return Message{Form: FormResponse, Body: &idmpb.Response{Response: &idmpb.MetricsResponse{Root: root}}}
}

func BenchmarkMetricsFrame(b *testing.B) {
	for _, version := range []Version{Version1, Version2} {
		b.Run("version"+strconv.Itoa(int(version)), func(b *testing.B) {
			m := processes(1000)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := appendFrame(nil, m, version, MaxFrame); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkTooMany passes over frames of 2 MiB that have a million messages in
// them.
func BenchmarkTooMany(b *testing.B) {
	start := &idmpb.ExecStreamRequestStart{Environment: make([]*idmpb.ExecEnvVar, 1<<20)}
	frame := mustFrame(b, Message{Form: FormStreamRequest, Body: &idmpb.Request{
		Request: &idmpb.ExecStreamRequestUpdate{Update: start},
	}}, Version2)
	for _, fixed := range []Version{Auto, Version2} {
		b.Run("version"+strconv.Itoa(int(fixed)), func(b *testing.B) {
			b.SetBytes(int64(len(frame)))
			var count counters
			s := &scanner{fixed: fixed, limit: MaxFrame, elements: requestElements, count: &count}
			for b.Loop() {
				if got := collect(s, frame); len(got) != 0 {
					b.Fatalf("%d messages, want 0", len(got))
				}
			}
		})
	}
}
