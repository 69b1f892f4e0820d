package compress

import (
	"encoding/binary"
	"io"

	"github.com/pierrec/lz4/v4"
)

// The legacy frame, the only one that lib/decompress_unlz4.c reads: a magic,
// then blocks of 8 MiB before they are packed, each after its packed length.
const (
	lz4Magic = 0x184C2102
	lz4Block = 8 << 20
)

func newLZ4(w io.Writer, level, workers int) io.WriteCloser {
	b := &blocks{w: w, size: lz4Block, pack: func(block []byte) ([]byte, error) { return packLZ4(block, level) }}
	b.start(binary.LittleEndian.AppendUint32(nil, lz4Magic), workers)
	return b
}

func packLZ4(block []byte, level int) ([]byte, error) {
	const length = 4
	out := make([]byte, length+lz4.CompressBlockBound(len(block)))
	c := lz4.CompressorHC{Level: lz4Level(level)}
	n, err := c.CompressBlock(block, out[length:])
	if err != nil {
		return nil, err
	}
	binary.LittleEndian.PutUint32(out, uint32(n)) //nolint:gosec // at most the bound, less than 9 MiB
	return out[:length+n], nil
}

// lz4Level returns the library's name of a level: the depth of its search.
func lz4Level(level int) lz4.CompressionLevel { return lz4.CompressionLevel(1 << (8 + level)) }
