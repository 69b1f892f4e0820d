package idm

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/kguest/kguest/pkg/idm/idmpb"
)

// MaxFrame bounds the length a frame may claim, in bytes.
const MaxFrame = 20 << 20

// ExitFrame returns the frame of version 1 that tells the host the workload's
// exit code.
func ExitFrame(code int32) []byte {
	frame, err := appendFrame(nil, ExitEvent(code), Version1, MaxFrame)
	if err != nil {
		return nil // no code makes one too long
	}
	return frame
}

// ReadFrame reads one frame of version 1 and returns its packet. The error is
// io.EOF at the end between two frames, io.ErrUnexpectedEOF in one.
func ReadFrame(r io.Reader) ([]byte, error) {
	var head [header1]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	n := binary.LittleEndian.Uint32(head[:])
	if n > MaxFrame {
		return nil, fmt.Errorf("read frame: length %d: over the limit of %d", n, MaxFrame)
	}
	packet := bytes.NewBuffer([]byte{}) // grows with what is there
	if _, err := io.CopyN(packet, r, int64(n)); err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
	return packet.Bytes(), nil
}

// ExitCode returns the code of an exit event of version 1; ok is false where
// packet is something else.
func ExitCode(packet []byte) (code int32, ok bool) {
	var p idmpb.IdmPacket
	if err := p.Unmarshal(packet); err != nil {
		return 0, false
	}
	event, ok := p.Content.(*idmpb.IdmEvent)
	if !ok {
		return 0, false
	}
	exit, ok := event.Event.(*idmpb.IdmExitEvent)
	if !ok {
		return 0, false
	}
	return exit.Code, true
}
