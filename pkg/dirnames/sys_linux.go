package dirnames

import (
	"os"

	"golang.org/x/sys/unix"
)

// Open opens a directory. It does not have the runtime's poller wait for it, as
// os.Open tries. The error is an *os.PathError.
func Open(dir string) (*os.File, error) {
	fd, err := unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: dir, Err: err}
	}
	return os.NewFile(uintptr(fd), dir), nil
}
