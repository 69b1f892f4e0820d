package ociproc

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// openFile does not wait for the writer of a FIFO.
func openFile(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
}

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
type tree struct {
	fd descriptor
}

func openTree(path string) (*tree, error) {
	fd, err := unix.Open(path, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	return &tree{descriptor(fd)}, nil
}

// Close releases the directory.
func (t *tree) Close() error { return t.fd.Close() }

// openat resolves path as chroot(2) would (openat2(2), Linux 5.6). The error
// wraps a syscall.Errno.
func (t *tree) openat(path string, flags uint64) (descriptor, error) {
	how := unix.OpenHow{Flags: flags | unix.O_CLOEXEC, Resolve: unix.RESOLVE_IN_ROOT}
	const attempts = 100 // EAGAIN: something was renamed meanwhile
	var fd int
	var err error
	for range attempts {
		fd, err = unix.Openat2(int(t.fd), path, &how)
		if !errors.Is(err, unix.EAGAIN) && !errors.Is(err, unix.EINTR) {
			break
		}
	}
	if errors.Is(err, unix.ENOSYS) {
		err = fmt.Errorf("openat2: %w (it needs Linux 5.6)", err)
	}
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

// open opens a regular file to read, and nothing else: opening a device can
// have effects.
func (t *tree) open(path string) (*os.File, error) {
	f, err := t.stat(path)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	if !f.isRegular() {
		return nil, fmt.Errorf("open %s: not a regular file", path)
	}
	fd, err := t.openat(path, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	return os.NewFile(uintptr(fd), path), nil
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
