package initramfs

import (
	"fmt"
	"io"
	"io/fs"

	"github.com/kguest/kguest/initramfs/cpio"
)

// Write writes t to w as a newc archive, packed as c says. Equal trees give
// equal bytes.
func Write(w io.Writer, t *Tree, c Compression) error {
	zw, err := c.writer(w)
	if err != nil {
		return fmt.Errorf("write archive: %w", err)
	}
	if err := writeArchive(zw, t); err != nil {
		_ = zw.Close() // only to stop its goroutines
		return err
	}
	if err := zw.Close(); err != nil {
		return fmt.Errorf("write archive: %w", err)
	}
	return nil
}

func writeArchive(w io.Writer, t *Tree) error {
	cw := cpio.NewWriter(w)
	for _, e := range t.Entries() {
		if err := writeEntry(cw, e, t.ModTime); err != nil {
			return fmt.Errorf("%s: %w", e.Reason, err)
		}
	}
	return cw.Close()
}

func writeEntry(cw *cpio.Writer, e Entry, modTime int64) error {
	ce := cpio.Entry{
		Name:    e.Path,
		Mode:    unixMode(e.Mode),
		UID:     e.UID,
		GID:     e.GID,
		ModTime: modTime,
		Target:  e.Target,
		Major:   e.Major,
		Minor:   e.Minor,
	}
	if e.Content == nil {
		return cw.Write(ce, nil)
	}
	r, size, err := e.Content.Open()
	if err != nil {
		return err
	}
	defer r.Close()
	ce.Size = size
	return cw.Write(ce, r)
}

// unixMode returns mode as stat(2) has it.
func unixMode(mode fs.FileMode) uint32 {
	m := uint32(mode.Perm())
	if mode&fs.ModeSetuid != 0 {
		m |= 0o4000
	}
	if mode&fs.ModeSetgid != 0 {
		m |= 0o2000
	}
	if mode&fs.ModeSticky != 0 {
		m |= 0o1000
	}
	return m | unixType(mode)
}

func unixType(mode fs.FileMode) uint32 {
	switch {
	case mode.IsDir():
		return cpio.TypeDir
	case mode&fs.ModeSymlink != 0:
		return cpio.TypeSymlink
	case mode&fs.ModeCharDevice != 0:
		return cpio.TypeChar
	case mode&fs.ModeDevice != 0:
		return cpio.TypeBlock
	case mode&fs.ModeNamedPipe != 0:
		return cpio.TypeFifo
	}
	return cpio.TypeReg
}
