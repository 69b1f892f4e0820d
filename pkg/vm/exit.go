package vm

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"regexp"
	"strconv"

	"google.golang.org/protobuf/encoding/protowire"
)

// panicText opens the kernel's last words.
const panicText = "Kernel panic"

// Exit is what the guest's console says of its end.
type Exit struct {
	Code   int
	Signal int // that ended the workload; 0 for none
	Stage  string
	Reason string
}

// exitLine may follow what the workload left on the line.
var exitLine = regexp.MustCompile(`(?m)kinit: exit code=(\d+) signal=(\S+) stage=(\S+) reason=(".*")\r?$`)

// ParseExit returns the last exit line on the console. Without one, or where
// that line is damaged, the error says so.
func ParseExit(console []byte) (Exit, error) {
	found := exitLine.FindAllSubmatch(console, -1)
	if len(found) == 0 {
		if Panicked(console) {
			return Exit{}, errors.New("parse console: the kernel panicked and there is no exit line")
		}
		return Exit{}, errors.New("parse console: no exit line")
	}
	m := found[len(found)-1]
	code, err := strconv.Atoi(string(m[1]))
	if err != nil {
		return Exit{}, fmt.Errorf("parse exit line: code: %w", err)
	}
	signal, err := strconv.Atoi(string(m[2]))
	if err != nil {
		return Exit{}, fmt.Errorf("parse exit line: signal: %w", err)
	}
	reason, err := strconv.Unquote(string(m[4]))
	if err != nil {
		return Exit{}, fmt.Errorf("parse exit line: reason %s: %w", m[4], err)
	}
	return Exit{Code: code, Signal: signal, Stage: string(m[3]), Reason: reason}, nil
}

// Panicked tells whether the kernel panicked.
func Panicked(console []byte) bool { return bytes.Contains(console, []byte(panicText)) }

// maxFrame bounds a frame of IDM version 1 here: an exit event has few bytes.
const maxFrame = 1 << 20

// ExitCodes returns the codes of the exit events in a stream of IDM version 1,
// in order. It knows nothing of the guest's own encoder on purpose. A stream
// that ends inside a frame, or holds what is no packet, is an error; the codes
// before it are returned.
func ExitCodes(stream []byte) ([]int32, error) {
	var codes []int32
	for offset := 0; offset < len(stream); {
		rest := stream[offset:]
		if len(rest) < 4 {
			return codes, fmt.Errorf("idm offset %d: %d bytes, too few for a length", offset, len(rest))
		}
		size := binary.LittleEndian.Uint32(rest)
		if size > maxFrame || int(size) > len(rest)-4 {
			return codes, fmt.Errorf("idm offset %d: frame of %d bytes, %d there", offset, size, len(rest)-4)
		}
		code, ok, err := exitCode(rest[4 : 4+size])
		if err != nil {
			return codes, fmt.Errorf("idm offset %d: %w", offset, err)
		}
		if ok {
			codes = append(codes, code)
		}
		offset += 4 + int(size)
	}
	return codes, nil
}

// exitCode returns the code of packet, an IdmPacket{event=1: IdmEvent{exit=1:
// IdmExitEvent{int32 code=1}}}; false for any other packet.
func exitCode(packet []byte) (int32, bool, error) {
	event, ok, err := message(packet, "packet.event")
	if !ok || err != nil {
		return 0, false, err
	}
	exit, ok, err := message(event, "event.exit")
	if !ok || err != nil {
		return 0, false, err
	}
	var code int32
	for len(exit) > 0 {
		number, kind, n := protowire.ConsumeTag(exit)
		if n < 0 {
			return 0, false, fmt.Errorf("exit.code: %w", protowire.ParseError(n))
		}
		exit = exit[n:]
		size := protowire.ConsumeFieldValue(number, kind, exit)
		if size < 0 {
			return 0, false, fmt.Errorf("exit.code: %w", protowire.ParseError(size))
		}
		if number == 1 && kind == protowire.VarintType {
			value, _ := protowire.ConsumeVarint(exit)
			code = int32(value) //nolint:gosec // G115: int32 travels sign-extended to 64 bits
		}
		exit = exit[size:]
	}
	return code, true, nil
}

// message returns the embedded message of field 1 in b; false where b has none.
func message(b []byte, name string) ([]byte, bool, error) {
	var found []byte
	ok := false
	for len(b) > 0 {
		number, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			return nil, false, fmt.Errorf("%s: %w", name, protowire.ParseError(n))
		}
		b = b[n:]
		size := protowire.ConsumeFieldValue(number, kind, b)
		if size < 0 {
			return nil, false, fmt.Errorf("%s: %w", name, protowire.ParseError(size))
		}
		if number == 1 && kind == protowire.BytesType {
			found, _ = protowire.ConsumeBytes(b)
			ok = true
		}
		b = b[size:]
	}
	return found, ok, nil
}
