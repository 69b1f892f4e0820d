package archive

import (
	"bytes"
	"errors"
	"fmt"
)

// magics are what a segment may start with. The two bytes of gzip, bzip2, lzma
// and lz4 are those of the kernel's lib/decompress.c, made as long as the
// format allows.
var magics = []struct {
	magic       string
	compression Compression
}{
	{"\x1f\x8b\x08", Gzip},
	{"BZh", Bzip2},
	{"\x5d\x00\x00", LZMA},
	{"\xfd7zXZ\x00", XZ},
	{"\x02\x21\x4c\x18", LZ4Legacy},
	{"\x04\x22\x4d\x18", LZ4},
	{"\x28\xb5\x2f\xfd", Zstd},
}

// magicLen is how many bytes tell what a segment is.
const magicLen = 6

// detect tells how a segment that starts with b is packed.
func detect(b []byte) (Compression, bool) {
	if bytes.HasPrefix(b, []byte("07070")) {
		return None, true
	}
	for _, m := range magics {
		if bytes.HasPrefix(b, []byte(m.magic)) {
			return m.compression, true
		}
	}
	return "", false
}

// strangers are files that are mistaken for an image.
var strangers = []struct{ magic, name string }{
	{"\x7fELF", "an ELF program"},
	{"hsqs", "a squashfs file system"},
	{"\x89LZO", "an archive packed with lzo, which is not read here"},
	{"PK\x03\x04", "a zip file"},
	{"\x89PNG", "a picture"},
	{"!<arch>", "an ar archive or Debian package"},
	{"#!", "a script"},
	{"\xc7\x71", "a cpio archive in the old binary format, which the kernel cannot read"},
}

// errNoImage says what b, the start of the file, is taken for.
func errNoImage(b []byte) error {
	for _, s := range strangers {
		if bytes.HasPrefix(b, []byte(s.magic)) {
			return fmt.Errorf("not an initramfs: this is %s", s.name)
		}
	}
	return fmt.Errorf("not an initramfs: starts with % x; want a cpio header (070701) or a compression's magic", b)
}

var errEmpty = errors.New("not an initramfs: the file is empty, or zeros alone")

// errJunk is for what follows an archive and is neither padding nor a segment.
func errJunk(b []byte) error {
	return fmt.Errorf("junk after an archive: % x; want zeros, a cpio header or a compression's magic", b)
}
