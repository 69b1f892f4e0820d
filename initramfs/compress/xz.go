package compress

import (
	"bytes"
	"encoding/binary"
	"hash"
	"hash/crc32"
	"io"

	"github.com/ulikunitz/xz/lzma"
)

// An xz stream of one block (xz-file-format.txt 1.1.0), with the check that
// lib/xz knows, CRC32. The block's LZMA2 chunks come in runs that each begin
// with an empty dictionary, so that they can be packed side by side. A run of
// 1 MiB is within 1 % of the size that one of 4 MiB has, and takes a quarter
// less time.
const (
	xzMagic      = "\xfd7zXZ\x00"
	xzFlags      = "\x00\x01" // CRC32
	xzFooter     = "YZ"
	xzCheckSize  = 4
	xzHeaderSize = 12 // of the block's header
	lzma2        = 0x21
	lzma2End     = 0
)

// xzWriter counts what is written for the index at the end.
type xzWriter struct {
	*blocks
	check    hash.Hash32
	in, out  int64
	dictSize int
}

func newXZ(w io.Writer, level, workers int) io.WriteCloser {
	dict := []int{256 << 10, 1 << 20, 2 << 20}[level] // and the bytes of a run; more is not always smaller
	x := &xzWriter{check: crc32.NewIEEE(), dictSize: dict}
	x.blocks = &blocks{
		w: w, size: dict,
		pack:   func(block []byte) ([]byte, error) { return packLZMA2(block, dict) },
		packed: func(in, out int) { x.in, x.out = x.in+int64(in), x.out+int64(out) },
		finish: x.finish,
	}
	x.start(x.head(), workers)
	return x
}

func (x *xzWriter) Write(p []byte) (int, error) {
	n, err := x.blocks.Write(p)
	_, _ = x.check.Write(p[:n]) // a hash takes all
	return n, err
}

// head returns the stream's header and that of the block.
func (x *xzWriter) head() []byte {
	head := append([]byte(xzMagic), xzFlags...)
	head = appendSum(head, []byte(xzFlags))
	block := []byte{xzHeaderSize/4 - 1, 0, lzma2, 1, dictByte(x.dictSize), 0, 0, 0}
	return appendSum(append(head, block...), block)
}

// dictByte is the size of a dictionary, 2 to the power of n, as LZMA2's
// property has it.
func dictByte(size int) byte {
	n := 0
	for 1<<(n+12) < size {
		n++
	}
	return byte(2 * n)
}

func appendSum(to, of []byte) []byte {
	return binary.LittleEndian.AppendUint32(to, crc32.ChecksumIEEE(of))
}

// finish writes the end of the block, its check, the index and the footer.
func (x *xzWriter) finish(w io.Writer) error {
	x.out++ // lzma2End
	tail := append([]byte{lzma2End}, make([]byte, -x.out&3)...)
	tail = binary.LittleEndian.AppendUint32(tail, x.check.Sum32())

	index := []byte{0, 1}
	index = binary.AppendUvarint(index, uint64(xzHeaderSize+x.out+xzCheckSize)) //nolint:gosec // not negative
	index = binary.AppendUvarint(index, uint64(x.in))                           //nolint:gosec // not negative
	index = append(index, make([]byte, -len(index)&3)...)
	tail = appendSum(append(tail, index...), index)

	const sum = 4
	footer := binary.LittleEndian.AppendUint32(nil, uint32((len(index)+sum)/4-1)) //nolint:gosec // some 20 bytes
	footer = append(footer, xzFlags...)
	tail = append(appendSum(tail, footer), footer...)
	return writeAll(w, append(tail, xzFooter...))
}

// packLZMA2 returns block as LZMA2 chunks without the end.
func packLZMA2(block []byte, dict int) ([]byte, error) {
	var out bytes.Buffer
	w, err := lzma.Writer2Config{DictCap: dict}.NewWriter2(&out)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(block); err != nil {
		return nil, err
	}
	if err := w.Flush(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}
