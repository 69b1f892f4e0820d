package archive

import (
	"errors"
	"fmt"
	"io"
)

// Reader reads an image from its start to its end: Next goes to the next
// entry, Read reads that entry's body.
type Reader struct {
	src     io.ReaderAt
	limits  Limits
	extents []extent // what of src is left to read
	pos     int64    // in src, in extents[0]
	began   bool     // a segment was found
	texts   int64    // bytes of names and targets so far

	segments []Segment
	entries  int
	archives int
	seg      *segment // that is being read; nil between two
	body     body
	one      bool // ends with the segment
}

// extent is a part of the file.
type extent struct {
	section    string
	start, end int64
}

// segment is an open Segment.
type segment struct {
	Segment
	stream stream
	decoder
}

// body is what is left of the current entry.
type body struct {
	left int64 // bytes
	pad  int64 // bytes after it
	crc  bool  // Checksum is to be held
	sum  uint32
	want uint32
	name string
	at   int64 // of the entry's header
}

// NewReader returns a Reader of the size bytes of src, an image or a unified
// kernel image with one.
func NewReader(src io.ReaderAt, size int64, limits Limits) (*Reader, error) {
	limits.fill()
	extents, err := findExtents(src, size)
	if err != nil {
		return nil, err
	}
	return &Reader{src: src, limits: limits, extents: extents, pos: extents[0].start}, nil
}

// OpenSegment returns a Reader of one segment that a Reader of the same src
// has found.
func OpenSegment(src io.ReaderAt, seg Segment, limits Limits) *Reader {
	limits.fill()
	return &Reader{
		src: src, limits: limits, one: true, pos: seg.Offset, entries: seg.First,
		extents: []extent{{seg.Section, seg.Offset, seg.Offset + seg.Size}},
	}
}

// Segments returns the segments that were read to their end.
func (r *Reader) Segments() []Segment { return r.segments }

// Close frees the decoder of a Reader that was not read to its end.
func (r *Reader) Close() {
	if r.seg != nil && r.seg.close != nil {
		r.seg.close()
	}
	r.seg = nil
}

// Next returns the next entry; io.EOF at the end of the image. Any other error
// is an *Error or one of src, and ends the reading.
func (r *Reader) Next() (Entry, error) {
	for {
		if r.seg == nil {
			if err := r.nextSegment(); err != nil {
				return Entry{}, err
			}
		}
		e, err := r.nextEntry()
		if !errors.Is(err, io.EOF) {
			return e, err
		}
		if err := r.endSegment(); err != nil {
			return Entry{}, err
		}
	}
}

// Read reads the body of the entry that Next returned.
func (r *Reader) Read(p []byte) (int, error) {
	if r.body.left == 0 || r.seg == nil {
		return 0, io.EOF
	}
	n, err := r.seg.stream.Read(p[:min(int64(len(p)), r.body.left)])
	r.body.left -= int64(n)
	if r.body.crc {
		for _, c := range p[:n] {
			r.body.sum += uint32(c)
		}
	}
	if n > 0 && (err == nil || errors.Is(err, io.EOF)) {
		return n, nil
	}
	if err != nil {
		err = r.bodyError(err)
	}
	return n, err
}

func (r *Reader) bodyError(err error) error {
	return r.fail(r.body.at, fmt.Errorf("body of %.100q: %w", r.body.name, cut(err)))
}

// fail places an error at a position of the current segment's stream.
func (r *Reader) fail(at int64, err error) error {
	if r.seg.Compression == None {
		return &Error{Offset: at, Err: err}
	}
	return &Error{Offset: r.seg.Offset, Packed: r.seg.Compression, At: at, Err: err}
}

// failField is fail for a field of the header at a position.
func (r *Reader) failField(at int64, err error) error {
	field, ok := errors.AsType[*fieldError](err)
	if !ok {
		return r.fail(at, err)
	}
	e := &Error{Offset: at + int64(field.at), Field: "header field " + field.field, Value: field.value, Err: field.err}
	if r.seg.Compression != None {
		e.Packed, e.At, e.Offset = r.seg.Compression, e.Offset, r.seg.Offset
	}
	return e
}
