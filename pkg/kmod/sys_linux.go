package kmod

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

func load(file, params string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	return unix.FinitModule(int(f.Fd()), params, 0)
}

// readInto reads the beginning of a file of sysfs.
func readInto(b []byte, path string) (int, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return 0, err
	}
	n, err := unix.Read(fd, b)
	return max(n, 0), errors.Join(err, unix.Close(fd))
}
