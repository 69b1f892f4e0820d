package archive

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// walkZstd goes to the end of one frame (RFC 8878, section 3.1.1).
func walkZstd(p *plain) error {
	var head [5]byte // magic and descriptor
	if _, err := io.ReadFull(p, head[:]); err != nil {
		return err
	}
	desc := head[4]
	single := desc >> 5 & 1
	skip := int64(1 - single) // window descriptor
	skip += []int64{0, 1, 2, 4}[desc&3]
	skip += []int64{int64(single), 2, 4, 8}[desc>>6]
	if err := p.discard(skip); err != nil {
		return err
	}
	for {
		var b [3]byte
		if _, err := io.ReadFull(p, b[:]); err != nil {
			return cut(err)
		}
		word := uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16
		size := int64(word >> 3)
		if word>>1&3 == 1 { // one byte, repeated
			size = 1
		}
		if err := p.discard(size); err != nil {
			return err
		}
		if word&1 != 0 {
			break
		}
	}
	return p.discard(int64(desc>>2&1) * 4)
}

// walkLZ4 goes to the end of one frame (lz4_Frame_format.md).
func walkLZ4(p *plain) error {
	var head [6]byte // magic, flags, block descriptor
	if _, err := io.ReadFull(p, head[:]); err != nil {
		return err
	}
	flags := head[4]
	skip := int64(1) // header checksum
	skip += int64(flags>>3&1) * 8
	skip += int64(flags&1) * 4
	if err := p.discard(skip); err != nil {
		return err
	}
	for {
		word, err := uint32le(p)
		if err != nil {
			return cut(err)
		}
		if word == 0 {
			return p.discard(int64(flags>>2&1) * 4)
		}
		if err := p.discard(int64(word&^(1<<31)) + int64(flags>>4&1)*4); err != nil {
			return err
		}
	}
}

// walkXZ goes to the end of one stream (The .xz File Format, sections 2 to 4),
// by the sizes of its LZMA2 chunks.
func walkXZ(p *plain) error {
	var head [12]byte
	if _, err := io.ReadFull(p, head[:]); err != nil {
		return err
	}
	checkSize, err := xzCheckSize(head[7])
	if err != nil {
		return err
	}
	start := p.pos
	for {
		c, err := p.peek()
		if err != nil {
			return cut(err)
		}
		if c == 0 {
			return walkXZIndex(p, start)
		}
		if err := p.discard((int64(c) + 1) * 4); err != nil {
			return err
		}
		if err := walkLZMA2(p); err != nil {
			return err
		}
		if err := p.discard(padding(p.pos-start) + checkSize); err != nil {
			return err
		}
	}
}

// xzCheckSize is the size of the check behind each block (section 2.1.1.2).
func xzCheckSize(flags byte) (int64, error) {
	if flags > 15 {
		return 0, fmt.Errorf("xz stream flags %#02x are of no known format", flags)
	}
	return []int64{0, 4, 4, 4, 8, 8, 8, 16, 16, 16, 32, 32, 32, 64, 64, 64}[flags], nil
}

// walkLZMA2 goes over the chunks of a block, which zero ends.
func walkLZMA2(p *plain) error {
	for {
		var b [6]byte
		if _, err := io.ReadFull(p, b[:1]); err != nil {
			return cut(err)
		}
		control := b[0]
		var more int64
		switch {
		case control == 0:
			return nil
		case control <= 2: // not compressed: 16 bits of size
			if _, err := io.ReadFull(p, b[1:3]); err != nil {
				return cut(err)
			}
			more = int64(binary.BigEndian.Uint16(b[1:])) + 1
		case control < 0x80:
			return fmt.Errorf("chunk at offset %d has control byte %#02x; want an LZMA2 chunk", p.pos-1, control)
		default: // 16 bits of unpacked size, 16 of packed
			if _, err := io.ReadFull(p, b[1:5]); err != nil {
				return cut(err)
			}
			more = int64(binary.BigEndian.Uint16(b[3:])) + 1
			if control >= 0xc0 {
				more++ // properties
			}
		}
		if err := p.discard(more); err != nil {
			return err
		}
	}
}

// walkXZIndex goes over the index and the footer.
func walkXZIndex(p *plain, start int64) error {
	if err := p.discard(1); err != nil {
		return err
	}
	records, err := xzNumber(p)
	if err != nil {
		return err
	}
	for range records {
		for range 2 { // packed and unpacked size
			if _, err := xzNumber(p); err != nil {
				return err
			}
		}
	}
	const crc, footer = 4, 12
	return p.discard(padding(p.pos-start) + crc + footer)
}

// xzNumber reads a number of seven bits a byte (section 1.2).
func xzNumber(p *plain) (uint64, error) {
	var n uint64
	for shift := 0; shift < 63; shift += 7 {
		var b [1]byte
		if _, err := io.ReadFull(p, b[:]); err != nil {
			return 0, cut(err)
		}
		n |= uint64(b[0]&0x7f) << shift
		if b[0] < 0x80 {
			return n, nil
		}
	}
	return 0, errors.New("a number of the xz index has more than 9 bytes")
}
