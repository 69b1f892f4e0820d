package idm

import (
	"encoding/hex"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/kguest/kguest/pkg/idm/idmpb"
)

func ping(id uint64) Message {
	return Message{ID: id, Form: FormRequest, Body: &idmpb.Request{Request: &idmpb.PingRequest{}}}
}

func stdin(id uint64, data []byte) Message {
	return Message{ID: id, Form: FormStreamRequestUpdate, Body: &idmpb.Request{
		Request: &idmpb.ExecStreamRequestUpdate{Update: &idmpb.ExecStreamRequestStdin{Data: data}},
	}}
}

func metricsMessage() Message {
	return Message{ID: 1, Form: FormResponse, Body: &idmpb.Response{Response: &idmpb.MetricsResponse{Root: &idmpb.MetricNode{
		Name: "g", Format: idmpb.MetricFormatDurationSeconds, Children: []*idmpb.MetricNode{{Format: idmpb.MetricFormatBytes}},
	}}}}
}

// frameFixtures are by hand from the contract: version 1 is a length and a
// packet, version 2 ff ff, a length and a packet, all little-endian.
var frameFixtures = []struct {
	name    string
	version Version
	bytes   string
	message Message
}{
	{"exit", Version1, "06000000 0a04 0a02 082a", ExitEvent(42)},
	{"exit", Version1, "07000000 0a05 0a03 088901", ExitEvent(137)},
	{"exit", Version1, "04000000 0a02 0a00", ExitEvent(0)},
	{"exit", Version1, "07000000 0a05 0a03 08ff01", ExitEvent(255)},
	{"exit", Version1, "0a000000 0a08 0a06 08ffffffff07", ExitEvent(math.MaxInt32)},
	{"exit", Version1, "0f000000 0a0d 0a0b 08ffffffffffffffffff01", ExitEvent(-1)},
	{"exit", Version1, "0f000000 0a0d 0a0b 0880808080f8ffffffff01", ExitEvent(math.MinInt32)},
	{"exit", Version2, "ffff 09000000 1802 2205 0a03 088901", ExitEvent(137)},
	{"ping", Version1, "06000000 1204 0807 1200", ping(7)},
	{"ping, id 0", Version1, "04000000 1202 1200", ping(0)},
	{"pong", Version1, "06000000 1a04 0807 1200", ping(7).Reply(&idmpb.Response{Response: &idmpb.PingResponse{}})},
	{"metrics request", Version1, "06000000 1204 0801 1a00", Message{
		ID: 1, Form: FormRequest, Body: &idmpb.Request{Request: &idmpb.MetricsRequest{}},
	}},
	{"metrics", Version1, "11000000 1a0f 0801 1a0b 0a09 0a0167 1803 2202 1801", metricsMessage()},
	{"no metrics", Version1, "06000000 1a04 0801 1a00", Message{
		ID: 1, Form: FormResponse, Body: &idmpb.Response{Response: &idmpb.MetricsResponse{}},
	}},

	{"exit", Version2, "ffff 08000000 1802 2204 0a02 082a", ExitEvent(42)},
	{"ping", Version2, "ffff 08000000 0807 1803 2202 0a00", ping(7)},
	{"pong", Version2, "ffff 08000000 0807 1804 2202 0a00", ping(7).Reply(&idmpb.Response{Response: &idmpb.PingResponse{}})},
	{"metrics", Version2, "ffff 13000000 0801 1804 220d 120b 0a09 0a0167 1803 2202 1801", metricsMessage()},
	{"hello", Version2, "ffff 0c000000 0807 10e7d601 1803 2202 3a00", Message{
		ID: 7, Channel: ExtensionChannel, Form: FormRequest, Body: &idmpb.ExtensionRequest{Request: &idmpb.HelloRequest{}},
	}},
	{"hello", Version2, "ffff 0c000000 0807 10e7d601 1804 2202 4200", Message{
		ID: 7, Channel: ExtensionChannel, Form: FormResponse, Body: &idmpb.ExtensionResponse{Response: &idmpb.HelloResponse{}},
	}},
	{"pause", Version2, "ffff 0e000000 0807 10e7d601 1803 2204 4a021005", Message{
		ID: 7, Channel: ExtensionChannel, Form: FormRequest, Body: &idmpb.ExtensionRequest{Request: &idmpb.PauseRequest{Id: 5}},
	}},
	{"exec start", Version2, "ffff 0e000000 0802 1805 2208 1a06 0a04 1202 6c73", Message{
		ID: 2, Form: FormStreamRequest, Body: &idmpb.Request{Request: &idmpb.ExecStreamRequestUpdate{
			Update: &idmpb.ExecStreamRequestStart{Command: []string{"ls"}},
		}},
	}},
	{"exec stdin", Version2, "ffff 0d000000 0802 1806 2207 1a05 1203 0a0168", stdin(2, []byte("h"))},
	{"exec output", Version2, "ffff 0b000000 0802 1807 2205 1a03 220168", Message{
		ID: 2, Form: FormStreamResponseUpdate, Body: &idmpb.Response{Response: &idmpb.ExecStreamResponseUpdate{Stdout: []byte("h")}},
	}},
	{"stream closed by the host", Version2, "ffff 04000000 0802 1808", Message{ID: 2, Form: FormStreamRequestClosed}},
	{"stream closed by the guest", Version2, "ffff 04000000 0802 1809", Message{ID: 2, Form: FormStreamResponseClosed}},
	{"raw", Version2, "ffff 05000000 1801 2201 78", Message{Form: FormRaw, Body: Raw("x")}},
	{"another channel", Version2, "ffff 07000000 1005 1803 2201 78", Message{Channel: 5, Form: FormRequest, Body: Raw("x")}},
	{"signal", Version2, "ffff 0e000000 0809 10e7d601 1803 2204 0a02 080f", Message{
		ID: 9, Channel: ExtensionChannel, Form: FormRequest,
		Body: &idmpb.ExtensionRequest{Request: &idmpb.SignalRequest{Number: 15}},
	}},
	{"signal sent", Version2, "ffff 0c000000 0809 10e7d601 1804 2202 1200", Message{
		ID: 9, Channel: ExtensionChannel, Form: FormResponse,
		Body: &idmpb.ExtensionResponse{Response: &idmpb.SignalResponse{}},
	}},
	{"oom", Version2, "ffff 0c000000 10e7d601 1802 2204 0a02 0801", ExtensionEvent(&idmpb.OomEvent{Kills: 1})},
}

func fromHex(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
	if err != nil {
		t.Fatalf("fixture %q: %v", text, err)
	}
	return b
}

// scan returns what a scanner finds in the pieces of a stream.
func scan(version Version, pieces ...[]byte) ([]Message, Stats) {
	var count counters
	s := &scanner{fixed: version, limit: MaxFrame, elements: requestElements, count: &count}
	return collect(s, pieces...), count.stats()
}

func collect(s *scanner, pieces ...[]byte) []Message {
	var all []Message
	for _, piece := range pieces {
		s.write(piece)
		for m, ok := s.next(); ok; m, ok = s.next() {
			all = append(all, m)
		}
	}
	return all
}

func TestFrames(t *testing.T) {
	for _, tt := range frameFixtures {
		bytes := fromHex(t, tt.bytes)
		got, err := appendFrame([]byte("x"), tt.message, tt.version, MaxFrame)
		if err != nil || string(got) != "x"+string(bytes) {
			t.Errorf("version %d, %s: frame = % x, %v, want % x", tt.version, tt.name, got, err, bytes)
		}
		want := tt.message
		want.Version = tt.version
		for _, version := range []Version{Auto, tt.version} {
			messages, stats := scan(version, bytes)
			if diff := cmp.Diff([]Message{want}, messages, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("version %d, %s: message (-want +got):\n%s", tt.version, tt.name, diff)
			}
			if stats != (Stats{Frames: 1}) {
				t.Errorf("version %d, %s: %+v, want one frame", tt.version, tt.name, stats)
			}
		}
	}
}

// TestFramesThatSayNothing has frames that are whole but not for anyone here.
func TestFramesThatSayNothing(t *testing.T) {
	for _, tt := range []struct {
		name    string
		version Version
		bytes   string
	}{
		{"empty", Version1, "00000000"},
		{"unknown content", Version1, "02000000 2200"},
		{"empty", Version2, "ffff 00000000"},
		{"form 10", Version2, "ffff 02000000 180a"},
		{"form -1", Version2, "ffff 0b000000 18ffffffffffffffffff01"},
	} {
		messages, stats := scan(tt.version, fromHex(t, tt.bytes))
		if len(messages) != 0 || stats != (Stats{Frames: 1, Unknown: 1}) {
			t.Errorf("version %d, %s: %v, %+v, want one frame that is unknown", tt.version, tt.name, messages, stats)
		}
	}
}

// TestFramesOfUnknownRequests has the agent see requests it can refuse.
func TestFramesOfUnknownRequests(t *testing.T) {
	for _, tt := range []struct {
		version Version
		bytes   string
	}{
		{Version1, "06000000 1204 0803 2a00"},
		{Version2, "ffff 08000000 0803 1803 2202 2a00"},
	} {
		want := []Message{{ID: 3, Form: FormRequest, Version: tt.version, Body: &idmpb.Request{}}}
		messages, _ := scan(tt.version, fromHex(t, tt.bytes))
		if diff := cmp.Diff(want, messages); diff != "" {
			t.Errorf("version %d: (-want +got):\n%s", tt.version, diff)
		}
	}
}

func TestFrameErrors(t *testing.T) {
	big := stdin(1, make([]byte, 100))
	for _, tt := range []struct {
		name    string
		message Message
		version Version
		want    error
	}{
		{"a stream in version 1", big, Version1, ErrVersion},
		{"a request to start one in version 1", Message{Form: FormRequest, Body: big.Body}, Version1, ErrVersion},
		{"output in version 1", ping(1).Reply(&idmpb.Response{Response: &idmpb.ExecStreamResponseUpdate{}}), Version1, ErrVersion},
		{"the extension in version 1", ExtensionEvent(&idmpb.OomEvent{}), Version1, ErrVersion},
		{"an event that is none in version 1", Message{Form: FormEvent, Body: &idmpb.Event{}}, Version1, ErrVersion},
		{"a body of another form in version 1", Message{Form: FormEvent, Body: ping(1).Body}, Version1, ErrVersion},
		{"over the limit", big, Version2, ErrTooLarge},
	} {
		if b, err := appendFrame(nil, tt.message, tt.version, 64); b != nil || !errors.Is(err, tt.want) {
			t.Errorf("%s: frame = % x, %v, want %v", tt.name, b, err, tt.want)
		}
	}
}
