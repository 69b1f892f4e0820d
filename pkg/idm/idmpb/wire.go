package idmpb

import (
	"encoding/binary"
	"fmt"
	"math"
	"strings"
	"unicode/utf8"

	"github.com/kguest/kguest/pkg/idm/wire"
)

// maxDepth bounds how deep messages may stand in each other.
const maxDepth = 100

// MaxElements bounds the messages and the values of lists in a message that
// Unmarshal reads. Two bytes can be a message, of which Go's form takes up to a
// hundred.
const MaxElements = 1 << 20

// Message is every message of this package.
type Message interface {
	AppendTo(b []byte) []byte
	Unmarshal(b []byte) error
	merge(b []byte, d *decoder) error
}

// Unmarshal is m.Unmarshal with another limit than MaxElements.
func Unmarshal(m Message, b []byte, elements int) error {
	return m.merge(b, &decoder{depth: maxDepth, elements: elements, limit: elements})
}

// decoder is what is left of the limits while a message is read.
type decoder struct {
	depth           int
	elements, limit int
}

func newDecoder() *decoder {
	return &decoder{depth: maxDepth, elements: MaxElements, limit: MaxElements}
}

// element counts one more message, or value of a list.
func (d *decoder) element() error {
	if d.elements--; d.elements < 0 {
		return TooManyError(d.limit)
	}
	return nil
}

// TooManyError is the limit of a message that has more messages and values in it.
type TooManyError int

func (e TooManyError) Error() string {
	return fmt.Sprintf("more than %d messages and values in one message", int(e))
}

// field is one field as it stands on the wire.
type field struct {
	key  uint64 // number<<3 | wire type
	bits uint64 // of a varint or a fixed
	data []byte // of what has a length; part of the input
}

// next takes the first field off b. A group is passed over: its field has no
// key that a message knows.
func next(b []byte) (f field, rest []byte, err error) {
	number, kind, n, err := wire.ReadTag(b)
	if err != nil {
		return field{}, nil, err
	}
	if number > wire.MaxNumber {
		return field{}, nil, fmt.Errorf("field %d: number over %d", number, wire.MaxNumber)
	}
	b = b[n:]
	switch kind {
	case wire.Varint:
		f.bits, n, err = wire.ReadVarint(b)
	case wire.Fixed64:
		f.bits, n, err = wire.ReadFixed64(b)
	case wire.Bytes:
		f.data, n, err = wire.ReadBytes(b)
	default:
		n, err = wire.Size(number, kind, b)
	}
	if err != nil {
		return field{}, nil, fmt.Errorf("field %d: %w", number, err)
	}
	f.key = wire.Key(number, kind)
	return f, b[n:], nil
}

func (f field) bool() bool      { return f.bits != 0 }
func (f field) double() float64 { return math.Float64frombits(f.bits) }
func (f field) bytes() []byte   { return append([]byte(nil), f.data...) }

func (f field) string(name string) (string, error) {
	if !utf8.Valid(f.data) {
		return "", fmt.Errorf("%s: not UTF-8", name)
	}
	return string(f.data), nil
}

// message takes the fields of f into the message.
func (f field) message(into Message, d *decoder) error {
	if d.depth == 0 {
		return errTooDeep()
	}
	if err := d.element(); err != nil {
		return err
	}
	d.depth--
	err := into.merge(f.data, d)
	d.depth++
	return err
}

// appender is a message that can be written.
type appender interface {
	AppendTo(b []byte) []byte
}

// appendMessage appends m with its length in front, which is known only
// afterwards: most fit the one byte that is left for it.
func appendMessage(b []byte, key uint64, m appender) []byte {
	b = binary.AppendUvarint(b, key)
	at := len(b)
	b = m.AppendTo(append(b, 0))
	size := len(b) - at - 1
	if size < 1<<7 {
		b[at] = byte(size) //nolint:gosec // G115: checked above
		return b
	}
	var length [10]byte
	n := len(binary.AppendUvarint(length[:0], uint64(size)))
	b = append(b, length[1:n]...)
	copy(b[at+n:], b[at+1:at+1+size])
	copy(b[at:], length[:n])
	return b
}

// boolBits is a bool as a number.
func boolBits(v bool) uint64 {
	if v {
		return 1
	}
	return 0
}

// The append functions write a field whatever its value; the put functions
// leave out a zero, as proto3 has it.

func appendBits(b []byte, key, bits uint64) []byte {
	return binary.AppendUvarint(binary.AppendUvarint(b, key), bits)
}

func putBits(b []byte, key, bits uint64) []byte {
	if bits == 0 {
		return b
	}
	return appendBits(b, key, bits)
}

func appendDouble(b []byte, key uint64, v float64) []byte {
	return binary.LittleEndian.AppendUint64(binary.AppendUvarint(b, key), math.Float64bits(v))
}

// putDouble leaves out 0, and writes -0.
func putDouble(b []byte, key uint64, v float64) []byte {
	if math.Float64bits(v) == 0 {
		return b
	}
	return appendDouble(b, key, v)
}

func appendBytes(b []byte, key uint64, v []byte) []byte {
	return wire.AppendBytes(binary.AppendUvarint(b, key), v)
}

func putBytes(b []byte, key uint64, v []byte) []byte {
	if len(v) == 0 {
		return b
	}
	return appendBytes(b, key, v)
}

// appendString replaces what is not UTF-8 (a process's name, say) by U+FFFD: a
// strict reader would refuse the whole message for it.
func appendString(b []byte, key uint64, v string) []byte {
	if !utf8.ValidString(v) {
		v = strings.ToValidUTF8(v, string(utf8.RuneError))
	}
	return wire.AppendBytes(binary.AppendUvarint(b, key), v)
}

func putString(b []byte, key uint64, v string) []byte {
	if v == "" {
		return b
	}
	return appendString(b, key, v)
}

// packBits appends one value of a packed field.
func packBits(b []byte, bits uint64) []byte { return binary.AppendUvarint(b, bits) }

// packDouble appends one value of a packed field.
func packDouble(b []byte, v float64) []byte {
	return binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
}

// unpackBits gives each value of a packed field to add.
func (f field) unpackBits(d *decoder, add func(field)) error {
	return f.unpack(d, wire.ReadVarint, add)
}

// unpackDouble gives each value of a packed field to add.
func (f field) unpackDouble(d *decoder, add func(field)) error {
	return f.unpack(d, wire.ReadFixed64, add)
}

func (f field) unpack(d *decoder, read func([]byte) (uint64, int, error), add func(field)) error {
	for b := f.data; len(b) > 0; {
		bits, n, err := read(b)
		if err != nil {
			return fmt.Errorf("packed field: %w", err)
		}
		if err := d.element(); err != nil {
			return err
		}
		add(field{bits: bits})
		b = b[n:]
	}
	return nil
}

// A map is a repeated message of two fields, the key and the value.

func appendEntry(b []byte, key, nameKey uint64, name string, valueKey uint64, value appender) []byte {
	return appendMessage(b, key, entry{nameKey, name, valueKey, value})
}

type entry struct {
	nameKey  uint64
	name     string
	valueKey uint64
	value    appender
}

func (e entry) AppendTo(b []byte) []byte {
	return appendMessage(appendString(b, e.nameKey, e.name), e.valueKey, e.value)
}

// entry reads one entry of a map from string to message.
func (f field) entry(where string, value Message, d *decoder) (name string, err error) {
	if d.depth == 0 {
		return "", errTooDeep()
	}
	if err := d.element(); err != nil {
		return "", err
	}
	d.depth--
	defer func() { d.depth++ }()
	for b := f.data; len(b) > 0; {
		part, rest, err := next(b)
		if err != nil {
			return "", in(where, err)
		}
		b = rest
		switch part.key {
		case 1<<3 | uint64(wire.Bytes):
			name, err = part.string(where)
		case 2<<3 | uint64(wire.Bytes):
			err = part.message(value, d)
		}
		if err != nil {
			return "", err
		}
	}
	return name, nil
}

// in says in which message err came up.
func in(message string, err error) error { return fmt.Errorf("%s: %w", message, err) }

func errTooDeep() error {
	return fmt.Errorf("messages stand more than %d deep in each other", maxDepth)
}
