package ociproc

import (
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/kguest/kguest/pkg/inroot"
)

func signalNumber(name string) (syscall.Signal, error) {
	n := unix.SignalNum(name)
	if n == 0 {
		return 0, errNotSignal()
	}
	return n, nil
}

// descriptor is a file descriptor that is closed on exec.
type descriptor int

// Close releases the descriptor.
func (d descriptor) Close() error { return unix.Close(int(d)) }

// tree is a directory that paths do not lead out of.
type tree struct{ inroot.Dir }

func openTree(path string) (*tree, error) {
	dir, err := inroot.Open(path)
	if err != nil {
		return nil, err
	}
	return &tree{dir}, nil
}

// openat resolves path as chroot(2) would. The error wraps a syscall.Errno.
func (t *tree) openat(path string, flags uint64) (descriptor, error) {
	fd, err := t.OpenAt(path, flags)
	return descriptor(fd), err
}

// file is what execve(2) asks of a file.
type file struct {
	mode     uint32 // st_mode
	uid, gid uint32
}

func (t *tree) stat(path string) (file, error) {
	fd, err := t.openat(path, unix.O_PATH)
	if err != nil {
		return file{}, err
	}
	defer fd.Close()
	var st unix.Stat_t
	if err := unix.Fstat(int(fd), &st); err != nil {
		return file{}, err
	}
	return file{st.Mode, st.Uid, st.Gid}, nil
}

func (f file) isRegular() bool { return f.mode&unix.S_IFMT == unix.S_IFREG }

func (f file) isDir() bool { return f.mode&unix.S_IFMT == unix.S_IFDIR }

// link returns what the link at path has in it, "" where it is no link.
func (t *tree) link(path string) string {
	fd, err := t.openat(path, unix.O_PATH|unix.O_NOFOLLOW)
	if err != nil {
		return ""
	}
	defer fd.Close()
	buf := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(int(fd), "", buf)
	if err != nil {
		return ""
	}
	return string(buf[:n])
}

// content is a regular file that is open to read.
type content struct {
	descriptor
	path string
}

// open opens a regular file to read, and nothing else: opening a device can
// have effects.
func (t *tree) open(path string) (content, error) {
	f, err := t.stat(path)
	if err != nil {
		return content{}, &os.PathError{Op: "open", Path: path, Err: err}
	}
	if !f.isRegular() {
		return content{}, fmt.Errorf("open %s: not a regular file", path)
	}
	return t.openRegular(path)
}

// openRegular opens what stat has found to be a regular file.
func (t *tree) openRegular(path string) (content, error) {
	fd, err := t.openat(path, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY)
	if err != nil {
		return content{}, &os.PathError{Op: "open", Path: path, Err: err}
	}
	return content{fd, path}, nil
}

// ReadAt is io.ReaderAt's.
func (c content) ReadAt(b []byte, offset int64) (n int, err error) {
	for n < len(b) {
		m, err := unix.Pread(int(c.descriptor), b[n:], offset+int64(n))
		switch {
		case errors.Is(err, unix.EINTR):
		case err != nil:
			return n, &os.PathError{Op: "read", Path: c.path, Err: err}
		case m == 0:
			return n, io.EOF
		default:
			n += m
		}
	}
	return n, nil
}

// mkdir makes the directory name in parent and gives it to uid and gid. It is
// 0755 whatever the umask.
func (t *tree) mkdir(parent, name string, uid, gid uint32) error {
	dir, err := t.openat(parent, unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return err
	}
	defer dir.Close()
	if err := unix.Mkdirat(int(dir), name, 0o755); err != nil {
		return err
	}
	made, err := unix.Openat(int(dir), name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer descriptor(made).Close()
	if err := unix.Fchmod(made, 0o755); err != nil {
		return err
	}
	return unix.Fchown(made, int(uid), int(gid))
}
