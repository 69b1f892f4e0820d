// Package hostfile opens files of the host that somebody named. It does not
// wait: a named pipe without a writer, or a device, is refused at once.
package hostfile

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"sync"
)

// Open opens the regular file name, symbolic links followed, for reading. Its
// error is a *fs.PathError.
func Open(name string) (*os.File, fs.FileInfo, error) {
	f, err := openNow(name)
	if err != nil {
		return nil, nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = &fs.PathError{Op: "open", Path: name, Err: &IrregularError{info.Mode()}}
	}
	if err != nil {
		_ = f.Close() // nothing was written to it
		return nil, nil, err
	}
	return f, info, nil
}

// Read returns the content of the regular file name, of at most limit bytes.
// The files of /proc say 0 and have more.
func Read(name string, limit int64) ([]byte, error) { return ReadInto(name, limit, nil) }

// ReadInto is Read, into the memory of buf where that is large enough.
func ReadInto(name string, limit int64, buf []byte) ([]byte, error) {
	f, info, err := Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info.Size() > limit {
		return nil, tooLarge(name, info.Size(), limit)
	}
	data := buf[:0]
	if int64(cap(data)) <= info.Size() {
		data = make([]byte, 0, info.Size()+1)
	}
	for {
		n, err := f.Read(data[len(data):cap(data)])
		data = data[:len(data)+n]
		switch {
		case int64(len(data)) > limit:
			return nil, tooLarge(name, int64(len(data)), limit)
		case errors.Is(err, io.EOF):
			return data, nil
		case err != nil:
			return nil, err
		case len(data) == cap(data):
			data = append(data, 0)[:len(data)]
		}
	}
}

// ReadString is Read, for a text.
func ReadString(name string, limit int64) (string, error) {
	f, info, err := Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	if info.Size() > limit {
		return "", tooLarge(name, info.Size(), limit)
	}
	var b strings.Builder
	b.Grow(int(info.Size()))
	buf := newBuffer()
	defer buffers.Put(buf)
	if _, err := io.CopyBuffer(&b, io.LimitReader(f, limit+1), buf[:]); err != nil {
		return "", err
	}
	if int64(b.Len()) > limit {
		return "", tooLarge(name, int64(b.Len()), limit)
	}
	return b.String(), nil
}

// bufferSize is how much is read at once of what is not kept, in bytes.
const bufferSize = 32 << 10

// buffers are what is read into: memory that a process has not used yet costs
// more than reading into it does.
var buffers sync.Pool

func newBuffer() *[bufferSize]byte {
	if buf, ok := buffers.Get().(*[bufferSize]byte); ok {
		return buf
	}
	return new([bufferSize]byte)
}

// SHA256 returns the digest of the regular file name.
func SHA256(name string) (sum [sha256.Size]byte, err error) {
	f, _, err := Open(name)
	if err != nil {
		return sum, err
	}
	defer f.Close()
	return Sum(f)
}

// Sum returns the SHA-256 of what r has.
func Sum(r io.Reader) (sum [sha256.Size]byte, err error) {
	buf := newBuffer()
	defer buffers.Put(buf)
	h := sha256.New()
	for {
		n, err := r.Read(buf[:])
		h.Write(buf[:n])
		if errors.Is(err, io.EOF) {
			h.Sum(sum[:0])
			return sum, nil
		}
		if err != nil {
			return sum, err
		}
	}
}

func tooLarge(name string, size, limit int64) error {
	return &fs.PathError{Op: "read", Path: name, Err: fmt.Errorf("%d bytes, more than %d", size, limit)}
}

// IrregularError is of a file that is no regular one.
type IrregularError struct{ Mode fs.FileMode }

func (e *IrregularError) Error() string { return "a " + Kind(e.Mode) + ", not a regular file" }

// Kind names the type of a file for a person.
func Kind(mode fs.FileMode) string {
	switch {
	case mode.IsRegular():
		return "file"
	case mode.IsDir():
		return "folder"
	case mode&fs.ModeSymlink != 0:
		return "symbolic link"
	case mode&fs.ModeNamedPipe != 0:
		return "named pipe"
	case mode&fs.ModeSocket != 0:
		return "socket"
	case mode&fs.ModeDevice != 0:
		return "device"
	}
	return "file of unknown type"
}
