// Package erofs writes uncompressed erofs images, in Go alone.
//
// An image is a superblock, the inodes, each with its attributes and the end of
// its content where that is short, and then whole blocks of content. Nothing in
// it is of the machine or the hour that made it. The format is that of the
// kernel's fs/erofs/erofs_fs.h; Linux 5.4 and later can read it.
package erofs

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"

	"github.com/kguest/kguest/pkg/pack/flatten"
)

const (
	blockSize = 4096
	blockBits = 12

	superOffset = 1024
	superMagic  = 0xe0f5e1e2
	// compatChecksum is that the superblock's block has a checksum, and
	// compatMtime that inodes have the time of modification.
	compatChecksum = 0x1
	compatMtime    = 0x2

	// inodesOffset is where inodes begin. Inode numbers count slots from the
	// start of the image, so that none is 0.
	inodesOffset = blockSize
	slotSize     = 32
)

// Write writes t to f, which must be empty. Contents are streamed.
func Write(ctx context.Context, f *os.File, t *flatten.Tree) error {
	p, err := newPlan(t)
	if err != nil {
		return err
	}
	w := writer{file: f, plan: p, buf: make([]byte, copySize)}
	if err := w.inodes(); err != nil {
		return fmt.Errorf("write inodes: %w", err)
	}
	if err := t.Contents(ctx, w.content); err != nil {
		return err
	}
	// What was not written is zeros.
	if err := f.Truncate(p.blocks * blockSize); err != nil {
		return err
	}
	_, err = f.WriteAt(p.superblock(), 0)
	return err
}

// copySize is how many bytes are copied at a time: whole blocks.
const copySize = 16 * blockSize

type writer struct {
	file *os.File
	plan *plan
	buf  []byte
}

// inodes writes everything but the contents of regular files.
func (w *writer) inodes() error {
	at := int64(inodesOffset)
	out := bufio.NewWriterSize(io.NewOffsetWriter(w.file, at), 1<<20)
	for _, f := range w.plan.files {
		if _, err := io.CopyN(out, zeros{}, f.offset-at); err != nil {
			return err
		}
		inline, err := w.data(f)
		if err != nil {
			return err
		}
		at = f.offset
		for _, part := range [][]byte{f.inode(), f.xattrs, inline} {
			n, err := out.Write(part)
			if err != nil {
				return err
			}
			at += int64(n)
		}
	}
	return out.Flush()
}

// data writes the blocks of a directory or a symbolic link, and returns what
// of it stands after the inode.
func (w *writer) data(f *file) ([]byte, error) {
	var data []byte
	switch f.ino.Kind {
	case flatten.Directory:
		data = w.plan.directory(f)
	case flatten.Symlink:
		data = []byte(f.ino.Target)
	default:
		return nil, nil
	}
	whole := len(data) - f.inline
	_, err := w.file.WriteAt(data[:whole], f.block*blockSize)
	return data[whole:], err
}

// content writes that of a regular file.
func (w *writer) content(ino *flatten.Inode, r io.Reader) error {
	f := w.plan.byInode[ino]
	whole := ino.Size - int64(f.inline)
	for done := int64(0); done < whole; {
		part := w.buf[:min(whole-done, int64(len(w.buf)))]
		if _, err := io.ReadFull(r, part); err != nil {
			return err
		}
		// A hole in the image file reads as zeros.
		if len(bytes.TrimLeft(part, "\x00")) > 0 {
			if _, err := w.file.WriteAt(part, f.block*blockSize+done); err != nil {
				return err
			}
		}
		done += int64(len(part))
	}
	tail := w.buf[:f.inline]
	if _, err := io.ReadFull(r, tail); err != nil {
		return err
	}
	_, err := w.file.WriteAt(tail, f.offset+inodeSize+int64(len(f.xattrs)))
	return err
}

// superblock returns the first block.
func (p *plan) superblock() []byte {
	b := make([]byte, blockSize)
	s := b[superOffset:]
	le := binary.LittleEndian
	le.PutUint32(s[0:], superMagic)
	le.PutUint32(s[8:], compatChecksum|compatMtime)
	s[12] = blockBits
	le.PutUint16(s[14:], inodesOffset/slotSize) // the root's number
	le.PutUint64(s[16:], uint64(len(p.files)))
	le.PutUint32(s[36:], uint32(p.blocks)) //nolint:gosec // newPlan bounds it
	// The kernel's crc32c does not invert its result.
	le.PutUint32(s[4:], ^crc32.Checksum(s, crc32.MakeTable(crc32.Castagnoli)))
	return b
}

// zeros reads as zeros for ever.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// errTooLarge is what 32-bit block numbers cannot count.
var errTooLarge = errors.New("image has more than 16 TiB")
