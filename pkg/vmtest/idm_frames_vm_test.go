//go:build vm

package vmtest

import (
	"bytes"
	"encoding/binary"

	"google.golang.org/protobuf/encoding/protowire"
)

// Frames by hand, so that wrong ones can be made of them.

func field(number protowire.Number, content []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(nil, number, protowire.BytesType), content)
}

func varint(number protowire.Number, value uint64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(nil, number, protowire.VarintType), value)
}

func join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

func sized(packet []byte) []byte {
	return append(binary.LittleEndian.AppendUint32(nil, uint32(len(packet))), packet...)
}

// Numbers of requests in IdmRequest, 1 less in Request.
const (
	pingRequest    = 2
	metricsRequest = 3
)

// frame1 is IdmPacket{request=2: IdmRequest{id=1, number: {}}}.
func frame1(id uint64, number protowire.Number) []byte {
	return sized(field(2, join(varint(1, id), field(number, nil))))
}

// frame2 is IdmTransportPacket{id=1, channel=2: 0, form=3, data=4}.
func frame2(id, form uint64, data []byte) []byte {
	return join([]byte{0xff, 0xff}, sized(join(varint(1, id), varint(3, form), field(4, data))))
}

func ping2(id uint64) []byte { return frame2(id, 3, field(pingRequest-1, nil)) }

// start2 is the stream request of a command.
func start2(id uint64, command ...string) []byte {
	var words []byte
	for _, word := range command {
		words = append(words, field(2, []byte(word))...)
	}
	return frame2(id, 5, field(3, field(1, words)))
}

func stdin2(id uint64, data []byte) []byte { return frame2(id, 6, field(3, field(2, field(1, data)))) }

// answer1 is IdmPacket{response=3: IdmResponse{id=1, ping=2: {}}}.
func answer1(id uint64) []byte { return sized(field(3, join(varint(1, id), field(2, nil)))) }
