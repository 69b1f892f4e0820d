// Code generated from krata/idm/transport.proto by package gen. DO NOT EDIT.

package idmpb

// IdmTransportPacketForm says what a packet is.
type IdmTransportPacketForm int32

// The values of IdmTransportPacketForm.
const (
	IdmTransportPacketFormUnknown              IdmTransportPacketForm = 0
	IdmTransportPacketFormRaw                  IdmTransportPacketForm = 1
	IdmTransportPacketFormEvent                IdmTransportPacketForm = 2
	IdmTransportPacketFormRequest              IdmTransportPacketForm = 3
	IdmTransportPacketFormResponse             IdmTransportPacketForm = 4
	IdmTransportPacketFormStreamRequest        IdmTransportPacketForm = 5
	IdmTransportPacketFormStreamRequestUpdate  IdmTransportPacketForm = 6
	IdmTransportPacketFormStreamResponseUpdate IdmTransportPacketForm = 7
	IdmTransportPacketFormStreamRequestClosed  IdmTransportPacketForm = 8
	IdmTransportPacketFormStreamResponseClosed IdmTransportPacketForm = 9
)

// IdmTransportPacket is what one frame carries, either way.
type IdmTransportPacket struct {
	// Of a request and its response, or of a stream and its updates.
	Id uint64
	// 0: krata.idm.internal. 27495 (0x6b67): kguest.idm.
	Channel uint64
	Form    IdmTransportPacketForm
	// A message of the channel; which one, the form tells.
	Data []byte
}

// AppendTo appends the wire form of m to b. A nil m is an empty message.
func (m *IdmTransportPacket) AppendTo(b []byte) []byte {
	if m == nil {
		return b
	}
	b = putBits(b, 8, m.Id)
	b = putBits(b, 16, m.Channel)
	b = putBits(b, 24, uint64(m.Form))
	b = putBytes(b, 34, m.Data)
	return b
}

// Unmarshal sets m to the message that is b, of which it keeps no part. After an
// error m has what stood before it.
func (m *IdmTransportPacket) Unmarshal(b []byte) error {
	*m = IdmTransportPacket{}
	return m.merge(b, newDecoder())
}

func (m *IdmTransportPacket) merge(b []byte, _ *decoder) error {
	for len(b) > 0 {
		f, rest, err := next(b)
		if err != nil {
			return in("IdmTransportPacket", err)
		}
		b = rest
		switch f.key {
		case 8: // id
			m.Id = f.bits
		case 16: // channel
			m.Channel = f.bits
		case 24: // form
			m.Form = IdmTransportPacketForm(f.bits)
		case 34: // data
			m.Data = f.bytes()
		}
		if err != nil {
			return err
		}
	}
	return nil
}
