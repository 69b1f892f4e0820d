// Package inroot opens paths in a directory that is not trusted as chroot(2) would
// resolve them: no symbolic link of that tree leads out of it (openat2(2), Linux 5.6).
package inroot

import (
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// Dir is such a directory, open.
type Dir struct{ fd int }

// Open opens the directory at path, which is trusted. The error is an *os.PathError.
func Open(path string) (Dir, error) {
	fd, err := unix.Open(path, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return Dir{}, &os.PathError{Op: "open", Path: path, Err: err}
	}
	return Dir{fd}, nil
}

// Close releases the directory.
func (d Dir) Close() error { return unix.Close(d.fd) }

// OpenAt opens path with the flags of openat(2), close-on-exec. The error wraps a
// syscall.Errno.
func (d Dir) OpenAt(path string, flags uint64) (fd int, err error) {
	return open(d.fd, path, flags, unix.RESOLVE_IN_ROOT)
}

// OpenBelow is OpenAt for the directory at root. Where no link is on the way it takes
// one system call.
func OpenBelow(root, path string, flags uint64) (fd int, err error) {
	if climbs := strings.Contains(path, ".."); !climbs {
		fd, err = open(unix.AT_FDCWD, root+"/"+path, flags, unix.RESOLVE_NO_SYMLINKS)
		if err != unix.ELOOP { //nolint:errorlint // as x/sys returns it
			return fd, err
		}
	}
	dir, err := Open(root)
	if err != nil {
		return -1, err
	}
	defer dir.Close()
	return dir.OpenAt(path, flags)
}

func open(at int, path string, flags, resolve uint64) (fd int, err error) {
	how := unix.OpenHow{Flags: flags | unix.O_CLOEXEC, Resolve: resolve}
	const attempts = 100 // EAGAIN: something was renamed meanwhile
	for range attempts {
		fd, err = unix.Openat2(at, path, &how)
		if err != unix.EAGAIN && err != unix.EINTR { //nolint:errorlint // as x/sys returns it
			break
		}
	}
	if err == unix.ENOSYS { //nolint:errorlint // likewise
		err = fmt.Errorf("openat2: %w (it needs Linux 5.6)", err)
	}
	return fd, err
}
