package etcfiles

import (
	"errors"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"

	"github.com/kguest/kguest/pkg/inroot"
	"github.com/kguest/kguest/pkg/rawfile"
)

// etc is the directory that /etc is inside a root, open.
type etc struct{ fd int }

// findEtc returns an fs.ErrNotExist where there is none.
func findEtc(root string) (etc, error) {
	fd, err := inroot.OpenBelow(root, "etc", unix.O_PATH|unix.O_DIRECTORY)
	if err != nil {
		return etc{}, &fs.PathError{Op: "open", Path: "etc", Err: err}
	}
	return etc{fd}, nil
}

func (e etc) close() { _ = unix.Close(e.fd) } // it is a place, not a file

// create makes an empty file that was not there, mode 0644.
func (e etc) create(name string) (fd int, err error) {
	fd, err = unix.Openat(e.fd, name, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o644)
	return fd, wrap("create", name, err)
}

// fill writes content and sets the mode, whatever the umask is.
func fill(fd int, content []byte) error {
	for len(content) > 0 {
		n, err := unix.Write(fd, content)
		if err != nil && !errors.Is(err, unix.EINTR) {
			return err
		}
		content = content[max(n, 0):]
	}
	return unix.Fchmod(fd, 0o644)
}

func closeFile(fd int) error { return unix.Close(fd) }

// remove removes a file or an empty directory.
func (e etc) remove(name string) error {
	err := unix.Unlinkat(e.fd, name, 0)
	if errors.Is(err, unix.EISDIR) {
		err = unix.Unlinkat(e.fd, name, unix.AT_REMOVEDIR)
	}
	return wrap("remove", name, err)
}

func (e etc) rename(from, to string) error {
	if err := unix.Renameat(e.fd, from, e.fd, to); err != nil {
		return &os.LinkError{Op: "rename", Old: from, New: to, Err: err}
	}
	return nil
}

// readOwn returns the content of the file name, and nothing if it is missing or
// not a regular file, which is not even opened.
func (e etc) readOwn(name string) ([]byte, error) {
	var st unix.Stat_t
	err := unix.Fstatat(e.fd, name, &st, unix.AT_SYMLINK_NOFOLLOW)
	if errors.Is(err, unix.ENOENT) || err == nil && st.Mode&unix.S_IFMT != unix.S_IFREG {
		return nil, nil
	}
	if err != nil {
		return nil, wrap("stat", name, err)
	}
	fd, err := unix.Openat(e.fd, name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, wrap("open", name, err)
	}
	defer func() { _ = unix.Close(fd) }() // it was only read
	return rawfile.ReadFD(fd, name, maxFileSize)
}

func wrap(op, path string, err error) error {
	if err == nil {
		return nil
	}
	return &fs.PathError{Op: op, Path: path, Err: err}
}
