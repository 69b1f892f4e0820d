package archive

import (
	"errors"
	"fmt"
	"io"
)

// nextSegment opens the segment that follows, past zeros and the ends of
// extents.
func (r *Reader) nextSegment() error {
	for {
		if r.one && r.began {
			return io.EOF
		}
		ext := r.extents[0]
		p := newPlain(r.src, r.pos, ext.end)
		if err := p.skipZeros(); err != nil {
			return err
		}
		r.pos = p.pos
		if r.pos < ext.end {
			return r.openSegment(ext)
		}
		if len(r.extents) == 1 {
			return r.endImage()
		}
		r.extents = r.extents[1:]
		r.pos = r.extents[0].start
	}
}

func (r *Reader) endImage() error {
	if !r.began {
		return &Error{Offset: 0, Err: errEmpty}
	}
	return io.EOF
}

func (r *Reader) openSegment(ext extent) error {
	head := make([]byte, min(magicLen, ext.end-r.pos))
	if _, err := r.src.ReadAt(head, r.pos); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	comp, ok := detect(head)
	switch {
	case !ok && !r.began:
		return &Error{Offset: r.pos, Err: errNoImage(head)}
	case !ok:
		return &Error{Offset: r.pos, Err: errJunk(head)}
	case comp == None && (r.pos-ext.start)&3 != 0 && !r.one:
		return &Error{Offset: r.pos, Err: errors.New("archive starts at no multiple of 4, where the kernel does not look for it")}
	}
	r.began = true
	seg := &segment{Segment: Segment{Section: ext.section, Offset: r.pos, Compression: comp, First: r.entries}}
	if comp == None {
		seg.stream = newPlain(r.src, r.pos, ext.end)
	} else {
		dec, err := newDecoder(comp, r.src, r.pos, ext.end, r.limits.Window)
		if err != nil {
			return &Error{Offset: r.pos, Err: fmt.Errorf("%s data: %w", comp, cut(err))}
		}
		seg.decoder = dec
		seg.stream = newUnpacked(dec.Reader)
	}
	r.seg = seg
	r.body = body{}
	return nil
}

// endSegment notes the sizes of the segment whose last archive has been read.
func (r *Reader) endSegment() error {
	seg := r.seg
	end := seg.stream.position()
	if seg.Compression == None {
		seg.RawSize = end - seg.Offset
	} else {
		seg.RawSize = end
		var err error
		if end, err = seg.end(); err != nil {
			return r.fail(seg.RawSize, err)
		}
	}
	seg.Size = end - seg.Offset
	if seg.Entries == 0 && seg.Archives == 0 {
		return r.fail(0, errors.New("no archive in it"))
	}
	if seg.Archives == 0 {
		r.archives++ // its end is missing
	}
	r.segments = append(r.segments, seg.Segment)
	r.pos = end
	r.Close()
	return nil
}

// nextEntry returns the next entry of the segment, io.EOF where it has no
// more.
func (r *Reader) nextEntry() (Entry, error) {
	for {
		if err := r.finishBody(); err != nil {
			return Entry{}, err
		}
		e, last, err := r.readEntry()
		if err != nil {
			return Entry{}, err
		}
		if !last {
			return e, nil
		}
		r.seg.Archives++
		r.archives++
		if err := r.finishBody(); err != nil {
			return Entry{}, err
		}
		if r.seg.Compression == None {
			return Entry{}, io.EOF
		}
		if err := r.toNextArchive(); err != nil {
			return Entry{}, err
		}
	}
}

// finishBody passes over what is left of the entry's body, and checks the sum
// of one that was written with a checksum. Padding may be missing at the end.
func (r *Reader) finishBody() error {
	b := &r.body
	if b.crc {
		if _, err := io.Copy(io.Discard, r); err != nil {
			return err
		}
		if b.sum != b.want {
			return r.fail(b.at, fmt.Errorf("body of %.100q: sum of its bytes is %08x, and %08x in the header", b.name, b.sum, b.want))
		}
	} else if err := r.seg.stream.discard(b.left); err != nil {
		return r.bodyError(err)
	}
	pad := b.pad
	*b = body{}
	for range pad {
		if err := r.seg.stream.discard(1); errors.Is(err, io.ErrUnexpectedEOF) {
			return nil
		} else if err != nil {
			return r.fail(r.seg.stream.position(), err)
		}
	}
	return nil
}

// toNextArchive passes over the zeros between two archives in one stream.
func (r *Reader) toNextArchive() error {
	s := r.seg.stream
	for {
		c, err := s.peek()
		switch {
		case errors.Is(err, io.EOF):
			return io.EOF
		case err != nil:
			return r.fail(s.position(), cut(err))
		case c == '0' && s.position()&3 == 0:
			return nil
		case c != 0:
			return r.fail(s.position(), fmt.Errorf("junk after an archive: byte %02x; want zeros or a cpio header", c))
		}
		if err := s.discard(1); err != nil {
			return err
		}
	}
}
