// Package rawfile reads and writes small files with no more system calls than that
// takes. An os.File also asks for flags, is told to the runtime's poller and gets a
// cleanup, which for a file of the kernel's costs more than the file.
package rawfile

import "fmt"

// Read returns the content of the regular file at path, of which more than limit
// bytes is an error. It does not wait for the writer of a FIFO: what is not a regular
// file is refused.
func Read(path string, limit int) ([]byte, error) {
	f, err := open(path, withoutWaiting)
	if err != nil {
		return nil, err
	}
	defer f.close()
	return f.readAll(limit)
}

// ReadIfThere is Read, and nil where there is no such file.
func ReadIfThere(path string, limit int) ([]byte, error) {
	data, err := Read(path, limit)
	if missing(err) {
		return nil, nil
	}
	return data, err
}

// ReadFD is Read for the open file fd, of which path is for errors.
func ReadFD(fd int, path string, limit int) ([]byte, error) {
	return file{fd, path}.readAll(limit)
}

func (f file) readAll(limit int) ([]byte, error) {
	size, err := f.size()
	if err != nil {
		return nil, err
	}
	if 0 < size && size <= min(limit, mapMost) {
		if content, ok := f.mapped(size); ok {
			return content, nil
		}
	}
	room := size
	if room == 0 {
		room = usual
	}
	buf := make([]byte, 0, min(room, limit)+1) // the last byte, to find the end
	for {
		if len(buf) == cap(buf) {
			buf = append(buf, 0)[:len(buf)]
		}
		n, err := f.read(buf[len(buf):cap(buf)])
		if err != nil {
			return nil, err
		}
		buf = buf[:len(buf)+n]
		switch {
		case n == 0:
			return buf, nil
		case len(buf) > limit:
			return nil, fmt.Errorf("read %s: larger than %d bytes", f.path, limit)
		}
	}
}

// usual is the size that is expected of a file that does not tell.
const usual = least - 1

// least is the room that a file gets, in bytes. To have the next size of an allocator
// costs more than to leave some of one unused.
const least = 1024

// Head returns the first bytes of the file or block device at path, as many as most
// where it has them.
func Head(path string, most int) ([]byte, error) {
	f, err := open(path, 0) // of a drive without a disk the open is to fail
	if err != nil {
		return nil, err
	}
	defer f.close()
	return f.head(most)
}

// HeadFD is Head for the open regular file fd, of which path is for errors.
func HeadFD(fd int, path string, most int) ([]byte, error) {
	f := file{fd, path}
	size, err := f.size()
	if err != nil {
		return nil, err
	}
	if n := min(most, size); 0 < n && n <= mapMost {
		if content, ok := f.mapped(n); ok {
			return content, nil
		}
	}
	return f.head(most)
}

func (f file) head(most int) ([]byte, error) {
	buf := make([]byte, most)
	for have := 0; have < most; {
		n, err := f.read(buf[have:])
		if err != nil {
			return nil, err
		}
		if n == 0 {
			return buf[:have], nil
		}
		have += n
	}
	return buf, nil
}
