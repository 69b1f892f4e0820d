package scratch

import (
	"errors"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// folderFD is an open folder. Unlike an os.File it stays open without a use, and
// so does its lock.
type folderFD int

func openFolder(path string) (folderFD, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	return folderFD(fd), nil
}

// tryLock locks the folder for as long as it is open (flock(2)); false where
// another process has.
func (f folderFD) tryLock() (bool, error) {
	err := unix.Flock(int(f), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return false, nil
	}
	return err == nil, os.NewSyscallError("flock", err)
}

// close ends the lock.
func (f folderFD) close() { _ = unix.Close(int(f)) } // it was only read
