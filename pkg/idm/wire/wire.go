// Package wire reads and writes the fields of protobuf messages
// (protobuf.dev/programming-guides/encoding). It is what a guest needs of
// google.golang.org/protobuf/encoding/protowire, which opens and hashes the
// program at each start.
package wire

import (
	"encoding/binary"
	"math"
)

// Kind is how a field stands on the wire.
type Kind uint8

// The kinds.
const (
	Varint   Kind = 0
	Fixed64  Kind = 1
	Bytes    Kind = 2 // with its length in front
	Group    Kind = 3 // with fields in it, up to its GroupEnd; proto3 has none
	GroupEnd Kind = 4
	Fixed32  Kind = 5
)

// MaxNumber is the highest number of a field.
const MaxNumber = 1<<29 - 1

// maxGroups is how deep groups may stand in each other.
const maxGroups = 10000

// Error is what is wrong with a field.
type Error string

func (e Error) Error() string { return string(e) }

// The errors. A field that is Cut may be whole with more bytes.
const (
	Cut       Error = "unexpected EOF"
	BadNumber Error = "invalid field number"
	Overflow  Error = "variable length integer overflow"
	BadKind   Error = "cannot parse reserved wire type"
	BadEnd    Error = "mismatching end group marker"
	TooDeep   Error = "groups stand too deep in each other"
)

// Key returns a field's tag as a number.
func Key(number uint64, kind Kind) uint64 { return number<<3 | uint64(kind) }

// AppendBytes appends v with its length in front.
func AppendBytes[T []byte | string](b []byte, v T) []byte {
	return append(binary.AppendUvarint(b, uint64(len(v))), v...)
}

// ReadTag reads the tag that b begins with, and returns its size.
func ReadTag(b []byte) (number uint64, kind Kind, size int, err error) {
	key, size, err := ReadVarint(b)
	switch number = key >> 3; {
	case err != nil:
		return 0, 0, 0, err
	case number == 0 || number > math.MaxInt32:
		return 0, 0, 0, BadNumber
	}
	return number, Kind(key & 7), size, nil
}

// ReadVarint reads the number that b begins with, and returns its size.
func ReadVarint(b []byte) (v uint64, size int, err error) {
	v, size = binary.Uvarint(b)
	switch {
	case size < 0, size == 0 && len(b) >= binary.MaxVarintLen64:
		return 0, 0, Overflow
	case size == 0:
		return 0, 0, Cut
	}
	return v, size, nil
}

// ReadFixed64 reads the number that b begins with, and returns its size.
func ReadFixed64(b []byte) (v uint64, size int, err error) {
	if len(b) < 8 {
		return 0, 0, Cut
	}
	return binary.LittleEndian.Uint64(b), 8, nil
}

// ReadBytes reads what b begins with, with its length in front, and returns the
// size of both. The result is part of b.
func ReadBytes(b []byte) (v []byte, size int, err error) {
	length, size, err := ReadVarint(b)
	switch {
	case err != nil:
		return nil, 0, err
	case length > uint64(len(b)-size): //nolint:gosec // G115: size is within b
		return nil, 0, Cut
	}
	end := size + int(length) //nolint:gosec // G115: checked above
	return b[size:end], end, nil
}

// Size returns the size of the value, of a field with that number and kind, that
// b begins with: of a group with its end.
func Size(number uint64, kind Kind, b []byte) (int, error) {
	switch kind {
	case Varint:
		_, n, err := ReadVarint(b)
		return n, err
	case Fixed64:
		return fixed(b, 8)
	case Fixed32:
		return fixed(b, 4)
	case Bytes:
		_, n, err := ReadBytes(b)
		return n, err
	case Group:
		return group(number, b)
	case GroupEnd:
		return 0, BadEnd
	}
	return 0, BadKind
}

func fixed(b []byte, size int) (int, error) {
	if len(b) < size {
		return 0, Cut
	}
	return size, nil
}

func group(number uint64, b []byte) (size int, err error) {
	open := []uint64{number}
	for len(open) > 0 {
		number, kind, n, err := ReadTag(b[size:])
		if err != nil {
			return 0, err
		}
		size += n
		switch {
		case kind == Group && len(open) == maxGroups:
			return 0, TooDeep
		case kind == Group:
			open = append(open, number)
			continue
		case kind == GroupEnd && number == open[len(open)-1]:
			open = open[:len(open)-1]
			continue
		}
		if n, err = Size(number, kind, b[size:]); err != nil {
			return 0, err
		}
		size += n
	}
	return size, nil
}
