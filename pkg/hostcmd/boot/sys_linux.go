package boot

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"

	"github.com/kguest/kguest/pkg/console"
)

// runningRelease returns the running kernel's release (uname(2)).
func runningRelease() (string, error) {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return "", os.NewSyscallError("uname", err)
	}
	return unix.ByteSliceToString(u.Release[:]), nil
}

// tryLock locks f for as long as it is open (flock(2)); false where another
// process has.
func tryLock(f *os.File) (bool, error) {
	err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return false, nil
	}
	return err == nil, os.NewSyscallError("flock", err)
}

// windowSize returns the size of the terminal f (TIOCGWINSZ, ioctl_tty(2)).
func windowSize(f *os.File) (size console.Size, err error) {
	c, err := f.SyscallConn()
	if err != nil {
		return size, err
	}
	var w *unix.Winsize
	cerr := c.Control(func(fd uintptr) { w, err = unix.IoctlGetWinsize(int(fd), unix.TIOCGWINSZ) })
	if err = errors.Join(err, cerr); err != nil {
		return size, err
	}
	return console.Size{Rows: w.Row, Columns: w.Col}, nil
}
