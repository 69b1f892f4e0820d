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
func Read(name string, limit int64) ([]byte, error) {
	f, info, err := Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info.Size() > limit {
		return nil, tooLarge(name, info.Size(), limit)
	}
	data := make([]byte, 0, info.Size()+1)
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

// sumSize is how much Sum reads at once, in bytes.
const sumSize = 32 << 10

// sumBuffers are what Sum reads into: memory that a process has not used yet costs
// more than reading into it does.
var sumBuffers sync.Pool

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
	buf, ok := sumBuffers.Get().(*[sumSize]byte)
	if !ok {
		buf = new([sumSize]byte)
	}
	defer sumBuffers.Put(buf)
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
