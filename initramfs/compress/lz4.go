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
	n, err := compressBlock(block, out[length:], level)
	if err != nil {
		return nil, err
	}
	binary.LittleEndian.PutUint32(out, uint32(n)) //nolint:gosec // at most the bound, less than 9 MiB
	return out[:length+n], nil
}

// compressBlock packs in into out. The levels above 1 differ in how many places
// the library looks at for a match: its own levels start at 512 of them, where
// there is next to nothing more to find.
func compressBlock(in, out []byte, level int) (int, error) {
	if level == 1 {
		var c lz4.Compressor
		return c.CompressBlock(in, out)
	}
	c := lz4.CompressorHC{Level: []lz4.CompressionLevel{4, 16, 64, 256, 64 << 10}[level-2]}
	return c.CompressBlock(in, out)
}
