package erofs

import (
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/kguest/kguest/pkg/pack/flatten"
)

const (
	inodeSize = 64 // of an extended inode, which has the file's time

	formatExtended = 1
	layoutPlain    = 0 << 1 // content is in blocks
	layoutInline   = 2 << 1 // its end is behind the inode
)

// inode returns the inode of f as it is in the image.
func (f *file) inode() []byte {
	b := make([]byte, inodeSize)
	le := binary.LittleEndian
	format := uint16(formatExtended | layoutPlain)
	if f.inline > 0 {
		format = formatExtended | layoutInline
	}
	le.PutUint16(b[0:], format)
	if len(f.xattrs) > 0 {
		le.PutUint16(b[2:], uint16((len(f.xattrs)-xattrHeader)/4+1)) //nolint:gosec // encodeXattrs bounds it
	}
	le.PutUint16(b[4:], typeOf(f.ino.Kind).mode|f.ino.Mode)
	le.PutUint64(b[8:], uint64(f.size)) //nolint:gosec // not negative
	le.PutUint32(b[16:], f.where())
	le.PutUint32(b[20:], f.number)
	le.PutUint32(b[24:], f.ino.UID)
	le.PutUint32(b[28:], f.ino.GID)
	le.PutUint64(b[32:], uint64(f.ino.Seconds)) //nolint:gosec // two's complement, as in the kernel
	le.PutUint32(b[40:], f.ino.Nanoseconds)
	le.PutUint32(b[44:], f.ino.Nlink)
	return b
}

// where is the first block of the content, or the number of a device as the
// kernel's new_encode_dev makes it.
func (f *file) where() uint32 {
	if f.ino.Kind == flatten.CharDevice || f.ino.Kind == flatten.BlockDevice {
		return f.ino.Minor&0xff | f.ino.Major<<8 | f.ino.Minor&^0xff<<12
	}
	return uint32(f.block) //nolint:gosec // newPlan bounds it
}

// fileType is what a kind of file is in a mode and in a directory.
type fileType struct {
	mode   uint16
	dirent uint8
}

func typeOf(k flatten.Kind) fileType {
	switch k {
	case flatten.Directory:
		return fileType{0o040000, 2}
	case flatten.CharDevice:
		return fileType{0o020000, 3}
	case flatten.BlockDevice:
		return fileType{0o060000, 4}
	case flatten.FIFO:
		return fileType{0o010000, 5}
	case flatten.Symlink:
		return fileType{0o120000, 7}
	default:
		return fileType{0o100000, 1}
	}
}

const (
	xattrHeader   = 12 // erofs_xattr_ibody_header
	maxXattrValue = 1<<16 - 1
	maxXattrs     = xattrHeader + (1<<16-2)*4 // what an inode can count
)

// encodeXattrs returns the attributes as they are behind an inode.
func encodeXattrs(list []flatten.Xattr) ([]byte, error) {
	if len(list) == 0 {
		return nil, nil
	}
	b := append([]byte(nil), make([]byte, xattrHeader)...)
	for _, x := range list {
		index, name := xattrName(x.Name)
		if len(x.Value) > maxXattrValue {
			return nil, fmt.Errorf("attribute %q has %d bytes, more than %d", x.Name, len(x.Value), maxXattrValue)
		}
		b = append(b, uint8(len(name)), index)                        //nolint:gosec // at most 255
		b = binary.LittleEndian.AppendUint16(b, uint16(len(x.Value))) //nolint:gosec // checked
		b = append(append(b, name...), x.Value...)
		for len(b)%4 != 0 {
			b = append(b, 0)
		}
	}
	if len(b) > maxXattrs {
		return nil, fmt.Errorf("attributes of a file have %d bytes, more than %d", len(b), maxXattrs)
	}
	return b, nil
}

// xattrName divides a name into the number of its prefix and the rest.
func xattrName(name string) (uint8, string) {
	for _, p := range []struct {
		prefix string
		index  uint8
	}{{"user.", 1}, {"trusted.", 4}, {"security.", 6}} {
		if rest, ok := strings.CutPrefix(name, p.prefix); ok {
			return p.index, rest
		}
	}
	return 0, name
}
