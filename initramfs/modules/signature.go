package modules

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
)

const (
	// marker ends a signed module (include/linux/module_signature.h).
	marker = "~Module signature appended~\n"
	// trailerSize is that of struct module_signature, before the marker:
	// bytes for algorithm, hash, type, length of the signer's name and of the
	// key's id, three of zero, and the signature's length, big endian.
	trailerSize = 12
)

// cutSignatures returns data without the signatures at its end, of which sign
// tools may have left several.
func cutSignatures(data []byte) ([]byte, error) {
	for {
		rest, signed := bytes.CutSuffix(data, []byte(marker))
		if !signed {
			return data, nil
		}
		if len(rest) < trailerSize {
			return nil, errors.New("module signature's trailer is cut short")
		}
		trailer := rest[len(rest)-trailerSize:]
		rest = rest[:len(rest)-trailerSize]
		size := int64(trailer[3]) + int64(trailer[4]) + int64(binary.BigEndian.Uint32(trailer[8:]))
		if size > int64(len(rest)) {
			return nil, fmt.Errorf("module signature of %d bytes in a file with %d before its trailer", size, len(rest))
		}
		data = rest[:int64(len(rest))-size]
	}
}

// signed reports whether a signature is at the end of data.
func signed(data []byte) bool { return bytes.HasSuffix(data, []byte(marker)) }
