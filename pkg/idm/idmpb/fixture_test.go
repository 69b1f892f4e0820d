package idmpb

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// fixtures has every message at least once. The bytes are by hand from the
// numbers of the contract: a field is number<<3|type (0 varint, 1 eight bytes,
// 2 length and bytes), then its value.
var fixtures = []struct {
	name  string
	bytes string
	is    Message
}{
	{"google.protobuf.Value", "", &Value{}},
	{"google.protobuf.Value", "08 00", &Value{ValueNullValue(NullValueNullValue)}},
	{"google.protobuf.Value", "11 000000000000f83f", &Value{ValueNumberValue(1.5)}},
	{"google.protobuf.Value", "11 0000000000000000", &Value{ValueNumberValue(0)}},
	{"google.protobuf.Value", "1a 02 6869", &Value{ValueStringValue("hi")}},
	{"google.protobuf.Value", "1a 00", &Value{ValueStringValue("")}},
	{"google.protobuf.Value", "20 01", &Value{ValueBoolValue(true)}},
	{"google.protobuf.Value", "2a 00", &Value{&Struct{}}},
	{"google.protobuf.Value", "32 04 0a02 2000", &Value{&ListValue{Values: []*Value{{ValueBoolValue(false)}}}}},
	{"google.protobuf.Struct", "0a 07 0a0161 1202 0800  0a 07 0a0162 1202 2001", &Struct{Fields: map[string]*Value{
		"b": {ValueBoolValue(true)}, "a": {ValueNullValue(0)},
	}}},
	{"google.protobuf.ListValue", "0a 02 2001  0a 00", &ListValue{Values: []*Value{{ValueBoolValue(true)}, {}}}},

	{"krata.internal.idm.IdmPacket", "", &IdmPacket{}},
	{"krata.internal.idm.IdmPacket", "0a 05 0a03 08 8901", &IdmPacket{&IdmEvent{&IdmExitEvent{Code: 137}}}},
	{"krata.internal.idm.IdmPacket", "12 04 0805 1200", &IdmPacket{&IdmRequest{Id: 5, Request: &IdmPingRequest{}}}},
	{"krata.internal.idm.IdmPacket", "1a 04 0805 1200", &IdmPacket{&IdmResponse{Id: 5, Response: &IdmPingResponse{}}}},
	{"krata.internal.idm.IdmEvent", "0a 00", &IdmEvent{&IdmExitEvent{}}},
	{"krata.internal.idm.IdmExitEvent", "08 2a", &IdmExitEvent{Code: 42}},
	{"krata.internal.idm.IdmExitEvent", "08 ffffffffffffffffff01", &IdmExitEvent{Code: -1}},
	{"krata.internal.idm.IdmRequest", "1a 00", &IdmRequest{Request: &IdmMetricsRequest{}}},
	{"krata.internal.idm.IdmPingRequest", "", &IdmPingRequest{}},
	{"krata.internal.idm.IdmMetricsRequest", "", &IdmMetricsRequest{}},
	{"krata.internal.idm.IdmResponse", "08 01 1a 00", &IdmResponse{Id: 1, Response: &IdmMetricsResponse{}}},
	{"krata.internal.idm.IdmPingResponse", "", &IdmPingResponse{}},
	{"krata.internal.idm.IdmMetricsResponse", "0a 07 0a05 6775657374", &IdmMetricsResponse{Root: &IdmMetricNode{Name: "guest"}}},
	{"krata.internal.idm.IdmMetricNode", "0a 03 6d656d  12 09 11 0000000000000040  18 01  22 03 0a0161", &IdmMetricNode{
		Name: "mem", Value: &Value{ValueNumberValue(2)}, Format: IdmMetricFormatBytes, Children: []*IdmMetricNode{{Name: "a"}},
	}},

	{"krata.idm.transport.IdmTransportPacket", "08 07 10 e7d601 18 03 22 02 0a00", &IdmTransportPacket{
		Id: 7, Channel: 0x6b67, Form: IdmTransportPacketFormRequest, Data: []byte{0x0a, 0},
	}},
	{"krata.idm.transport.IdmTransportPacket", "18 09", &IdmTransportPacket{Form: IdmTransportPacketFormStreamResponseClosed}},

	{"krata.idm.internal.Event", "0a 02 087f", &Event{&ExitEvent{Code: 127}}},
	{"krata.idm.internal.ExitEvent", "08 7d", &ExitEvent{Code: 125}},
	{"krata.idm.internal.Request", "0a 00", &Request{&PingRequest{}}},
	{"krata.idm.internal.Request", "12 00", &Request{&MetricsRequest{}}},
	{"krata.idm.internal.Request", "1a 04 1202 1001", &Request{&ExecStreamRequestUpdate{&ExecStreamRequestStdin{Closed: true}}}},
	{"krata.idm.internal.Response", "0a 00", &Response{&PingResponse{}}},
	{"krata.idm.internal.Response", "12 00", &Response{&MetricsResponse{}}},
	{"krata.idm.internal.Response", "1a 02 0801", &Response{&ExecStreamResponseUpdate{Exited: true}}},
	{"krata.idm.internal.PingRequest", "", &PingRequest{}},
	{"krata.idm.internal.PingResponse", "", &PingResponse{}},
	{"krata.idm.internal.MetricsRequest", "", &MetricsRequest{}},
	{"krata.idm.internal.MetricsResponse", "0a 02 1803", &MetricsResponse{Root: &MetricNode{Format: MetricFormatDurationSeconds}}},
	{"krata.idm.internal.MetricNode", "0a 03 706964  12 09 11 000000000000f03f  18 02  22 00", &MetricNode{
		Name: "pid", Value: &Value{ValueNumberValue(1)}, Format: MetricFormatInteger, Children: []*MetricNode{{}},
	}},
	{"krata.idm.internal.ExecEnvVar", "0a 01 41 12 01 62", &ExecEnvVar{Key: "A", Value: "b"}},
	{"krata.idm.internal.ExecStreamRequestUpdate", "0a 00", &ExecStreamRequestUpdate{&ExecStreamRequestStart{}}},
	{"krata.idm.internal.ExecStreamRequestUpdate", "12 00", &ExecStreamRequestUpdate{&ExecStreamRequestStdin{}}},
	{"krata.idm.internal.ExecStreamRequestUpdate", "1a 04 0819 1050", &ExecStreamRequestUpdate{
		&ExecStreamRequestTerminalSize{Rows: 25, Columns: 80},
	}},
	{"krata.idm.internal.ExecStreamRequestStart", "0a 06 0a0141 120162  12 02 7368  12 02 2d63  1a 01 2f  20 01  2a 02 0818", &ExecStreamRequestStart{
		Environment: []*ExecEnvVar{{Key: "A", Value: "b"}}, Command: []string{"sh", "-c"}, WorkingDirectory: "/", Tty: true,
		TerminalSize: &ExecStreamRequestTerminalSize{Rows: 24},
	}},
	{"krata.idm.internal.ExecStreamRequestStdin", "0a 02 ff00 10 01", &ExecStreamRequestStdin{Data: []byte{0xff, 0}, Closed: true}},
	{"krata.idm.internal.ExecStreamRequestTerminalSize", "08 18 10 ac02", &ExecStreamRequestTerminalSize{Rows: 24, Columns: 300}},
	{"krata.idm.internal.ExecStreamResponseUpdate", "08 01 12 02 6e6f 18 7f 22 01 6f 2a 01 65", &ExecStreamResponseUpdate{
		Exited: true, Error: "no", ExitCode: 127, Stdout: []byte("o"), Stderr: []byte("e"),
	}},

	{"kguest.idm.ExtensionRequest", "0a 02 080f", &ExtensionRequest{&SignalRequest{Number: 15}}},
	{"kguest.idm.ExtensionRequest", "12 03 08 b817", &ExtensionRequest{&StopRequest{GraceMilliseconds: 3000}}},
	{"kguest.idm.ExtensionRequest", "1a 00", &ExtensionRequest{&BootReportRequest{}}},
	{"kguest.idm.ExtensionRequest", "22 00", &ExtensionRequest{&WatchRequest{}}},
	{"kguest.idm.ExtensionRequest", "3a 00", &ExtensionRequest{&HelloRequest{}}},
	{"kguest.idm.ExtensionRequest", "2a 00", &ExtensionRequest{&FileReadRequest{}}},
	{"kguest.idm.ExtensionRequest", "32 00", &ExtensionRequest{&FileWriteRequest{}}},
	{"kguest.idm.ExtensionResponse", "0a 00 12 00", &ExtensionResponse{Error: &ExtensionError{}, Response: &SignalResponse{}}},
	{"kguest.idm.ExtensionResponse", "1a 00", &ExtensionResponse{Response: &StopResponse{}}},
	{"kguest.idm.ExtensionResponse", "22 00", &ExtensionResponse{Response: &BootReport{}}},
	{"kguest.idm.ExtensionResponse", "2a 00", &ExtensionResponse{Response: &WatchResponse{}}},
	{"kguest.idm.ExtensionResponse", "42 00", &ExtensionResponse{Response: &HelloResponse{}}},
	{"kguest.idm.ExtensionResponse", "32 00", &ExtensionResponse{Response: &FileReadResponse{}}},
	{"kguest.idm.ExtensionResponse", "3a 00", &ExtensionResponse{Response: &FileWriteResponse{}}},
	{"kguest.idm.ExtensionEvent", "0a 00", &ExtensionEvent{&OomEvent{}}},
	{"kguest.idm.ExtensionEvent", "12 00", &ExtensionEvent{&ExitDetailEvent{}}},
	{"kguest.idm.ExtensionEvent", "1a 02 0801", &ExtensionEvent{&BootStateEvent{State: BootStateReady}}},
	{"kguest.idm.ExtensionError", "0a 02 6e6f 10 02", &ExtensionError{Message: "no", Errno: 2}},
	{"kguest.idm.SignalRequest", "08 09 12 04 4b494c4c 18 01", &SignalRequest{Number: 9, Name: "KILL", All: true}},
	{"kguest.idm.SignalResponse", "", &SignalResponse{}},
	{"kguest.idm.StopRequest", "08 0a 10 01", &StopRequest{GraceMilliseconds: 10, Now: true}},
	{"kguest.idm.StopResponse", "", &StopResponse{}},
	{"kguest.idm.BootReportRequest", "", &BootReportRequest{}},
	{"kguest.idm.BootReport", "08 01 12 04 0a02 7275 18 c801 20 01", &BootReport{
		State: BootStateReady, Stages: []*BootStage{{Name: "ru"}}, KernelMicroseconds: 200, InitMicroseconds: 1,
	}},
	{"kguest.idm.BootStage", "0a 01 78 10 05 1a 01 65", &BootStage{Name: "x", DurationMicroseconds: 5, Error: "e"}},
	{"kguest.idm.WatchRequest", "", &WatchRequest{}},
	{"kguest.idm.ExtensionRequest", "42 04 08 18 10 50", &ExtensionRequest{&ResizeRequest{Rows: 24, Columns: 80}}},
	{"kguest.idm.ExtensionResponse", "4a 00", &ExtensionResponse{Response: &ResizeResponse{}}},
	{"kguest.idm.ResizeRequest", "08 18 10 50", &ResizeRequest{Rows: 24, Columns: 80}},
	{"kguest.idm.ResizeResponse", "", &ResizeResponse{}},
	{"kguest.idm.ExtensionRequest", "4a 06 08 01 10 02 18 01", &ExtensionRequest{&PauseRequest{Channel: 1, Id: 2, Resume: true}}},
	{"kguest.idm.ExtensionResponse", "52 00", &ExtensionResponse{Response: &PauseResponse{}}},
	{"kguest.idm.PauseRequest", "08 01 10 02 18 01", &PauseRequest{Channel: 1, Id: 2, Resume: true}},
	{"kguest.idm.PauseResponse", "", &PauseResponse{}},
	{"kguest.idm.HelloRequest", "", &HelloRequest{}},
	{"kguest.idm.HelloResponse", "", &HelloResponse{}},
	{"kguest.idm.WatchResponse", "08 03", &WatchResponse{State: BootStateEnding}},
	{"kguest.idm.OomEvent", "08 02 10 01", &OomEvent{Kills: 2, Workload: true}},
	{"kguest.idm.ExitDetailEvent", "08 8901 10 09 1a 03 72756e 22 01 72", &ExitDetailEvent{Code: 137, Signal: 9, Stage: "run", Reason: "r"}},
	{"kguest.idm.BootStateEvent", "08 02", &BootStateEvent{State: BootStateFailed}},
	{"kguest.idm.FileReadRequest", "0a 02 2f61 10 01 18 02", &FileReadRequest{Path: []byte("/a"), Offset: 1, Length: 2}},
	{"kguest.idm.FileReadResponse", "08 01 12 01 78 18 01", &FileReadResponse{Offset: 1, Data: []byte("x"), End: true}},
	{"kguest.idm.FileWriteRequest", "0a 00", &FileWriteRequest{&FileWriteStart{}}},
	{"kguest.idm.FileWriteRequest", "12 00", &FileWriteRequest{&FileWriteChunk{}}},
	{"kguest.idm.FileWriteStart", "0a 02 2f61 10 a403 18 01 20 08 28 01", &FileWriteStart{
		Path: []byte("/a"), Mode: 0o644, InPlace: true, Offset: 8, Truncate: true,
	}},
	{"kguest.idm.FileWriteChunk", "08 08 12 01 78 18 01", &FileWriteChunk{Offset: 8, Data: []byte("x"), Last: true}},
	{"kguest.idm.FileWriteResponse", "08 09 10 01", &FileWriteResponse{Written: 9, Done: true}},

	{"kguest.idm.codec.Kinds", "", &Kinds{}},
	{"kguest.idm.codec.Kinds", "31 0000000000000080", &Kinds{Ratio: math.Copysign(0, -1)}},
	{"kguest.idm.codec.Kinds", "48 ffffffffffffffffff01", &Kinds{Color: ColorBlack}},
	{"kguest.idm.codec.Kinds", "62 03 01ac02  8201 08 000000000000f03f  8a01 01 61  8a01 00", &Kinds{
		Smalls: []int32{1, 300}, Ratios: []float64{1}, Names: []string{"a", ""},
	}},
	{"kguest.idm.codec.Kinds", "aa01 05 0a0178 1200", &Kinds{Named: map[string]*Kinds{"x": {}}}},
	{"kguest.idm.codec.Kinds", "a006 00", &Kinds{One: KindsOneFlag(false)}},
	{"kguest.idm.codec.Kinds", "827d 02 0801", &Kinds{One: &Kinds{Flag: true}}},
}

// fromHex reads a fixture, whose spaces are for the reader.
func fromHex(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
	if err != nil {
		t.Fatalf("fixture %q: %v", text, err)
	}
	return b
}

func TestFixtures(t *testing.T) {
	for _, tt := range fixtures {
		want := fromHex(t, tt.bytes)
		if got := tt.is.AppendTo(nil); string(got) != string(want) {
			t.Errorf("%s %+v AppendTo = % x, want % x", tt.name, tt.is, got, want)
		}
		got := newMessage(t, tt.name)
		if err := got.Unmarshal(want); err != nil {
			t.Errorf("%s Unmarshal(% x): %v", tt.name, want, err)
		}
		if diff := cmp.Diff(tt.is, got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s Unmarshal(% x) (-want +got):\n%s", tt.name, want, diff)
		}
	}
}

// readings are bytes that are not what AppendTo writes, and what they say.
var readings = []struct {
	what  string
	bytes string
	is    Message
}{
	{"of a scalar the last counts", "08 01 08 02", &IdmExitEvent{Code: 2}},
	{"a message that comes twice is merged", "0a 03 0a0161  0a 02 1801", &MetricsResponse{
		Root: &MetricNode{Name: "a", Format: MetricFormatBytes},
	}},
	{"so is a oneof's", "0a 00  12 00  12 02 1001", &ExecStreamRequestUpdate{&ExecStreamRequestStdin{Closed: true}}},
	{"of a oneof the last counts", "12 02 1001  0a 00", &ExecStreamRequestUpdate{&ExecStreamRequestStart{}}},
	{"numbers in a list one by one, and packed", "60 01  62 02 0203", &Kinds{Smalls: []int32{1, 2, 3}}},
	{"doubles as well", "8101 000000000000f03f  8201 08 000000000000f03f", &Kinds{Ratios: []float64{1, 1}}},
	{"unknown fields are passed over", "0a 01 61  78 05  79 0102030405060708  7a 02 0000  7d 01020304  10 07", &OomEvent{Kills: 0, Workload: true}},
	{"a group too", "7b 08 01 7c  08 02", &OomEvent{Kills: 2}},
	{"a known number of another type is unknown", "0a 01 05  10 01", &OomEvent{Workload: true}},
	{"a varint longer than need be", "08 82808000", &OomEvent{Kills: 2}},
	{"more bits than fit are cut", "08 ffffffffffffffffff01", &SignalRequest{Number: math.MaxUint32}},
	{"any varint but 0 is true", "10 8001", &OomEvent{Workload: true}},
	{"an enum value that is not known is kept", "08 63", &WatchResponse{State: 99}},
	{"an entry without key and value", "0a 00", &Struct{Fields: map[string]*Value{"": {}}}},
	{"a key twice: the last", "0a 07 0a0161 1202 2001  0a 07 0a0161 1202 0800", &Struct{Fields: map[string]*Value{"a": {ValueNullValue(0)}}}},
}

func TestUnmarshal(t *testing.T) {
	for _, tt := range readings {
		got := reset(tt.is)
		if err := got.Unmarshal(fromHex(t, tt.bytes)); err != nil {
			t.Errorf("%s: Unmarshal(%s): %v", tt.what, tt.bytes, err)
		}
		if diff := cmp.Diff(tt.is, got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s: Unmarshal(%s) (-want +got):\n%s", tt.what, tt.bytes, diff)
		}
	}
}

func TestUnmarshalErrors(t *testing.T) {
	tests := []struct {
		bytes string
		into  Message
		want  string
	}{
		{"08", &ExitEvent{}, "ExitEvent: field 1: unexpected EOF"},
		{"80", &ExitEvent{}, "ExitEvent: unexpected EOF"},
		{"00 00", &ExitEvent{}, "ExitEvent: invalid field number"},
		{"0f 00", &ExitEvent{}, "ExitEvent: field 1: cannot parse reserved wire type"},
		{"0a 05 00", &Event{}, "Event: field 1: unexpected EOF"},
		{"0a ffffffffffffffffff01", &Event{}, "Event: field 1: unexpected EOF"},
		{"0a 01 80", &Event{}, "ExitEvent: unexpected EOF"},
		{"08 80808080808080808002", &ExitEvent{}, "ExitEvent: field 1: variable length integer overflow"},
		{"8080808010 00", &ExitEvent{}, "ExitEvent: field 536870912: number over 536870911"},
		{"7c", &ExitEvent{}, "ExitEvent: field 15: mismatching end group marker"},
		{"7b 08 01", &ExitEvent{}, "ExitEvent: field 15: unexpected EOF"},
		{"0a 01 ff", &MetricNode{}, "MetricNode.name: not UTF-8"},
		{"1a 01 ff", &Value{}, "Value.string_value: not UTF-8"},
		{"12 02 c080", &ExecStreamRequestStart{}, "ExecStreamRequestStart.command: not UTF-8"},
		{"0a 03 0a01ff", &Struct{}, "Struct.fields: not UTF-8"},
		{"62 01 80", &Kinds{}, "packed field: unexpected EOF"},
		{"8201 01 00", &Kinds{}, "packed field: unexpected EOF"},
	}
	for _, tt := range tests {
		err := tt.into.Unmarshal(fromHex(t, tt.bytes))
		// protobuf makes its spaces unstable on purpose.
		if err == nil || !strings.HasSuffix(strings.ReplaceAll(err.Error(), "\u00a0", " "), tt.want[strings.LastIndex(tt.want, ": ")+2:]) ||
			!strings.HasPrefix(err.Error(), tt.want[:strings.LastIndex(tt.want, ": ")]) {
			t.Errorf("%T.Unmarshal(%s) = %v, want %q", tt.into, tt.bytes, err, tt.want)
		}
	}
}

// TestUnmarshalKeepsNothing has a scanner's buffer be used again.
func TestUnmarshalKeepsNothing(t *testing.T) {
	b := fromHex(t, "0a 02 6162")
	var m ExecStreamRequestStdin
	if err := m.Unmarshal(b); err != nil {
		t.Fatal(err)
	}
	clear(b)
	if string(m.Data) != "ab" {
		t.Errorf("data = %q after its source was overwritten, want %q", m.Data, "ab")
	}
}

func TestDepth(t *testing.T) {
	for _, tt := range []struct {
		depth int
		ok    bool
	}{{maxDepth, true}, {maxDepth + 1, false}, {5_000, false}} {
		node := &MetricNode{}
		for range tt.depth {
			node = &MetricNode{Children: []*MetricNode{node}}
		}
		err := new(MetricNode).Unmarshal(node.AppendTo(nil))
		if ok := err == nil; ok != tt.ok {
			t.Errorf("Unmarshal of nodes %d deep = %v, want ok %v", tt.depth, err, tt.ok)
		}
	}
}

func TestAppendMendsStrings(t *testing.T) {
	node := &MetricNode{Name: "a\xff\xfeb"}
	var got MetricNode
	if err := got.Unmarshal(node.AppendTo(nil)); err != nil || got.Name != "a\ufffdb" {
		t.Errorf("name %q arrives as %q, %v, want %q", node.Name, got.Name, err, "a\ufffdb")
	}
}

// TestAppendLengths has a message's length take one byte, two, three and four.
func TestAppendLengths(t *testing.T) {
	for _, size := range []int{0, 1, 124, 125, 126, 16379, 16380, 16381, 1 << 21} {
		in := &Request{&ExecStreamRequestUpdate{&ExecStreamRequestStdin{Data: make([]byte, size)}}}
		prefix := []byte("before")
		b := in.AppendTo(prefix)
		var out Request
		if err := out.Unmarshal(b[len(prefix):]); err != nil || string(b[:len(prefix)]) != "before" {
			t.Fatalf("Unmarshal of %d bytes: %v", size, err)
		}
		update, ok := out.Request.(*ExecStreamRequestUpdate)
		if stdin, ok2 := update.Update.(*ExecStreamRequestStdin); !ok || !ok2 || len(stdin.Data) != size {
			t.Errorf("Unmarshal of %d bytes of data lost some", size)
		}
	}
}

// TestElements counts what takes memory by the piece.
func TestElements(t *testing.T) {
	for _, tt := range []struct {
		what  string
		bytes string
		into  Message
		count int
	}{
		{"messages in each other", "0a 02 0a00", &IdmPacket{}, 2},
		{"messages in a list", "22 00 22 00 22 00", &MetricNode{}, 3},
		{"the same again", "0a 00 0a 00", &MetricsResponse{}, 2},
		{"strings in a list", "12 00 12 00", &ExecStreamRequestStart{}, 2},
		{"bytes in a list", "9201 00 9201 00", &Kinds{}, 2},
		{"numbers in a list", "60 01  62 02 0203  8201 08 000000000000f03f", &Kinds{}, 4},
		{"entries of a map and their values", "0a 07 0a0161 1202 2001  0a 00", &Struct{}, 3},
	} {
		b := fromHex(t, tt.bytes)
		if err := Unmarshal(tt.into, b, tt.count); err != nil {
			t.Errorf("%s: Unmarshal(%s) with limit %d: %v", tt.what, tt.bytes, tt.count, err)
		}
		err := Unmarshal(reset(tt.into), b, tt.count-1)
		want := fmt.Sprintf("more than %d messages and values in one message", tt.count-1)
		if err == nil || err.Error() != want {
			t.Errorf("%s: Unmarshal(%s) with limit %d = %v, want %q", tt.what, tt.bytes, tt.count-1, err, want)
		}
	}
	if err := new(MetricNode).Unmarshal(bytes.Repeat([]byte{0x22, 0}, MaxElements+1)); err == nil {
		t.Errorf("Unmarshal of %d children succeeds", MaxElements+1)
	}
}
