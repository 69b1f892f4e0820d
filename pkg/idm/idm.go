// Package idm speaks the protocol between guest and host: so far the exit event
// of version 1.
//
// A frame of version 1 is a little-endian uint32 length and that many bytes of
// a protobuf IdmPacket.
package idm

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"google.golang.org/protobuf/encoding/protowire"
)

// Field numbers of version 1, package krata.internal.idm.
const (
	packetEvent   protowire.Number = 1 // IdmPacket.event
	eventExit     protowire.Number = 1 // IdmEvent.exit
	exitEventCode protowire.Number = 1 // IdmExitEvent.code
)

// MaxFrame bounds the length a frame may claim, in bytes.
const MaxFrame = 20 << 20

// ExitFrame returns the frame that tells the host the workload's exit code.
func ExitFrame(code int32) []byte {
	var exit []byte
	if code != 0 { // proto3 leaves a zero out
		exit = protowire.AppendTag(exit, exitEventCode, protowire.VarintType)
		exit = protowire.AppendVarint(exit, uint64(code)) //nolint:gosec // int32 is sign-extended on the wire
	}
	event := field(eventExit, exit)
	packet := field(packetEvent, event)
	frame := binary.LittleEndian.AppendUint32(nil, uint32(len(packet))) //nolint:gosec // a few bytes
	return append(frame, packet...)
}

func field(n protowire.Number, message []byte) []byte {
	b := protowire.AppendTag(nil, n, protowire.BytesType)
	return protowire.AppendBytes(b, message)
}

// ReadFrame reads one frame and returns its packet. The error is io.EOF at the
// end between two frames, io.ErrUnexpectedEOF in one.
func ReadFrame(r io.Reader) ([]byte, error) {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	n := binary.LittleEndian.Uint32(head[:])
	if n > MaxFrame {
		return nil, fmt.Errorf("read frame: length %d: over the limit of %d", n, MaxFrame)
	}
	packet := make([]byte, n)
	if _, err := io.ReadFull(r, packet); err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
	return packet, nil
}

// ExitCode returns the code of an exit event; ok is false where packet is
// something else.
func ExitCode(packet []byte) (code int32, ok bool) {
	event, ok := message(packet, packetEvent)
	if !ok {
		return 0, false
	}
	exit, ok := message(event, eventExit)
	if !ok {
		return 0, false
	}
	for len(exit) > 0 {
		num, typ, n := protowire.ConsumeTag(exit)
		if n < 0 {
			return 0, false
		}
		exit = exit[n:]
		if num == exitEventCode && typ == protowire.VarintType {
			v, n := protowire.ConsumeVarint(exit)
			if n < 0 {
				return 0, false
			}
			code, exit = int32(v), exit[n:] //nolint:gosec // int32 is sign-extended on the wire
			continue
		}
		if n = protowire.ConsumeFieldValue(num, typ, exit); n < 0 {
			return 0, false
		}
		exit = exit[n:]
	}
	return code, true
}

// message returns the last field want of b, which must be well formed.
func message(b []byte, want protowire.Number) (found []byte, ok bool) {
	for len(b) > 0 {
		num, typ, n := protowire.ConsumeTag(b)
		if n < 0 {
			return nil, false
		}
		b = b[n:]
		n = protowire.ConsumeFieldValue(num, typ, b)
		if n < 0 {
			return nil, false
		}
		if num == want && typ == protowire.BytesType {
			found, _ = protowire.ConsumeBytes(b)
			ok = true
		}
		b = b[n:]
	}
	return found, ok
}
