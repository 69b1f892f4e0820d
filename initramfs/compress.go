package initramfs

import (
	"compress/gzip"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
	"github.com/ulikunitz/xz"
)

// Compression is how an archive is packed. The kernel must have been built
// with the same (CONFIG_RD_...).
type Compression string

// The compressions that Write knows.
const (
	None Compression = "none"
	LZ4  Compression = "lz4"
	Zstd Compression = "zstd"
	Gzip Compression = "gzip"
	XZ   Compression = "xz"
)

// Compressions returns all of them.
func Compressions() []string {
	return []string{string(None), string(LZ4), string(Zstd), string(Gzip), string(XZ)}
}

// writer returns a writer that packs what is written to it into w. Equal
// bytes written give equal bytes.
func (c Compression) writer(w io.Writer) (io.WriteCloser, error) {
	switch c {
	case None:
		return nopCloser{w}, nil
	case LZ4:
		// lib/decompress_unlz4.c reads the legacy frame only.
		zw := lz4.NewWriter(w)
		return zw, zw.Apply(lz4.LegacyOption(true), lz4.CompressionLevelOption(lz4.Level8), lz4.ConcurrencyOption(1))
	case Zstd:
		return zstd.NewWriter(w, zstd.WithEncoderLevel(zstd.SpeedBestCompression))
	case Gzip:
		return gzip.NewWriterLevel(w, gzip.BestCompression)
	case XZ:
		// lib/xz knows no check but CRC32.
		return xz.WriterConfig{CheckSum: xz.CRC32}.NewWriter(w)
	}
	return nil, fmt.Errorf("no compression %q", string(c))
}

type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }
