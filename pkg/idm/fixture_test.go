package idm

import "google.golang.org/protobuf/encoding/protowire"

// Field numbers of version 1.
const (
	packetEvent protowire.Number = 1 // IdmPacket.event
	eventExit   protowire.Number = 1 // IdmEvent.exit
)

// field is a message as field n of another.
func field(n protowire.Number, message []byte) []byte {
	b := protowire.AppendTag(nil, n, protowire.BytesType)
	return protowire.AppendBytes(b, message)
}
