// Package xenstore writes keys of XenStore, by which a Xen guest tells its host
// something that outlives it (Xen's docs/misc/xenstore.txt and
// xen/include/public/io/xs_wire.h).
package xenstore

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Operations and limits of the wire protocol.
const (
	opWrite    = 11
	opError    = 16
	headSize   = 16   // type, request, transaction, length: little-endian uint32 each
	maxPayload = 4096 // XENSTORE_PAYLOAD_MAX
)

// Write sets key to value over bus, /dev/xen/xenbus opened for reading and
// writing. A key without a leading slash is below the guest's own. The error is
// XenStore's own word, such as EACCES.
func Write(bus io.ReadWriter, key, value string) error {
	if err := write(bus, key, value); err != nil {
		return fmt.Errorf("write xenstore key %s: %w", key, err)
	}
	return nil
}

func write(bus io.ReadWriter, key, value string) error {
	payload := key + "\x00" + value
	if strings.Contains(key, "\x00") || len(payload) > maxPayload {
		return fmt.Errorf("key and value have %d bytes with a NUL between them, and the bus takes %d", len(payload), maxPayload)
	}
	message := make([]byte, headSize, headSize+len(payload))
	binary.LittleEndian.PutUint32(message, opWrite)
	binary.LittleEndian.PutUint32(message[12:], uint32(len(payload))) //nolint:gosec // bounded above
	if _, err := bus.Write(append(message, payload...)); err != nil {
		return err
	}
	op, reply, err := read(bus)
	switch {
	case err != nil:
		return err
	case op == opError:
		return errors.New(strings.TrimRight(string(reply), "\x00"))
	case op != opWrite:
		return fmt.Errorf("reply of type %d, want %d", op, opWrite)
	}
	return nil
}

func read(bus io.Reader) (op uint32, payload []byte, err error) {
	var head [headSize]byte
	if _, err := io.ReadFull(bus, head[:]); err != nil {
		return 0, nil, fmt.Errorf("read reply: %w", err)
	}
	length := binary.LittleEndian.Uint32(head[12:])
	if length > maxPayload {
		return 0, nil, fmt.Errorf("reply of %d bytes: over the limit of %d", length, maxPayload)
	}
	payload = make([]byte, length)
	if _, err := io.ReadFull(bus, payload); err != nil {
		return 0, nil, fmt.Errorf("read reply: %w", err)
	}
	return binary.LittleEndian.Uint32(head[:]), payload, nil
}
