package source

import (
	"bufio"
	"bytes"
	"compress/bzip2"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
)

// maxWindow bounds the memory of a decoder, in bytes.
const maxWindow = 128 << 20

// decompressLayer is decompress for the formats that layers come in. The others'
// readers allocate what the archive asks for.
func decompressLayer(r *bufio.Reader) (io.ReadCloser, error) {
	magic, _ := r.Peek(len(xzMagic)) // a short one is none
	if strings.HasPrefix(string(magic), xzMagic) || strings.HasPrefix(string(magic), bzip2Magic) {
		return nil, errors.New("is compressed by xz or bzip2; a layer is by gzip or zstd, or not at all")
	}
	return decompress(r)
}

// The first bytes of compressed files.
const (
	xzMagic    = "\xfd7zXZ\x00"
	bzip2Magic = "BZh"
)

// decompress returns the content of r, which is compressed or a tar archive.
// The first bytes tell.
func decompress(r *bufio.Reader) (io.ReadCloser, error) {
	magic, err := r.Peek(6)
	if err != nil && len(magic) == 0 && !errors.Is(err, io.EOF) {
		return nil, err
	}
	switch {
	case bytes.HasPrefix(magic, []byte{0x1f, 0x8b}):
		return gzip.NewReader(r)
	case bytes.HasPrefix(magic, []byte{0x28, 0xb5, 0x2f, 0xfd}), isSkippable(magic):
		d, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			return nil, fmt.Errorf("read zstd: %w", err)
		}
		return d.IOReadCloser(), nil
	case bytes.HasPrefix(magic, []byte(xzMagic)):
		d, err := xz.NewReader(r)
		if err != nil {
			return nil, fmt.Errorf("read xz: %w", err)
		}
		return io.NopCloser(d), nil
	case bytes.HasPrefix(magic, []byte(bzip2Magic)):
		return io.NopCloser(bzip2.NewReader(r)), nil
	}
	return plainReader{r}, nil
}

// plainReader reads what was not compressed.
type plainReader struct{ io.Reader }

func (plainReader) Close() error { return nil }

// isSkippable reports a zstd frame without content, which some writers put first.
func isSkippable(magic []byte) bool {
	return len(magic) >= 4 && magic[0]&0xf0 == 0x50 && bytes.Equal(magic[1:4], []byte{0x2a, 0x4d, 0x18})
}
