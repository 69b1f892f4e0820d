package idm

import (
	"bytes"
	"encoding/binary"
	"errors"

	"github.com/kguest/kguest/pkg/idm/idmpb"
	"github.com/kguest/kguest/pkg/idm/wire"
)

// scanner finds the frames in a stream of bytes that may have lost some, or
// gained some. What it finds depends on the bytes, not on how they were split.
type scanner struct {
	fixed Version // Auto where the frames decide
	limit int     // of a packet, in bytes
	// elements bounds the messages and list values in a packet.
	elements int
	count    *counters

	last Version // of the last frame that was known
	data []byte
	off  int // of the head in data: where a frame may begin

	// checked is how much of the packet at the head is known to be fields, in
	// bytes: it is read as it comes, so that a wrong length is found out at once.
	checked int
	// stale is the end of what is too old to be completed, in bytes of the stream:
	// a frame that begins before and is not complete is none.
	stale uint64
	// lost is set from the first byte that was passed over to the next frame.
	lost bool
	// taken and work bound what searching costs: bytes that are done with, and
	// bytes that were read in vain.
	taken, work uint64
}

// A stream made for it has every byte begin a frame that is found wrong only at
// its end. Beyond workPerByte bytes read in vain for each, and workFree, such a
// frame is passed over whole.
const (
	workPerByte = 16
	workFree    = 1 << 20
)

// keep is the capacity that an empty buffer may keep, in bytes.
const keep = 64 << 10

// write adds b, which the scanner does not keep.
func (s *scanner) write(b []byte) {
	switch rest := len(s.data) - s.off; {
	case rest == 0 && cap(s.data) > keep:
		s.data, s.off = nil, 0
	case s.off >= rest:
		copy(s.data, s.data[s.off:])
		s.data, s.off = s.data[:rest], 0
	}
	s.data = append(s.data, b...)
}

// giveUp has the frames that begin before the offset end of the stream, and are
// not complete, passed over: they have been waited for.
func (s *scanner) giveUp(end uint64) { s.stale = end }

// end is the offset in the stream of what is yet to come.
func (s *scanner) end() uint64 { return s.taken + uint64(s.pending()) } //nolint:gosec // G115: a size

// pending is how many bytes wait for more.
func (s *scanner) pending() int { return len(s.data) - s.off }

// expected is the length of the packet at the head, as far as it is known.
func (s *scanner) expected() int {
	if s.pending() == 0 {
		return 0
	}
	c, _ := s.head()
	return c.length
}

// next returns the next message; false where more bytes are needed.
func (s *scanner) next() (Message, bool) {
	for s.pending() > 0 {
		c, v := s.head()
		complete := s.pending() >= c.size+c.length
		switch {
		case v == wrong, s.taken < s.stale && (v == partial || !complete):
			s.skip(1)
		case v == partial:
			return Message{}, false
		case !s.check(c):
			s.reject(c.size, s.checked)
		case !complete:
			return Message{}, false
		default:
			if m, ok := s.take(c); ok {
				return m, true
			}
		}
	}
	return Message{}, false
}

// verdict is what the bytes at the head are.
type verdict int

const (
	partial verdict = iota // a frame, perhaps: more is needed to know
	whole                  // a frame, perhaps: it is all there
	wrong                  // no frame
)

// candidate is a frame that may begin at the head.
type candidate struct {
	version Version
	size    int // of the header
	length  int // of the packet
}

// head reads the header at the head. whole means that the header is.
func (s *scanner) head() (candidate, verdict) {
	b := s.data[s.off:]
	if b[0] == magic && s.fixed != Version1 {
		if len(b) < 2 {
			return candidate{}, partial
		}
		if b[1] == magic {
			return s.length(b, candidate{version: Version2, size: header2})
		}
	}
	if s.fixed == Version2 {
		return candidate{}, wrong
	}
	if s.fixed == Auto && s.last == Version2 {
		if v := request1Head(b); v != whole {
			return candidate{}, v
		}
	}
	return s.length(b, candidate{version: Version1, size: header1})
}

// request1Head reports whether b begins as a short request of version 1 does:
// its length, IdmPacket.request, and the length of that. Where version 2 is
// spoken, nothing looser is taken for a frame of version 1.
func request1Head(b []byte) verdict {
	size := b[0]
	if size < 2 || size > 0x7f {
		return wrong
	}
	want := [...]byte{size, 0, 0, 0, 0x12, size - 2}
	for i, w := range want {
		if i == len(b) {
			return partial
		}
		if b[i] != w {
			return wrong
		}
	}
	return whole
}

func (s *scanner) length(b []byte, c candidate) (candidate, verdict) {
	if len(b) < c.size {
		return c, partial
	}
	length := binary.LittleEndian.Uint32(b[c.size-4:])
	if int64(length) > int64(s.limit) {
		return c, wrong
	}
	c.length = int(length)
	return c, whole
}

// check goes on checking that what is there of the packet is a row of fields:
// false where no continuation makes it one.
func (s *scanner) check(c candidate) bool {
	b := s.data[s.off+c.size:]
	b = b[:min(c.length, len(b))]
	for s.checked < len(b) {
		n, v := fieldSize(b[s.checked:], c.length-s.checked)
		if v != whole {
			return v == partial
		}
		s.checked += n
	}
	return true
}

// fieldSize returns the size of the field that b begins with, which may end
// beyond b but not beyond room.
func fieldSize(b []byte, room int) (int, verdict) {
	number, kind, size, err := wire.ReadTag(b)
	if err != nil {
		return 0, cut(err, len(b), room)
	}
	var n int
	switch kind {
	case wire.Varint:
		n, err = wire.Size(number, kind, b[size:])
	case wire.Bytes:
		var length uint64
		length, n, err = wire.ReadVarint(b[size:])
		if err == nil {
			if length > uint64(room) { //nolint:gosec // G115: not negative
				return 0, wrong
			}
			n += int(length) //nolint:gosec // G115: checked above
		}
	case wire.Fixed64:
		n = 8
	case wire.Fixed32:
		n = 4
	default:
		return 0, wrong // a group: proto3 has none
	}
	if err != nil {
		return 0, cut(err, len(b), room)
	}
	if size+n > room {
		return 0, wrong
	}
	return size + n, whole
}

// cut says what an error of package wire at the end of got bytes means where
// room are to come.
func cut(err error, got, room int) verdict {
	if errors.Is(err, wire.Cut) && got < room {
		return partial
	}
	return wrong
}

// take takes the frame at the head; false where it is none, or says nothing
// known.
func (s *scanner) take(c candidate) (Message, bool) {
	end := s.off + c.size + c.length
	m, known, err := decodeFrame(s.data[end-c.length:end], c.version, s.elements)
	if _, over := errors.AsType[idmpb.TooManyError](err); over {
		s.skip(c.size + c.length) // what is so much in order is no accident, and dear to read again
		return Message{}, false
	}
	if err != nil || !known && s.doubtful(c) {
		s.reject(c.size, c.length)
		return Message{}, false
	}
	s.advance(c.size + c.length)
	s.lost = false
	s.count.frames.Add(1)
	if !known {
		s.count.unknown.Add(1)
		return Message{}, false
	}
	s.last = c.version
	return m, true
}

// doubtful reports whether a frame that says nothing known is taken for none:
// ff ff in front of a frame of version 1 looks like one of version 2.
func (s *scanner) doubtful(c candidate) bool {
	return s.fixed == Auto && c.version != s.last && c.length > 0
}

// reject passes over a header whose packet was found to be none after read
// bytes, or over both.
func (s *scanner) reject(header, read int) {
	s.work += uint64(read) //nolint:gosec // G115: a size
	if s.work > workPerByte*s.taken+workFree {
		s.skip(header + read)
		return
	}
	s.skip(1)
}

// skip passes over n bytes, and where only version 2 is spoken over all that
// cannot begin its frames.
func (s *scanner) skip(n int) {
	if s.fixed == Version2 {
		n = min(n, s.pending())
		next := bytes.IndexByte(s.data[s.off+n:], magic)
		if next < 0 {
			next = s.pending() - n
		}
		n += next
	}
	if !s.lost {
		s.count.dropped.Add(1)
	}
	s.lost = true
	s.count.skipped.Add(uint64(n)) //nolint:gosec // G115: a size
	s.advance(n)
}

func (s *scanner) advance(n int) {
	s.off += n
	s.taken += uint64(n) //nolint:gosec // G115: a size
	s.checked = 0
}
