// Package archive reads the entries of an initramfs as the kernel would
// (init/initramfs.c; Documentation/driver-api/early-userspace/buffer-format.rst):
// several archives in one file, each plain or packed, with zeros between them,
// in a file of their own or in the sections of a unified kernel image.
//
// What it reads is not trusted: it holds no more than one entry's name and
// link target, and a decoder's window, and what a header claims is checked
// before anything is done with it.
package archive

import (
	"errors"
	"fmt"
	"io"
)

// The types of an entry, as in stat(2); Entry.Mode holds one.
const (
	TypeMask    = 0o170000
	TypeFIFO    = 0o010000
	TypeChar    = 0o020000
	TypeDir     = 0o040000
	TypeBlock   = 0o060000
	TypeReg     = 0o100000
	TypeSymlink = 0o120000
	TypeSocket  = 0o140000
)

// Entry is one header of an archive.
type Entry struct {
	Segment int   // index of the segment that it is in; of no use from OpenSegment
	Archive int   // index of the archive; a file or a segment can have several
	Offset  int64 // of its header: in the file, or in the unpacked bytes of a packed segment
	Format  Format

	Name    string // as it is in the archive, up to the first NUL
	Target  string // of a symbolic link
	Inode   uint32
	Mode    uint32 // type and permission bits of stat(2)
	UID     uint32
	GID     uint32
	Links   uint32 // number of names of the inode
	ModTime uint32 // seconds since 1970
	Size    uint32 // of the body, in bytes
	Major   uint32 // of the device that the inode was on, as is Minor
	Minor   uint32
	// RMajor and RMinor are the numbers of a device node.
	RMajor, RMinor uint32
	Checksum       uint32 // sum of the body's bytes, where Format is CRC
}

// Type returns the type bits of e.Mode.
func (e *Entry) Type() uint32 { return e.Mode & TypeMask }

// Format is the kind of a cpio header.
type Format string

// The formats that the kernel reads.
const (
	Newc Format = "newc" // 070701
	CRC  Format = "crc"  // 070702
)

// Compression is how a segment is packed.
type Compression string

// The compressions of a segment.
const (
	None      Compression = "none"
	Gzip      Compression = "gzip"
	Bzip2     Compression = "bzip2"
	LZMA      Compression = "lzma"
	XZ        Compression = "xz"
	LZ4Legacy Compression = "lz4-legacy" // the kernel's
	LZ4       Compression = "lz4"        // the frame of today's lz4(1), which the kernel cannot unpack
	Zstd      Compression = "zstd"
)

// Segment is a part of the file that is packed in one piece: a plain archive,
// or one compressed stream with at least one archive.
type Segment struct {
	Section     string // of a unified kernel image; empty for a file that is the archive
	Offset      int64  // in the file
	Size        int64  // of what the file holds, in bytes, without padding
	RawSize     int64  // of the same, unpacked
	Compression Compression
	Format      Format // of the first entry
	Archives    int    // ends of archives; 0 for one whose end is missing
	Entries     int
	First       int // index of its first entry in the image
}

// Limits bound what a Reader takes. A zero field is its default.
type Limits struct {
	Entries int    // headers in the whole image; default 1<<20
	Text    int64  // bytes of all names and link targets; default 256 MiB
	Window  uint32 // bytes that a decoder may look back; default 128 MiB, the kernel's
}

func (l *Limits) fill() {
	if l.Entries == 0 {
		l.Entries = 1 << 20
	}
	if l.Text == 0 {
		l.Text = 256 << 20
	}
	if l.Window == 0 {
		l.Window = 128 << 20
	}
}

// Error says what is wrong at one place of an image.
type Error struct {
	Offset int64 // in the file
	// Packed is set where At counts in the unpacked bytes of the segment at
	// Offset.
	Packed Compression
	At     int64
	Field  string // of a header; empty for what is no field
	Value  string
	Err    error
}

func (e *Error) Error() string {
	where := fmt.Sprintf("offset %d", e.Offset)
	if e.Packed != "" {
		where = fmt.Sprintf("byte %d of the %s data at offset %d", e.At, e.Packed, e.Offset)
	}
	if e.Field != "" {
		return fmt.Sprintf("%s: %s %q: %v", where, e.Field, e.Value, e.Err)
	}
	return fmt.Sprintf("%s: %v", where, e.Err)
}

func (e *Error) Unwrap() error { return e.Err }

// errCut is what a file or stream that is too short for what it says has.
var errCut = errors.New("ends too soon: the image is cut short")

// cut replaces the two errors of io that mean an early end.
func cut(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errCut
	}
	return err
}
