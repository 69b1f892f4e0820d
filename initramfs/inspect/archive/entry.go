package archive

import (
	"errors"
	"fmt"
	"io"
)

// readEntry reads a header, the name and a link's target. last is set for the
// one that ends an archive. io.EOF means that the segment ended where a header
// could have started.
func (r *Reader) readEntry() (e Entry, last bool, err error) {
	s := r.seg.stream
	at := s.position()
	h, err := r.readHeader(at)
	if err != nil {
		return e, false, err
	}
	e = h.Entry
	e.Offset, e.Segment, e.Archive = at, len(r.segments), r.archives
	name := make([]byte, h.nameSize)
	if err := r.readFull(at, "name", name); err != nil {
		return e, false, err
	}
	if name[len(name)-1] != 0 {
		return e, false, r.fail(at, fmt.Errorf("name %.100q does not end in NUL", name))
	}
	e.Name = text(name)
	r.setBody(&e, h.nameSize)
	if e.Name == trailer {
		return e, true, nil
	}
	if e.Type() == TypeSymlink {
		if err := r.readTarget(&e); err != nil {
			return e, false, err
		}
	}
	return e, false, r.count(&e)
}

func (r *Reader) readHeader(at int64) (header, error) {
	buf := make([]byte, headerSize)
	if _, err := r.seg.stream.peek(); errors.Is(err, io.EOF) {
		return header{}, io.EOF
	}
	if err := r.readFull(at, "header", buf); err != nil {
		return header{}, err
	}
	h, err := parseHeader(buf)
	if err != nil {
		return h, r.failField(at, err)
	}
	return h, nil
}

func (r *Reader) readFull(at int64, what string, b []byte) error {
	if _, err := io.ReadFull(r.seg.stream, b); err != nil {
		return r.fail(at, fmt.Errorf("%s: %w", what, cut(err)))
	}
	return nil
}

// setBody passes over the padding of the name and prepares for the body.
func (r *Reader) setBody(e *Entry, nameSize int64) {
	// Missing padding shows as a missing body or header.
	_ = r.seg.stream.discard(padding(headerSize + nameSize))
	r.body = body{
		left: int64(e.Size), pad: padding(int64(e.Size)), name: e.Name, at: e.Offset,
		// cpio -H crc gives every name of a hard link the sum of the body,
		// which only one has.
		crc: e.Format == CRC && e.Type() == TypeReg && e.Size > 0, want: e.Checksum,
	}
}

func (r *Reader) readTarget(e *Entry) error {
	target := make([]byte, r.body.left)
	if err := r.readFull(e.Offset, "link target", target); err != nil {
		return err
	}
	r.body.left = 0
	e.Target = text(target)
	return nil
}

// count holds the limits.
func (r *Reader) count(e *Entry) error {
	r.entries++
	r.seg.Entries++
	if r.seg.Entries == 1 {
		r.seg.Format = e.Format
	}
	r.texts += int64(len(e.Name) + len(e.Target))
	switch {
	case r.entries > r.limits.Entries:
		return r.fail(e.Offset, fmt.Errorf("more than %d entries", r.limits.Entries))
	case r.texts > r.limits.Text:
		return r.fail(e.Offset, fmt.Errorf("more than %d bytes of names", r.limits.Text))
	}
	return nil
}
