package idm

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"google.golang.org/protobuf/encoding/protowire"
)

// frames are by hand from the message definitions: a length, then field 1 of
// the packet, field 1 of the event, and the code as a varint of ten bytes where
// it is negative.
var frames = []struct {
	code  int32
	frame string
}{
	{0, "\x04\x00\x00\x00" + "\x0a\x02\x0a\x00"},
	{1, "\x06\x00\x00\x00" + "\x0a\x04\x0a\x02\x08\x01"},
	{42, "\x06\x00\x00\x00" + "\x0a\x04\x0a\x02\x08\x2a"},
	{137, "\x07\x00\x00\x00" + "\x0a\x05\x0a\x03\x08\x89\x01"},
	{255, "\x07\x00\x00\x00" + "\x0a\x05\x0a\x03\x08\xff\x01"},
	{math.MaxInt32, "\x0a\x00\x00\x00" + "\x0a\x08\x0a\x06\x08\xff\xff\xff\xff\x07"},
	{-1, "\x0f\x00\x00\x00" + "\x0a\x0d\x0a\x0b\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"},
	{math.MinInt32, "\x0f\x00\x00\x00" + "\x0a\x0d\x0a\x0b\x08\x80\x80\x80\x80\xf8\xff\xff\xff\xff\x01"},
}

func TestExitFrame(t *testing.T) {
	for _, tt := range frames {
		if got := ExitFrame(tt.code); string(got) != tt.frame {
			t.Errorf("ExitFrame(%d) = % x, want % x", tt.code, got, tt.frame)
		}
		packet, err := ReadFrame(strings.NewReader(tt.frame))
		if err != nil {
			t.Fatal(err)
		}
		if code, ok := ExitCode(packet); !ok || code != tt.code {
			t.Errorf("ExitCode(% x) = %d, %v, want %d, true", packet, code, ok, tt.code)
		}
	}
}

func TestReadFrameStream(t *testing.T) {
	var stream []byte
	for _, tt := range frames {
		stream = append(stream, tt.frame...)
	}
	stream = append(stream, 0, 0, 0, 0) // an empty frame is an empty packet
	for name, r := range map[string]io.Reader{
		"at once":         bytes.NewReader(stream),
		"byte by byte":    iotest.OneByteReader(bytes.NewReader(stream)),
		"end with data":   iotest.DataErrReader(bytes.NewReader(stream)),
		"half of what is": iotest.HalfReader(bytes.NewReader(stream)),
	} {
		for _, tt := range frames {
			packet, err := ReadFrame(r)
			if err != nil || string(packet) != tt.frame[4:] {
				t.Errorf("%s: ReadFrame = % x, %v, want % x", name, packet, err, tt.frame[4:])
			}
		}
		if packet, err := ReadFrame(r); err != nil || packet == nil || len(packet) != 0 {
			t.Errorf("%s: ReadFrame of an empty frame = % x, %v, want an empty packet", name, packet, err)
		}
		if packet, err := ReadFrame(r); packet != nil || !errors.Is(err, io.EOF) {
			t.Errorf("%s: ReadFrame at the end = % x, %v, want %v", name, packet, err, io.EOF)
		}
	}
}

func TestReadFrameTruncated(t *testing.T) {
	frame := ExitFrame(42)
	for n := 1; n < len(frame); n++ {
		packet, err := ReadFrame(bytes.NewReader(frame[:n]))
		if packet != nil || !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("ReadFrame(% x) = % x, %v, want %v", frame[:n], packet, err, io.ErrUnexpectedEOF)
		}
	}
}

func TestReadFrameBounds(t *testing.T) {
	tests := []struct {
		length uint32
		want   string
	}{
		{MaxFrame + 1, "read frame: length 20971521: over the limit of 20971520"},
		{math.MaxInt32, "read frame: length 2147483647: over the limit of 20971520"},
		{math.MaxUint32, "read frame: length 4294967295: over the limit of 20971520"},
	}
	for _, tt := range tests {
		head := binary.LittleEndian.AppendUint32(nil, tt.length)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		packet, err := ReadFrame(bytes.NewReader(head))
		runtime.ReadMemStats(&after)
		if packet != nil || err == nil || err.Error() != tt.want {
			t.Errorf("ReadFrame(% x) = %d bytes, %v, want %q", head, len(packet), err, tt.want)
		}
		if took := after.TotalAlloc - before.TotalAlloc; took > 1<<20 {
			t.Errorf("ReadFrame(% x) allocated %d bytes", head, took)
		}
	}
	most := append(binary.LittleEndian.AppendUint32(nil, MaxFrame), make([]byte, MaxFrame)...)
	if packet, err := ReadFrame(bytes.NewReader(most)); err != nil || len(packet) != MaxFrame {
		t.Errorf("ReadFrame of the largest frame = %d bytes, %v, want %d", len(packet), err, MaxFrame)
	}
}

func TestReadFramePassesErrorsOn(t *testing.T) {
	wrong := errors.New("the line is down")
	for _, n := range []int{0, 2, 4, 6} {
		r := io.MultiReader(bytes.NewReader(ExitFrame(42)[:n]), iotest.ErrReader(wrong))
		if _, err := ReadFrame(r); !errors.Is(err, wrong) {
			t.Errorf("ReadFrame after %d bytes = %v, want %v", n, err, wrong)
		}
	}
}

func TestExitCodeOfOtherPackets(t *testing.T) {
	exit := field(eventExit, nil)
	tests := []struct {
		name   string
		packet []byte
		code   int32
		ok     bool
	}{
		{"empty", nil, 0, false},
		{"request", field(2, []byte{8, 1, 0x12, 0}), 0, false},
		{"event of another kind", field(packetEvent, field(2, nil)), 0, false},
		{"event as a varint", []byte{8, 1}, 0, false},
		{"unknown fields beside the event", append(field(9, []byte("x")), field(packetEvent, exit)...), 0, true},
		{"unknown fields beside the code", field(packetEvent, field(eventExit, []byte{0x12, 1, 'x', 8, 7, 0x1d, 1, 2, 3, 4})), 7, true},
		{"code twice: the last", field(packetEvent, field(eventExit, []byte{8, 1, 8, 2})), 2, true},
		{"event twice: the last", append(field(packetEvent, field(eventExit, []byte{8, 1})), field(packetEvent, field(eventExit, []byte{8, 3}))...), 3, true},
		{"code cut off", field(packetEvent, field(eventExit, []byte{8, 0x80})), 0, false},
		{"tag cut off", field(packetEvent, field(eventExit, []byte{0x80})), 0, false},
		{"length past the end", []byte{0x0a, 0x7f, 0x0a, 0}, 0, false},
		{"field number zero", []byte{0x02, 0}, 0, false},
		{"group without end", field(packetEvent, field(eventExit, []byte{0x13})), 0, false},
	}
	for _, tt := range tests {
		if code, ok := ExitCode(tt.packet); code != tt.code || ok != tt.ok {
			t.Errorf("ExitCode(%s) = %d, %v, want %d, %v", tt.name, code, ok, tt.code, tt.ok)
		}
	}
}

func FuzzExitFrame(f *testing.F) {
	for _, tt := range frames {
		f.Add(tt.code)
	}
	f.Fuzz(func(t *testing.T, code int32) {
		packet, err := ReadFrame(bytes.NewReader(ExitFrame(code)))
		if err != nil {
			t.Fatal(err)
		}
		if got, ok := ExitCode(packet); !ok || got != code {
			t.Fatalf("ExitCode(ExitFrame(%d)) = %d, %v", code, got, ok)
		}
	})
}

func FuzzReadFrame(f *testing.F) {
	for _, tt := range frames {
		f.Add([]byte(tt.frame))
	}
	f.Add([]byte("\xff\xff\xff\xff\x00"))
	f.Fuzz(func(t *testing.T, stream []byte) {
		r := bytes.NewReader(stream)
		packet, err := ReadFrame(r)
		if (packet == nil) != (err != nil) {
			t.Fatalf("ReadFrame(% x) = % x, %v, want one of them", stream, packet, err)
		}
		if err != nil {
			return
		}
		used := len(stream) - r.Len()
		if used != 4+len(packet) || !bytes.Equal(stream[4:used], packet) {
			t.Fatalf("ReadFrame(% x) = % x, used %d bytes", stream, packet, used)
		}
	})
}

func FuzzExitCode(f *testing.F) {
	for _, tt := range frames {
		f.Add([]byte(tt.frame[4:]))
	}
	f.Add([]byte{0x13, 0x14})
	f.Fuzz(func(t *testing.T, packet []byte) {
		code, ok := ExitCode(packet)
		if !ok && code != 0 {
			t.Fatalf("ExitCode(% x) = %d, false, want 0, false", packet, code)
		}
		// A packet stays what it is with a field nobody knows behind it.
		longer := protowire.AppendVarint(protowire.AppendTag(bytes.Clone(packet), 99, protowire.VarintType), 1)
		if c, o := ExitCode(longer); ok && (c != code || !o) {
			t.Fatalf("ExitCode(% x) = %d, %v, want %d, %v", longer, c, o, code, ok)
		}
	})
}
