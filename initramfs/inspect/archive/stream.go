package archive

import (
	"bufio"
	"errors"
	"io"
)

// stream is the unpacked bytes of a segment.
type stream interface {
	io.Reader
	// discard passes over n bytes; it is io.ErrUnexpectedEOF where there are fewer.
	discard(n int64) error
	// peek returns the next byte without taking it.
	peek() (byte, error)
	// position is how many bytes were taken, from the stream's own zero.
	position() int64
}

const (
	// minWindow is read after a jump: a header, a name, a small body.
	minWindow = 4 << 10
	maxWindow = 64 << 10
)

// plain is a stream over bytes of the file itself: what is passed over is not
// read. Its positions are the file's.
type plain struct {
	src    io.ReaderAt
	pos    int64 // in the file, of buf[0]
	end    int64
	buf    []byte // read ahead and not taken
	window int    // bytes to read next
	space  []byte
}

func newPlain(src io.ReaderAt, pos, end int64) *plain {
	return &plain{src: src, pos: pos, end: end, window: minWindow, space: make([]byte, maxWindow)}
}

func (p *plain) position() int64 { return p.pos }

// fill reads ahead where buf is empty.
func (p *plain) fill() error {
	if len(p.buf) > 0 {
		return nil
	}
	n := min(int64(p.window), p.end-p.pos)
	if n <= 0 {
		return io.EOF
	}
	got, err := p.src.ReadAt(p.space[:n], p.pos)
	if got == 0 && err != nil {
		return err
	}
	p.buf = p.space[:got]
	p.window = min(p.window*2, maxWindow)
	return nil
}

func (p *plain) Read(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	if len(p.buf) == 0 && len(b) >= maxWindow {
		return p.direct(b)
	}
	if err := p.fill(); err != nil {
		return 0, err
	}
	n := copy(b, p.buf)
	p.take(n)
	return n, nil
}

// direct reads a large piece without a copy.
func (p *plain) direct(b []byte) (int, error) {
	n := min(int64(len(b)), p.end-p.pos)
	if n <= 0 {
		return 0, io.EOF
	}
	got, err := p.src.ReadAt(b[:n], p.pos)
	p.pos += int64(got)
	if got > 0 {
		err = nil
	}
	return got, err
}

func (p *plain) take(n int) {
	p.buf = p.buf[n:]
	p.pos += int64(n)
}

func (p *plain) peek() (byte, error) {
	if err := p.fill(); err != nil {
		return 0, err
	}
	return p.buf[0], nil
}

func (p *plain) discard(n int64) error {
	if n > p.end-p.pos {
		return io.ErrUnexpectedEOF
	}
	if n <= int64(len(p.buf)) {
		p.take(int(n))
		return nil
	}
	p.buf, p.window = nil, minWindow
	p.pos += n
	return nil
}

// skipZeros passes over zero bytes.
func (p *plain) skipZeros() error {
	for {
		if err := p.fill(); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		n := zeros(p.buf)
		all := n == len(p.buf)
		p.take(n)
		if !all {
			return nil
		}
	}
}

func zeros(b []byte) int {
	for i, c := range b {
		if c != 0 {
			return i
		}
	}
	return len(b)
}

// unpacked is a stream over a decoder's output; positions count from its
// start.
type unpacked struct {
	r   *bufio.Reader
	pos int64
}

func newUnpacked(r io.Reader) *unpacked { return &unpacked{r: bufio.NewReaderSize(r, maxWindow)} }

func (u *unpacked) position() int64 { return u.pos }

func (u *unpacked) Read(b []byte) (int, error) {
	n, err := u.r.Read(b)
	u.pos += int64(n)
	return n, err
}

func (u *unpacked) peek() (byte, error) {
	b, err := u.r.Peek(1)
	if err != nil {
		return 0, err
	}
	return b[0], nil
}

func (u *unpacked) discard(n int64) error {
	for n > 0 {
		step := min(n, 1<<30)
		got, err := u.r.Discard(int(step))
		u.pos += int64(got)
		n -= int64(got)
		if errors.Is(err, io.EOF) {
			return io.ErrUnexpectedEOF
		}
		if err != nil {
			return err
		}
	}
	return nil
}
