package archive

import (
	"errors"
	"fmt"
	"io"

	"github.com/pierrec/lz4/v4"
)

const (
	legacyMagic = 0x184C2102
	// legacyBlock is the size of every unpacked block but the last.
	legacyBlock = 8 << 20
	// legacyBound is the most that such a block takes when packed
	// (LZ4_COMPRESSBOUND).
	legacyBound = legacyBlock + legacyBlock/255 + 16
)

// legacy unpacks the frame of lib/decompress_unlz4.c: blocks, each with its
// size before it, to the end of the file, to a block of size zero or to what
// cannot be a block.
type legacy struct {
	in          *plain
	left        []byte // unpacked and not read
	space       []byte // grows to legacyBlock
	packedSpace []byte
}

func newLegacy(src io.ReaderAt, pos, end int64) decoder {
	l := &legacy{in: newPlain(src, pos, end)}
	return decoder{Reader: l, end: func() (int64, error) { return l.in.pos, nil }}
}

func (l *legacy) Read(p []byte) (int, error) {
	for len(l.left) == 0 {
		if err := l.block(); err != nil {
			return 0, err
		}
	}
	n := copy(p, l.left)
	l.left = l.left[n:]
	return n, nil
}

// block unpacks the next block.
func (l *legacy) block() error {
	size, err := l.blockSize()
	if err != nil {
		return err
	}
	if cap(l.packedSpace) < size {
		l.packedSpace = make([]byte, size)
	}
	packed := l.packedSpace[:size]
	if _, err := io.ReadFull(l.in, packed); err != nil {
		return cut(err)
	}
	// 255 is the format's best ratio, so that a short block has no large space.
	if want := min(legacyBlock, size*255); len(l.space) < want {
		l.space = make([]byte, want)
	}
	n, err := lz4.UncompressBlock(packed, l.space)
	if err != nil {
		return fmt.Errorf("block before offset %d: %w", l.in.pos, err)
	}
	l.left = l.space[:n]
	return nil
}

// blockSize reads the size of the next block, past the magic of a frame that
// follows. io.EOF is the end, which stands before what is no block.
func (l *legacy) blockSize() (int, error) {
	for {
		before := *l.in
		size, err := uint32le(l.in)
		switch {
		case errors.Is(err, io.ErrUnexpectedEOF), err == nil && (size == 0 || size > legacyBound) && size != legacyMagic:
			*l.in = before
			l.in.buf = nil
			return 0, io.EOF
		case err != nil:
			return 0, err
		case size == legacyMagic:
			continue
		case int64(size) > l.in.end-l.in.pos && before.atSegment():
			*l.in = before
			l.in.buf = nil
			return 0, io.EOF
		case int64(size) > l.in.end-l.in.pos:
			return 0, fmt.Errorf("block of %d bytes at offset %d, where %d are left", size, before.pos, l.in.end-l.in.pos)
		}
		return int(size), nil
	}
}

// atSegment reports whether another segment starts here, after the zeros that
// align it.
func (p plain) atSegment() bool {
	var b [3 + magicLen]byte
	n, err := p.src.ReadAt(b[:], p.pos)
	if err != nil && !errors.Is(err, io.EOF) {
		return false
	}
	_, ok := detect(b[min(zeros(b[:n]), 3):n])
	return ok
}
