package scratch

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// tryLock locks f for as long as it is open (flock(2)); false where another
// process has.
func tryLock(f *os.File) (bool, error) {
	err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return false, nil
	}
	return err == nil, os.NewSyscallError("flock", err)
}
