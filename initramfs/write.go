package initramfs

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"

	"github.com/kguest/kguest/initramfs/cpio"
)

// Write writes t to w as a newc archive, packed as c says. Equal trees give
// equal bytes.
func Write(w io.Writer, t *Tree, c Compression) error {
	if err := c.Check(); err != nil {
		return fmt.Errorf("write archive: %w", err)
	}
	l, err := t.layout()
	if err != nil {
		return err
	}
	return l.write(w, nil, c)
}

// write writes the archive, with r's manifest as its last file where r is not
// nil: it has the digests of the files as they were written.
func (l *layout) write(w io.Writer, r *record, c Compression) error {
	zw, err := c.NewWriter(w)
	if err != nil {
		return fmt.Errorf("write archive: %w", err)
	}
	if err := l.archive(zw, r); err != nil {
		_ = zw.Close() // only to stop its goroutines
		return err
	}
	if err := zw.Close(); err != nil {
		return fmt.Errorf("write archive: %w", err)
	}
	return nil
}

func (l *layout) archive(w io.Writer, r *record) error {
	cw := cpio.NewWriter(w)
	for _, n := range l.nodes {
		if err := n.write(cw, l.modTime, r != nil); err != nil {
			return fmt.Errorf("%s: %w", n.Reason, err)
		}
	}
	if r != nil {
		n, err := r.node(l)
		if err != nil {
			return err
		}
		if err := n.write(cw, l.modTime, false); err != nil {
			return err
		}
	}
	return cw.Close()
}

// write writes n, and notes the digest of its content where that is asked.
func (n *node) write(cw *cpio.Writer, modTime int64, sum bool) error {
	e := n.archived(modTime)
	if n.Content == nil {
		if n.Mode.IsRegular() {
			n.sha256 = emptySum
		}
		return cw.Write(e, nil)
	}
	r, _, err := n.Content.Open()
	if err != nil {
		return err
	}
	defer r.Close()
	if d, ok := n.Content.(digested); ok {
		n.sha256 = d.SHA256()
	}
	if !sum || n.sha256 != "" {
		return cw.Write(e, r)
	}
	h := sha256.New()
	err = cw.Write(e, io.TeeReader(r, h))
	n.sha256 = hex.EncodeToString(h.Sum(nil))
	return err
}

// emptySum is the SHA-256 of nothing.
const emptySum = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

// unixMode returns mode as stat(2) has it.
func unixMode(mode fs.FileMode) uint32 { return bits(mode) | unixType(mode) }

// bits returns the bits of mode that chmod(2) takes.
func bits(mode fs.FileMode) uint32 {
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
	return m
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
