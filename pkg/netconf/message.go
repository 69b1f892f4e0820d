package netconf

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/netip"
	"syscall"
)

// native is the byte order of netlink's own numbers.
var native = binary.NativeEndian

const (
	headerSize     = 16 // struct nlmsghdr of linux/netlink.h
	attrHeaderSize = 4  // struct nlattr
	attrTypeMask   = 0x3fff
)

// message is one message of netlink(7). Its body is a header of the family's
// and attributes, in the buffer that the message came in.
type message struct {
	kind, flags uint16
	seq, port   uint32
	body        []byte
}

// splitMessage returns the first message of a datagram, and the others.
func splitMessage(data []byte) (m message, rest []byte, err error) {
	if len(data) < headerSize {
		return message{}, nil, fmt.Errorf("netlink message: %d bytes are no header", len(data))
	}
	size := int(native.Uint32(data))
	if size < headerSize || size > len(data) {
		return message{}, nil, fmt.Errorf("netlink message: says that it has %d bytes, of %d", size, len(data))
	}
	m = message{
		kind:  native.Uint16(data[4:]),
		flags: native.Uint16(data[6:]),
		seq:   native.Uint32(data[8:]),
		port:  native.Uint32(data[12:]),
		body:  data[headerSize:size],
	}
	return m, data[min(aligned(size), len(data)):], nil
}

// eachAttribute calls take with every attribute of data, which begins with the
// first, until take returns an error. The kind has no flags.
func eachAttribute(data []byte, take func(kind uint16, value []byte) error) error {
	for len(data) > 0 {
		if len(data) < attrHeaderSize {
			return fmt.Errorf("netlink attribute: %d bytes are no header", len(data))
		}
		size := int(native.Uint16(data))
		kind := native.Uint16(data[2:]) & attrTypeMask
		if size < attrHeaderSize || size > len(data) {
			return fmt.Errorf("netlink attribute %d: says that it has %d bytes, of %d", kind, size, len(data))
		}
		if err := take(kind, data[attrHeaderSize:size]); err != nil {
			return fmt.Errorf("netlink attribute %d: %w", kind, err)
		}
		data = data[min(aligned(size), len(data)):]
	}
	return nil
}

// splitBody parts a message's body into the family's header of size bytes and
// the attributes.
func splitBody(body []byte, size int) (header, attributes []byte, err error) {
	if len(body) < size {
		return nil, nil, fmt.Errorf("netlink message: a body of %d bytes is shorter than %d", len(body), size)
	}
	return body[:size], body[size:], nil
}

func decodeUint32(value []byte) (uint32, error) {
	if len(value) != 4 {
		return 0, fmt.Errorf("a number of %d bytes", len(value))
	}
	return native.Uint32(value), nil
}

// decodeAddr takes an address of the family, AF_INET or AF_INET6.
func decodeAddr(family uint8, value []byte) (netip.Addr, error) {
	a, ok := netip.AddrFromSlice(value)
	if !ok || familyOf(a) != family {
		return netip.Addr{}, fmt.Errorf("an address of %d bytes for family %d", len(value), family)
	}
	return a, nil
}

func decodeString(value []byte) string {
	text, _, _ := bytes.Cut(value, []byte{0})
	return string(text)
}

// request is a message to the kernel. Its length and its sequence number stay
// zero until it is sealed.
type request []byte

// usualRequest is more than most requests have, in bytes.
const usualRequest = 128

// newRequest begins a message with the family's header; attributes follow it.
func newRequest(kind, flags uint16, header ...byte) request {
	r := make(request, headerSize, usualRequest)
	native.PutUint16(r[4:], kind)
	native.PutUint16(r[6:], flags|syscall.NLM_F_REQUEST)
	return append(r, header...)
}

// attr appends an attribute, whose value is shorter than 64 KiB, and its padding.
func (r request) attr(kind uint16, value []byte) request {
	r = native.AppendUint16(r, uint16(attrHeaderSize+len(value))) //nolint:gosec // values are names, addresses and numbers
	r = native.AppendUint16(r, kind)
	r = append(r, value...)
	return append(r, make([]byte, aligned(len(r))-len(r))...)
}

func (r request) attrUint32(kind uint16, value uint32) request {
	return r.attr(kind, native.AppendUint32(nil, value))
}

// attrString appends a string with the NUL that the kernel asks for.
func (r request) attrString(kind uint16, value string) request {
	return r.attr(kind, append([]byte(value), 0))
}

// seal writes what is known only when r is sent; the flags are added to r's.
func (r request) seal(seq uint32, flags uint16) {
	native.PutUint32(r, uint32(len(r))) //nolint:gosec // some dozens
	native.PutUint16(r[6:], native.Uint16(r[6:])|flags)
	native.PutUint32(r[8:], seq)
}

// aligned is NLMSG_ALIGN and NLA_ALIGN: all parts begin at a multiple of four.
func aligned(size int) int { return (size + 3) &^ 3 }

func familyOf(a netip.Addr) uint8 {
	if a.Is6() {
		return syscall.AF_INET6
	}
	return syscall.AF_INET
}
