package idm

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/kguest/kguest/pkg/idm/idmpb"
)

// MaxFrame bounds the length a frame may claim, in bytes.
const MaxFrame = 20 << 20

// Sizes of what stands before a packet, in bytes.
const (
	header1 = 4 // length
	header2 = 6 // magic, length
)

// magic is each of the two bytes that a frame of version 2 begins with.
const magic = 0xff

// appendFrame appends m's frame of version to b. limit bounds its packet.
func appendFrame(b []byte, m Message, version Version, limit int) ([]byte, error) {
	if version == Version2 {
		b = append(b, magic, magic)
	}
	at := len(b)
	b = append(b, 0, 0, 0, 0)
	if version == Version2 {
		b = packet2(m).AppendTo(b)
	} else {
		packet, err := packet1(m)
		if err != nil {
			return nil, err
		}
		b = packet.AppendTo(b)
	}
	size := len(b) - at - 4
	if size > limit || size > math.MaxUint32 {
		return nil, fmt.Errorf("%w: %d bytes, limit %d", ErrTooLarge, size, limit)
	}
	binary.LittleEndian.PutUint32(b[at:], uint32(size)) //nolint:gosec // G115: checked above
	return b, nil
}

func packet2(m Message) *idmpb.IdmTransportPacket {
	packet := &idmpb.IdmTransportPacket{
		Id: m.ID, Channel: m.Channel, Form: idmpb.IdmTransportPacketForm(m.Form),
	}
	if m.Body != nil {
		packet.Data = m.Body.AppendTo(nil)
	}
	return packet
}

// decodeFrame returns the message of a packet, which has at most so many
// elements; false where it says nothing that is known here.
func decodeFrame(packet []byte, version Version, elements int) (Message, bool, error) {
	if version == Version1 {
		return decode1(packet, elements)
	}
	return decode2(packet, elements)
}

func decode2(b []byte, elements int) (Message, bool, error) {
	var packet idmpb.IdmTransportPacket
	if err := packet.Unmarshal(b); err != nil {
		return Message{}, false, err
	}
	m := Message{ID: packet.Id, Channel: packet.Channel, Form: Form(packet.Form), Version: Version2}
	switch {
	case m.Form < FormRaw || m.Form > FormStreamResponseClosed:
		return Message{}, false, nil
	case m.Form == FormStreamRequestClosed || m.Form == FormStreamResponseClosed:
		return m, true, nil
	}
	body := newBody(m.Channel, m.Form)
	if body == nil {
		m.Body = Raw(packet.Data)
		return m, true, nil
	}
	if err := idmpb.Unmarshal(body, packet.Data, elements); err != nil {
		return Message{}, false, err
	}
	m.Body = body
	return m, true, nil
}
