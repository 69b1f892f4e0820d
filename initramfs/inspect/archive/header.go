package archive

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
)

const (
	headerSize = 110
	magicSize  = 6
	fieldSize  = 8
	// maxName is the kernel's PATH_MAX, the final NUL counted.
	maxName = 4096
	// trailer is the name that ends an archive.
	trailer = "TRAILER!!!"
)

// header is a parsed header, all but the name.
type header struct {
	Entry
	nameSize int64
}

// fieldError is a field that cannot be; its place is not known yet.
type fieldError struct {
	at           int // offset of the field in the header
	field, value string
	err          error
}

func (e *fieldError) Error() string { return fmt.Sprintf("%s %q: %v", e.field, e.value, e.err) }

// parseHeader parses the 110 bytes of a newc or crc header (cpio(5)).
func parseHeader(b []byte) (header, error) {
	var h header
	format, err := formatOf(b)
	if err != nil {
		return h, &fieldError{0, "magic", string(b[:magicSize]), err}
	}
	h.Format = format
	var nameSize uint32
	fields := []struct {
		name string
		to   *uint32
	}{
		{"ino", &h.Inode},
		{"mode", &h.Mode},
		{"uid", &h.UID},
		{"gid", &h.GID},
		{"nlink", &h.Links},
		{"mtime", &h.ModTime},
		{"filesize", &h.Size},
		{"devmajor", &h.Major},
		{"devminor", &h.Minor},
		{"rdevmajor", &h.RMajor},
		{"rdevminor", &h.RMinor},
		{"namesize", &nameSize},
		{"check", &h.Checksum},
	}
	for i, f := range fields {
		at := magicSize + i*fieldSize
		digits := b[at : at+fieldSize]
		n, ok := parseHex(digits)
		if !ok {
			return h, &fieldError{at, f.name, string(digits), errors.New("want 8 hexadecimal digits")}
		}
		*f.to = n
	}
	h.nameSize = int64(nameSize)
	return h, h.check(b)
}

// check refuses sizes that the kernel would skip the entry for.
func (h *header) check(b []byte) error {
	const sizeAt, nameAt = magicSize + 6*fieldSize, magicSize + 11*fieldSize
	if h.nameSize < 1 || h.nameSize > maxName {
		return &fieldError{nameAt, "namesize", string(b[nameAt : nameAt+fieldSize]), fmt.Errorf("want 1 to %d bytes", maxName)}
	}
	if h.Type() == TypeSymlink && h.Size > maxName {
		return &fieldError{sizeAt, "filesize", string(b[sizeAt : sizeAt+fieldSize]), fmt.Errorf("want a link target of at most %d bytes", maxName)}
	}
	return nil
}

func parseHex(digits []byte) (uint32, bool) {
	var n uint32
	for _, c := range digits {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		n = n<<4 | uint32(c)
	}
	return n, true
}

// formatOf tells the format by the magic at b's start.
func formatOf(b []byte) (Format, error) {
	switch {
	case bytes.HasPrefix(b, []byte("070701")):
		return Newc, nil
	case bytes.HasPrefix(b, []byte("070702")):
		return CRC, nil
	case bytes.HasPrefix(b, []byte("070707")):
		return "", errors.New("the odc format of cpio, which the kernel cannot read; make it with cpio -H newc")
	}
	return "", errors.New("no cpio header; want 070701 or 070702")
}

// text returns the bytes before the first NUL.
func text(b []byte) string {
	s, _, _ := strings.Cut(string(b), "\x00")
	return s
}

// padding is how many bytes follow n bytes to the next multiple of 4.
func padding(n int64) int64 { return -n & 3 }
