package idm

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func mustFrame(t testing.TB, m Message, version Version) []byte {
	t.Helper()
	b, err := appendFrame(nil, m, version, MaxFrame)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// ids returns the ids of the messages.
func ids(messages []Message) []uint64 {
	all := []uint64{}
	for _, m := range messages {
		all = append(all, m.ID)
	}
	return all
}

// TestScannerSplits splits three frames, and garbage between them, at every
// byte. krata's reader gave two and three of one, two, three where a read ended
// inside two.
func TestScannerSplits(t *testing.T) {
	for _, version := range []Version{Version1, Version2} {
		for _, garbage := range []string{"", "x", "\x00", "\xff", "\xff\xff", "\xff\xff\xff\xff\xff\xff\xff"} {
			var stream []byte
			for id := range uint64(3) {
				stream = append(stream, mustFrame(t, ping(id+1), version)...)
				stream = append(stream, garbage...)
			}
			for cut := range stream {
				for _, fixed := range []Version{Auto, version} {
					got, _ := scan(fixed, stream[:cut], stream[cut:])
					if diff := cmp.Diff([]uint64{1, 2, 3}, ids(got)); diff != "" {
						t.Errorf("version %d, garbage %q, cut at %d: (-want +got):\n%s", version, garbage, cut, diff)
					}
				}
			}
			byByte := bytes.Split(stream, nil)
			if got, _ := scan(version, byByte...); len(got) != 3 {
				t.Errorf("version %d, garbage %q, byte by byte: %d messages, want 3", version, garbage, len(got))
			}
		}
	}
}

func TestScannerGarbage(t *testing.T) {
	lost := mustFrame(t, stdin(8, bytes.Repeat([]byte("data"), 100)), Version2)
	ping2, ping1 := mustFrame(t, ping(1), Version2), mustFrame(t, ping(1), Version1)
	tests := []struct {
		name    string
		version Version
		stream  []byte
		want    []uint64
		skipped uint64
	}{
		{"one byte before a frame", Version2, append([]byte{7}, ping2...), []uint64{1}, 1},
		{"one byte before a frame", Version1, append([]byte{7}, ping1...), []uint64{1}, 1},
		{"half a magic", Version2, append([]byte{0xff}, ping2...), []uint64{1}, 1},
		{"a length over the limit", Version2, append([]byte("\xff\xff\xff\xff\xff\xff"), ping2...), []uint64{1}, 6},
		{"a length over the limit", Version1, append([]byte("\xff\xff\xff\xff"), ping1...), []uint64{1}, 4},
		{"a length over the limit", Auto, append([]byte("\xff\xff\xff\xff"), ping1...), []uint64{1}, 4},
		{"text", Version1, append([]byte("Linux version 6.1.0\r\n"), ping1...), []uint64{1}, 21},
		{"text", Auto, append([]byte("Linux version 6.1.0\r\n"), ping2...), []uint64{1}, 21},
		{"a frame's end", Version2, append(bytes.Clone(lost[50:]), ping2...), []uint64{1}, uint64(len(lost) - 50)},
		// What is lost inside of data nobody can see: the next frame makes up for it.
		{"a frame without its middle", Version2, bytes.Join([][]byte{lost[:50], lost[60:], ping2, ping2}, nil), []uint64{8, 1}, 4},
		{"a packet that is none", Version2, append([]byte("\xff\xff\x03\x00\x00\x00\x08\x80\x80"), ping2...), []uint64{1}, 9},
		{"a body that is none", Version2, append([]byte("\xff\xff\x05\x00\x00\x00\x18\x03\x22\x01\x0a"), ping2...), []uint64{1}, 11},
		{"a magic without end", Version2, append(bytes.Repeat([]byte{0xff}, 100), ping2...), []uint64{1}, 100},
	}
	for _, tt := range tests {
		got, stats := scan(tt.version, tt.stream)
		if diff := cmp.Diff(tt.want, ids(got)); diff != "" {
			t.Errorf("version %d, %s: (-want +got):\n%s", tt.version, tt.name, diff)
		}
		if want := (Stats{Frames: uint64(len(tt.want)), Dropped: 1, Skipped: tt.skipped}); stats != want {
			t.Errorf("version %d, %s: %+v, want %+v", tt.version, tt.name, stats, want)
		}
	}
}

// TestScannerGivesUp has a frame that never becomes whole swallow those behind
// it until the peer is silent.
func TestScannerGivesUp(t *testing.T) {
	for _, tt := range []struct {
		version Version
		head    string
	}{
		{Version1, "\x00\x00\x01\x00\x12\xfc\xff\x03"},
		{Version2, "\xff\xff\x00\x00\x01\x00\x22\xf0\xff\x03"},
	} {
		frame := mustFrame(t, ping(5), tt.version)
		var count counters
		s := &scanner{fixed: tt.version, limit: MaxFrame, elements: requestElements, count: &count}
		if got := collect(s, []byte(tt.head), frame, frame, frame[:3]); len(got) != 0 {
			t.Errorf("version %d: %d messages before the frame is given up, want 0", tt.version, len(got))
		}
		s.giveUp(s.end())
		if diff := cmp.Diff([]uint64{5, 5}, ids(collect(s, nil))); diff != "" || s.pending() != 0 {
			t.Errorf("version %d: %d bytes pending, (-want +got):\n%s", tt.version, s.pending(), diff)
		}
		if diff := cmp.Diff([]uint64{5}, ids(collect(s, frame[:3], frame[3:]))); diff != "" {
			t.Errorf("version %d: a frame that comes later (-want +got):\n%s", tt.version, diff)
		}
		if want := (Stats{Frames: 3, Dropped: 2, Skipped: uint64(len(tt.head) + 3)}); count.stats() != want {
			t.Errorf("version %d: %+v, want %+v", tt.version, count.stats(), want)
		}
	}
}

// TestScannerVersions has hosts of both versions come and go.
func TestScannerVersions(t *testing.T) {
	one, two := mustFrame(t, ping(1), Version1), mustFrame(t, ping(2), Version2)
	got, stats := scan(Auto, bytes.Join([][]byte{one, two, two, one, []byte("x"), one, two}, nil))
	versions := []Version{}
	for _, m := range got {
		versions = append(versions, m.Version)
	}
	if diff := cmp.Diff([]Version{1, 2, 2, 1, 1, 2}, versions); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if want := (Stats{Frames: 6, Dropped: 1, Skipped: 1}); stats != want {
		t.Errorf("%+v, want %+v", stats, want)
	}
	if got, _ := scan(Version1, two, one); len(got) != 1 || got[0].ID != 1 {
		t.Errorf("fixed to version 1: %v, want its frame alone", ids(got))
	}
	if got, _ := scan(Version2, one, two); len(got) != 1 || got[0].ID != 2 {
		t.Errorf("fixed to version 2: %v, want its frame alone", ids(got))
	}
}

// TestScannerMemory has headers claim what never comes.
func TestScannerMemory(t *testing.T) {
	var count counters
	s := &scanner{fixed: Version2, limit: MaxFrame, elements: requestElements, count: &count}
	head := binary.LittleEndian.AppendUint32([]byte{magic, magic}, MaxFrame)
	collect(s, head)
	if cap(s.data) > 1<<10 {
		t.Errorf("a header of %d bytes made a buffer of %d", len(head), cap(s.data))
	}
	frame := mustFrame(t, stdin(1, make([]byte, 1<<20)), Version2)
	if got := collect(s, frame[6:]); len(got) != 0 {
		t.Errorf("%d messages, want 0", len(got))
	}
	s.giveUp(s.end())
	collect(s, frame)
	if got := collect(s, frame); len(got) != 1 || cap(s.data) > 4<<20 {
		t.Errorf("%d messages, want 1; a buffer of %d bytes", len(got), cap(s.data))
	}
	if collect(s, frame[:1]); cap(s.data) > keep {
		t.Errorf("a buffer of %d bytes is kept for 1", cap(s.data))
	}
}

// TestScannerWork has each byte begin a frame that is found wrong at its end
// only: what is read in vain stays within bounds.
func TestScannerWork(t *testing.T) {
	const size = 1 << 20
	for _, version := range []Version{Version1, Version2} {
		// Headers in a row, each for all that follows; then many small fields; then
		// what is no field.
		var stream []byte
		tail := append(bytes.Repeat([]byte{0x28, 0}, size/2), 0x07, 0x07)
		for left := 2000; left > 0; left-- {
			packet := 20*(left-1) + len(tail) + 20
			header := []byte{magic, magic}
			if version == Version1 {
				header = nil
			}
			header = binary.LittleEndian.AppendUint32(header, uint32(packet-len(header)-4))
			field := append([]byte{0x2a, 0}, bytes.Repeat([]byte{0x28, 0}, 9)...)[:20-len(header)]
			field[1] = byte(len(field) - 2)
			stream = append(append(stream, header...), field...)
		}
		stream = append(stream, tail...)
		var count counters
		s := &scanner{fixed: version, limit: MaxFrame, elements: requestElements, count: &count}
		got := collect(s, stream)
		s.giveUp(s.end())
		got = append(got, collect(s, mustFrame(t, ping(3), version))...)
		if s.work > workPerByte*s.taken+workFree+MaxFrame {
			t.Errorf("version %d: %d bytes read in vain for %d", version, s.work, s.taken)
		}
		if s.work < size {
			t.Errorf("version %d: %d bytes read in vain: the stream tries nothing", version, s.work)
		}
		if len(got) != 1 {
			t.Errorf("version %d: %d messages, want the last", version, len(got))
		}
	}
}

// FuzzScanner splits any stream in two ways: the same messages come out, and
// every byte is in a frame or counted.
func FuzzScanner(f *testing.F) {
	for _, fixture := range frameFixtures {
		f.Add(uint8(fixture.version), fromHex(f, fixture.bytes), []byte{1, 2, 3})
		f.Add(uint8(0), append(fromHex(f, fixture.bytes), fromHex(f, frameFixtures[0].bytes)...), []byte{5})
	}
	f.Add(uint8(2), []byte("\xff\xff\xff\xff\x01\x00\xff\xff\x00\x00\x00\x00"), []byte{2})
	f.Fuzz(func(t *testing.T, version uint8, stream, sizes []byte) {
		fixed := Version(version % 3)
		want, wantStats := scanAll(fixed, stream)
		var pieces [][]byte
		for i, rest := 0, stream; len(rest) > 0; i++ {
			n := 1
			if len(sizes) > 0 {
				n = int(sizes[i%len(sizes)])
			}
			n = min(n, len(rest))
			pieces = append(pieces, rest[:n])
			rest = rest[n:]
			if n == 0 && i > len(sizes) {
				pieces, rest = append(pieces, rest), nil
			}
		}
		got, gotStats := scanAll(fixed, pieces...)
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty(), cmpopts.EquateNaNs()); diff != "" {
			t.Errorf("split in %d pieces (-whole +split):\n%s", len(pieces), diff)
		}
		if wantStats != gotStats {
			t.Errorf("split in %d pieces: %+v, want %+v", len(pieces), gotStats, wantStats)
		}
		if wantStats.Skipped > uint64(len(stream)) || wantStats.Frames < uint64(len(want)) ||
			wantStats.Frames == 0 && wantStats.Skipped != uint64(len(stream)) {
			t.Errorf("%d messages of %d bytes: %+v", len(want), len(stream), wantStats)
		}
	})
}

// scanAll is scan, and has the peer be silent in the end.
func scanAll(version Version, pieces ...[]byte) ([]Message, Stats) {
	var count counters
	s := &scanner{fixed: version, limit: 1 << 16, elements: requestElements, count: &count}
	all := collect(s, pieces...)
	s.giveUp(s.end())
	for m, ok := s.next(); ok; m, ok = s.next() {
		all = append(all, m)
	}
	return all, count.stats()
}

// FuzzMessage reads any packet: what it says is said again in the same version,
// and read back.
func FuzzMessage(f *testing.F) {
	for _, fixture := range frameFixtures {
		size := header1
		if fixture.version == Version2 {
			size = header2
		}
		f.Add(uint8(fixture.version), fromHex(f, fixture.bytes)[size:])
	}
	f.Fuzz(func(t *testing.T, v uint8, packet []byte) {
		version := Version(v%2 + 1)
		m, known, err := decodeFrame(packet, version, requestElements)
		if err != nil || !known {
			if diff := cmp.Diff(Message{}, m); diff != "" {
				t.Fatalf("message and error %v:\n%s", err, diff)
			}
			return
		}
		frame, err := appendFrame(nil, m, version, MaxFrame)
		if err != nil {
			if version == Version2 {
				t.Fatal(err)
			}
			return // a request that version 1 has no name for
		}
		got, _ := scan(version, frame)
		if diff := cmp.Diff([]Message{m}, got, cmpopts.EquateEmpty(), cmpopts.EquateNaNs()); diff != "" {
			t.Fatalf("(-said +heard):\n%s", diff)
		}
	})
}
