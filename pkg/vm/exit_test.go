package vm

import (
	"encoding/binary"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protowire"
)

// frame is packet as a frame of IDM version 1.
func frame(packet ...byte) string {
	return string(append(binary.LittleEndian.AppendUint32(nil, uint32(len(packet))), packet...))
}

// exitFrame is the frame of an exit event.
func exitFrame(code int32) string {
	embed := func(b []byte) []byte {
		return protowire.AppendBytes(protowire.AppendTag(nil, 1, protowire.BytesType), b)
	}
	event := protowire.AppendTag(nil, 1, protowire.VarintType)
	event = protowire.AppendVarint(event, uint64(code))
	return frame(embed(embed(event))...)
}

func TestExitCodes(t *testing.T) {
	tests := []struct {
		name, in string
		want     []int32
		err      string
	}{
		{name: "nothing"},
		{name: "42 by hand", in: "\x06\x00\x00\x00\x0a\x04\x0a\x02\x08\x2a", want: []int32{42}},
		{name: "0 has no field", in: "\x04\x00\x00\x00\x0a\x02\x0a\x00", want: []int32{0}},
		{name: "two", in: exitFrame(137) + exitFrame(-1), want: []int32{137, -1}},
		{name: "an empty packet", in: frame() + exitFrame(1), want: []int32{1}},
		{name: "a response", in: frame(0x1a, 0x02, 0x08, 0x01) + exitFrame(1), want: []int32{1}},
		{name: "an unknown field of an exit", in: frame(0x0a, 0x06, 0x0a, 0x04, 0x10, 0x09, 0x08, 0x07), want: []int32{7}},
		{name: "half a length", in: exitFrame(1) + "\x06\x00", want: []int32{1}, err: "idm offset 10: 2 bytes, too few for a length"},
		{name: "half a frame", in: "\x06\x00\x00\x00\x0a", err: "idm offset 0: frame of 6 bytes, 1 there"},
		{name: "no raw terminal", in: "\x06\x00\x00\x00\x0d\x0a\x04\x0d\x0a\x02\x08\x2a", err: "idm offset 0: packet.event: "},
		{name: "huge", in: "\xff\xff\xff\xff\x0a", err: "idm offset 0: frame of 4294967295 bytes, 1 there"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ExitCodes([]byte(tt.in))
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("ExitCodes(%q): -want +got\n%s", tt.in, diff)
			}
			if (err == nil) != (tt.err == "") || (err != nil && !strings.HasPrefix(err.Error(), tt.err)) {
				t.Errorf("ExitCodes(%q): error %v, want %q", tt.in, err, tt.err)
			}
		})
	}
}

// FuzzExitCodes: no input makes more codes than its length has room for, and
// what precedes the error decodes to the same codes without one.
func FuzzExitCodes(f *testing.F) {
	f.Add([]byte(exitFrame(42) + exitFrame(-1) + frame()))
	f.Add([]byte("\x06\x00\x00\x00\x0a\x04\x0a"))
	f.Fuzz(func(t *testing.T, stream []byte) {
		codes, err := ExitCodes(stream)
		if len(codes) > len(stream)/8 {
			t.Errorf("ExitCodes(%x) = %d codes", stream, len(codes))
		}
		more, moreErr := ExitCodes(append([]byte(exitFrame(7)), stream...))
		if diff := cmp.Diff(append([]int32{7}, codes...), more); diff != "" || (err == nil) != (moreErr == nil) {
			t.Errorf("ExitCodes after a frame: error %v, was %v: %s", moreErr, err, diff)
		}
	})
}

func TestParseExit(t *testing.T) {
	tests := []struct {
		name, in string
		want     Exit
		err      string
	}{
		{
			name: "an end", in: "hello\r\nkinit: exit code=42 signal=0 stage=run reason=\"exited\"\r\nreboot: Power down\r\n",
			want: Exit{Code: 42, Stage: "run", Reason: "exited"},
		},
		{
			name: "quotes", in: `kinit: exit code=137 signal=9 stage=run reason="killed by \"oom\""` + "\n",
			want: Exit{Code: 137, Signal: 9, Stage: "run", Reason: `killed by "oom"`},
		},
		{
			name: "the last counts", in: `kinit: exit code=0 signal=0 stage=run reason="mine"` + "\n" +
				`kinit: exit code=125 signal=0 stage=images reason="mount"` + "\n",
			want: Exit{Code: 125, Stage: "images", Reason: "mount"},
		},
		{name: "silence", in: "hello\n", err: "parse console: no exit line"},
		{
			name: "after an unfinished line", in: `^Ckinit: exit code=130 signal=2 stage=run reason=""` + "\n",
			want: Exit{Code: 130, Signal: 2, Stage: "run"},
		},
		{name: "unfinished itself", in: `kinit: exit code=0 signal=0 stage=run reason="`, err: "parse console: no exit line"},
		{name: "panic", in: "[    2.7] Kernel panic - not syncing\n", err: "parse console: the kernel panicked and there is no exit line"},
		{name: "range", in: `kinit: exit code=99999999999999999999 signal=0 stage=run reason=""`, err: "parse exit line: code: "},
		{name: "signal", in: `kinit: exit code=1 signal=KILL stage=run reason=""`, err: "parse exit line: signal: "},
		{name: "reason", in: `kinit: exit code=1 signal=0 stage=run reason="\q"`, err: `parse exit line: reason "\q": `},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ParseExit([]byte(tt.in))
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("ParseExit(%q): -want +got\n%s", tt.in, diff)
			}
			if (err == nil) != (tt.err == "") || (err != nil && !strings.HasPrefix(err.Error(), tt.err)) {
				t.Errorf("ParseExit(%q): error %v, want %q", tt.in, err, tt.err)
			}
		})
	}
}

// FuzzParseExit: an error has no value beside it, and a line always wins over
// what stands before it.
func FuzzParseExit(f *testing.F) {
	f.Add([]byte(`kinit: exit code=1 signal=9 stage=run reason="\q"` + "\n"))
	f.Fuzz(func(t *testing.T, console []byte) {
		if got, err := ParseExit(console); err != nil && got != (Exit{}) {
			t.Errorf("ParseExit(%q) = %+v, %v", console, got, err)
		}
		line := "\nkinit: exit code=3 signal=0 stage=run reason=\"\\x00\"\n"
		want := Exit{Code: 3, Stage: "run", Reason: "\x00"}
		if got, err := ParseExit(append(console, line...)); err != nil || got != want {
			t.Errorf("ParseExit(%q + line) = %+v, %v, want %+v", console, got, err, want)
		}
	})
}
