// Package cpio writes archives in the newc format, as the kernel unpacks them
// for an initramfs (Documentation/driver-api/early-userspace/buffer-format.rst).
//
// It is the one user of cavaliergopher/cpio's writer and keeps that away from
// what it does wrong: v1.0.1 writes no device numbers, truncates sizes and
// times that do not fit, and takes any name. The archive is refused what the
// kernel would drop without a word: a name too long, an entry whose folder did
// not come before it.
package cpio

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"
	"time"

	lib "github.com/cavaliergopher/cpio"
)

// MaxSize is the largest file, in bytes, that a newc header can tell.
const MaxSize = 1<<32 - 1

// The types of an entry, as in stat(2); Entry.Mode holds one.
const (
	TypeFifo    = 0o010000
	TypeChar    = 0o020000
	TypeDir     = 0o040000
	TypeBlock   = 0o060000
	TypeReg     = 0o100000
	TypeSymlink = 0o120000
	TypeMask    = 0o170000
)

// bufferSize spares the output a write for every header, name and pad.
const bufferSize = 64 << 10

// copySize is how much of a body is read at once, in bytes.
const copySize = 32 << 10

// Entry is one file of an archive. Its times, owners and numbers are limited
// to the 32 bits of the format.
type Entry struct {
	Name    string   // slash-separated, from the root, without a leading slash
	Links   []string // further names of the same regular file (hard links)
	Mode    uint32   // type, setuid, setgid, sticky and permission bits
	UID     uint32
	GID     uint32
	ModTime int64  // seconds since 1970
	Size    int64  // of a regular file's body, in bytes
	Target  string // of a symbolic link
	Major   uint32 // of a device node
	Minor   uint32
}

// Writer writes one archive.
type Writer struct {
	buf   *bufio.Writer
	patch *patcher
	lib   *lib.Writer
	names names
	inode int64
	copy  []byte // for bodies, copySize bytes
}

// NewWriter returns a Writer to w. Nothing is whole before Close.
func NewWriter(w io.Writer) *Writer {
	buf := bufio.NewWriterSize(w, bufferSize)
	patch := &patcher{w: buf}
	return &Writer{buf: buf, patch: patch, lib: lib.NewWriter(patch), names: make(names), copy: make([]byte, copySize)}
}

// Write writes an entry. The body of a regular file is e.Size bytes of body,
// no fewer and no more; for any other type body is not used and may be nil.
// After an error the archive is of no use.
func (w *Writer) Write(e Entry, body io.Reader) error {
	if err := e.check(); err != nil {
		return fmt.Errorf("write %q: %w", e.Name, err)
	}
	if err := w.names.add(e); err != nil {
		return err
	}
	if w.inode == math.MaxUint32 {
		return fmt.Errorf("write %q: a newc archive holds at most %d files", e.Name, uint32(math.MaxUint32))
	}
	if err := w.write(e, body); err != nil {
		return fmt.Errorf("write %q: %w", e.Name, err)
	}
	return nil
}

// write writes the headers of all of e's names. By the format's custom the
// last of them carries the body.
func (w *Writer) write(e Entry, body io.Reader) error {
	w.inode++
	hdr := header(e, w.inode)
	all := append([]string{e.Name}, e.Links...)
	for _, name := range all[:len(all)-1] {
		link := *hdr
		link.Name, link.Size = name, 0
		if err := w.header(&link, e); err != nil {
			return err
		}
	}
	hdr.Name = all[len(all)-1]
	if err := w.header(hdr, e); err != nil {
		return err
	}
	switch e.Mode & TypeMask {
	case TypeSymlink:
		_, err := io.WriteString(w.lib, e.Target)
		return err
	case TypeReg:
		return w.body(e.Size, body)
	}
	return nil
}

func (w *Writer) header(hdr *lib.Header, e Entry) error {
	w.patch.next(e.Major, e.Minor)
	return w.lib.WriteHeader(hdr)
}

// header returns e's header, all but the name. Setting Links keeps the library
// from counting none for a setuid file, setting Inode from numbering hard
// links apart. Checksum must stay 0: setting it once spoils the magic of every
// later header in the process.
func header(e Entry, inode int64) *lib.Header {
	hdr := &lib.Header{
		Mode:    lib.FileMode(e.Mode),
		Uid:     int(e.UID),
		Guid:    int(e.GID),
		Links:   1 + len(e.Links),
		ModTime: time.Unix(e.ModTime, 0),
		Inode:   inode,
	}
	switch e.Mode & TypeMask {
	case TypeReg:
		hdr.Size = e.Size
	case TypeSymlink:
		hdr.Size = int64(len(e.Target))
	case TypeDir:
		hdr.Links = 2
	}
	return hdr
}

func (w *Writer) body(size int64, body io.Reader) error {
	if size > 0 {
		n, err := io.CopyBuffer(w.lib, io.LimitReader(body, size), w.copy)
		if err != nil {
			return err
		}
		if n < size {
			return fmt.Errorf("body ends after %d of %d bytes; was the file changed meanwhile?", n, size)
		}
	}
	if body == nil {
		return nil
	}
	switch _, err := io.ReadFull(body, w.copy[:1]); {
	case err == nil:
		return fmt.Errorf("body is longer than %d bytes; was the file changed meanwhile?", size)
	case errors.Is(err, io.EOF):
		return nil
	default:
		return err
	}
}

// Close writes the trailer. It does not close the writer below.
func (w *Writer) Close() error {
	w.patch.next(0, 0)
	if err := w.lib.Close(); err != nil {
		return fmt.Errorf("write trailer: %w", err)
	}
	return w.buf.Flush()
}
