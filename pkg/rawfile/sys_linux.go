package rawfile

import (
	"fmt"
	"os"
	"runtime/debug"
	"unsafe"

	"golang.org/x/sys/unix"
)

// file is open for reading.
type file struct {
	fd   int
	path string
}

// withoutWaiting is for the writer of a FIFO, or a carrier.
const withoutWaiting = unix.O_NONBLOCK

func open(path string, flags int) (file, error) {
	var fd int
	err := retry(func() (err error) {
		fd, err = unix.Open(path, flags|unix.O_RDONLY|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
		return err
	})
	return file{fd, path}, wrap("open", path, err)
}

// missing does not look for more than open gives: errors.Is costs a boot as much as
// the file.
func missing(err error) bool {
	perr, ok := err.(*os.PathError)      //nolint:errorlint // as open returns it
	return ok && perr.Err == unix.ENOENT //nolint:errorlint // likewise
}

func (f file) close() { _ = unix.Close(f.fd) } // it was only read

// read returns 0 at the end.
func (f file) read(b []byte) (n int, err error) {
	err = retry(func() (err error) {
		n, err = unix.Read(f.fd, b)
		return err
	})
	return max(n, 0), wrap("read", f.path, err)
}

// size returns how many bytes the regular file f has, 0 where it does not tell: files
// of the kernel's have a size that says nothing, and no blocks.
func (f file) size() (int, error) {
	var st unix.Stat_t
	if err := unix.Fstat(f.fd, &st); err != nil {
		return 0, wrap("stat", f.path, err)
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG {
		return 0, fmt.Errorf("read %s: not a regular file (%s)", f.path, kind(st.Mode))
	}
	if st.Blocks == 0 {
		return 0, nil
	}
	return int(st.Size), nil
}

// mapMost is the most bytes of a file that are read by mapping it.
const mapMost = 16 << 10

// mapped returns the first size bytes of a small file. read(2) has squashfs make
// room for a whole block, as a rule of 32 pages, and free what the file does not
// fill: a mapping that is read at random (madvise(2)) takes the pages that there
// are. It is false where that cannot be done: a file that has become shorter, or a
// disk that does not answer.
func (f file) mapped(size int) (content []byte, ok bool) {
	at, err := unix.MmapPtr(f.fd, 0, nil, uintptr(size), unix.PROT_READ, unix.MAP_PRIVATE)
	if err != nil {
		return nil, false
	}
	defer func() { _ = unix.MunmapPtr(at, uintptr(size)) }() // it was mapped
	b := unsafe.Slice((*byte)(at), size)                     //nolint:gosec // size bytes are mapped
	if unix.Madvise(b, unix.MADV_RANDOM) != nil {
		return nil, false
	}
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if recover() != nil { // SIGBUS
			content, ok = nil, false
		}
	}()
	return append(make([]byte, 0, max(size, least)), b...), true
}

// kind is of st_mode (inode(7)).
func kind(mode uint32) string {
	switch mode & unix.S_IFMT {
	case unix.S_IFDIR:
		return "a directory"
	case unix.S_IFIFO:
		return "a FIFO"
	case unix.S_IFSOCK:
		return "a socket"
	default:
		return "a device"
	}
}

// Write writes value to the file at path, which is there, in one piece.
func Write(path, value string) error {
	return WriteEach(path, []string{value}, func(error) bool { return false })
}

// WriteEach writes each of values, in one piece, to the file at path, which is there,
// up to the first error that is not to be ignored. It is for files of the kernel's that
// do not mind where in them is written, as a cgroup's.
func WriteEach(path string, values []string, ignored func(error) bool) error {
	var fd int
	err := retry(func() (err error) {
		fd, err = unix.Open(path, unix.O_WRONLY|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
		return err
	})
	if err != nil {
		return wrap("open", path, err)
	}
	err = writeEach(fd, values, ignored)
	if cerr := unix.Close(fd); err == nil {
		err = cerr
	}
	return wrap("write", path, err)
}

func writeEach(fd int, values []string, ignored func(error) bool) error {
	for _, value := range values {
		err := retry(func() error {
			_, err := unix.Write(fd, []byte(value))
			return err
		})
		if err != nil && !ignored(err) {
			return err
		}
	}
	return nil
}

// retry calls f again where a signal interrupted it.
func retry(f func() error) error {
	for {
		if err := f(); err != unix.EINTR { //nolint:errorlint // as x/sys returns it
			return err
		}
	}
}

func wrap(op, path string, err error) error {
	if err == nil {
		return nil
	}
	return &os.PathError{Op: op, Path: path, Err: err}
}
