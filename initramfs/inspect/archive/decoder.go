package archive

import (
	"bufio"
	"compress/bzip2"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
	"github.com/therootcompany/xz"
	"github.com/ulikunitz/xz/lzma"
)

// decoder unpacks one compressed stream.
type decoder struct {
	io.Reader
	// end is the offset in the file after the stream; it holds once Reader has
	// returned io.EOF.
	end   func() (int64, error)
	close func() // may be nil
}

// newDecoder returns a decoder of the stream that starts at pos of src. It
// takes no more of src than that stream, and no more memory for looking back
// than window bytes, which is at least 8 MiB for lz4.
func newDecoder(c Compression, src io.ReaderAt, pos, end int64, window uint32) (decoder, error) {
	switch c {
	case Gzip:
		return newGzip(src, pos, end)
	case Bzip2:
		return newBzip2(src, pos, end), nil
	case LZMA:
		return newLZMA(src, pos, end, window)
	case LZ4Legacy:
		return newLegacy(src, pos, end), nil
	case XZ:
		return newWalked(src, pos, end, walkXZ, func(r io.Reader) (decoder, error) { return newXZ(r, window) })
	case LZ4:
		return newWalked(src, pos, end, walkLZ4, func(r io.Reader) (decoder, error) { return decoder{Reader: lz4.NewReader(r)}, nil })
	case Zstd:
		return newWalked(src, pos, end, walkZstd, func(r io.Reader) (decoder, error) { return newZstd(r, window) })
	case None:
	}
	return decoder{}, fmt.Errorf("no decoder for %q", string(c))
}

// tracked is a byte reader that knows its place in the file.
type tracked struct {
	*bufio.Reader
	section *io.SectionReader
	start   int64
}

func newTracked(src io.ReaderAt, pos, end int64) *tracked {
	section := io.NewSectionReader(src, pos, end-pos)
	return &tracked{bufio.NewReaderSize(section, maxWindow), section, pos}
}

// at is the offset in the file of the byte that is read next.
func (t *tracked) at() (int64, error) {
	n, err := t.section.Seek(0, io.SeekCurrent)
	return t.start + n - int64(t.Buffered()), err
}

// newGzip reads one member: the kernel takes the next for a new segment.
func newGzip(src io.ReaderAt, pos, end int64) (decoder, error) {
	in := newTracked(src, pos, end)
	zr, err := gzip.NewReader(in.Reader)
	if err != nil {
		return decoder{}, err
	}
	zr.Multistream(false)
	return decoder{Reader: zr, end: in.at}, nil
}

func newLZMA(src io.ReaderAt, pos, end int64, window uint32) (decoder, error) {
	in := newTracked(src, pos, end)
	zr, err := lzma.ReaderConfig{DictCap: int(window)}.NewReader(endless{in.Reader})
	if err != nil {
		return decoder{}, err
	}
	return decoder{Reader: zr, end: in.at}, nil
}

// endless has no end, only a place where it is cut off: the library takes an
// end for the stream's.
type endless struct{ *bufio.Reader }

func (e endless) Read(p []byte) (int, error) {
	n, err := e.Reader.Read(p)
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

func (e endless) ReadByte() (byte, error) {
	c, err := e.Reader.ReadByte()
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return c, err
}

func newXZ(r io.Reader, window uint32) (decoder, error) {
	zr, err := xz.NewReader(r, window)
	if err != nil {
		return decoder{}, err
	}
	zr.Multistream(false)
	return decoder{Reader: zr}, nil
}

func newZstd(r io.Reader, window uint32) (decoder, error) {
	zr, err := zstd.NewReader(r, zstd.WithDecoderMaxWindow(uint64(window)), zstd.WithDecoderLowmem(true))
	if err != nil {
		return decoder{}, err
	}
	return decoder{Reader: zr, close: zr.Close}, nil
}

// newWalked makes a decoder of a stream whose end can be found without
// unpacking it.
func newWalked(src io.ReaderAt, pos, end int64, walk func(*plain) error, open func(io.Reader) (decoder, error)) (decoder, error) {
	p := newPlain(src, pos, end)
	if err := walk(p); err != nil {
		return decoder{}, err
	}
	dec, err := open(io.NewSectionReader(src, pos, p.pos-pos))
	dec.end = func() (int64, error) { return p.pos, nil }
	return dec, err
}

// bzip2End is how many bytes the library looks for another stream in.
const bzip2End = 2

// bzip2Reader ends where the library finds no other stream behind the first.
type bzip2Reader struct {
	io.Reader
}

func newBzip2(src io.ReaderAt, pos, end int64) decoder {
	in := &extended{tracked: newTracked(src, pos, end)}
	return decoder{
		Reader: bzip2Reader{bzip2.NewReader(in)},
		end: func() (int64, error) {
			at, err := in.at()
			return at + int64(in.extra) - bzip2End, err
		},
	}
}

func (b bzip2Reader) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if err, ok := errors.AsType[bzip2.StructuralError](err); ok && err == "bad magic value in continuation file" {
		return n, io.EOF
	}
	return n, err
}

// extended has two bytes of zero behind its end, so that the library always
// finds what is no other stream.
type extended struct {
	*tracked
	extra int
}

func (e *extended) ReadByte() (byte, error) {
	c, err := e.tracked.ReadByte()
	if errors.Is(err, io.EOF) && e.extra < bzip2End {
		e.extra++
		return 0, nil
	}
	return c, err
}

// uint32le reads a little-endian number.
func uint32le(r io.Reader) (uint32, error) {
	var b [4]byte
	_, err := io.ReadFull(r, b[:])
	return binary.LittleEndian.Uint32(b[:]), err
}
