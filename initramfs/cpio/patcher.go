package cpio

import (
	"fmt"
	"io"
)

// Offsets in a newc header: 110 bytes, a magic of 6 and 13 numbers of 8
// hexadecimal digits each.
const (
	headerSize = 110
	rdevMajor  = 78
	rdevMinor  = 86
	rdevEnd    = 94
	magic      = "070701"
)

// patcher puts into each header what the library leaves out of it. The
// library writes a header in one piece, after at most 3 bytes of padding.
type patcher struct {
	w            io.Writer
	armed        bool
	major, minor uint32
}

// next sets the device numbers of the header that comes next.
func (p *patcher) next(major, minor uint32) { p.armed, p.major, p.minor = true, major, minor }

func (p *patcher) Write(b []byte) (int, error) {
	if !p.armed || len(b) != headerSize {
		return p.w.Write(b)
	}
	p.armed = false
	var hdr [headerSize]byte
	copy(hdr[:], b)
	copy(hdr[:], magic)
	copy(hdr[rdevMajor:rdevMinor], fmt.Sprintf("%08X", p.major))
	copy(hdr[rdevMinor:rdevEnd], fmt.Sprintf("%08X", p.minor))
	return p.w.Write(hdr[:])
}
