package idm

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// saveTerminal returns what gives f the mode back that it has now, once what was
// written to it has left it.
func saveTerminal(f *os.File) (back func() error, err error) {
	var mode *unix.Termios
	err = control(f, func(fd int) (err error) {
		mode, err = unix.IoctlGetTermios(fd, unix.TCGETS)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read mode of %s: %w", f.Name(), os.NewSyscallError("tcgetattr", err))
	}
	return func() error {
		return control(f, func(fd int) error { return unix.IoctlSetTermios(fd, unix.TCSETSW, mode) })
	}, nil
}

// terminalSize returns the size of the terminal f, in characters (TIOCGWINSZ,
// ioctl_tty(2)).
func terminalSize(f *os.File) (rows, columns uint16, err error) {
	err = control(f, func(fd int) error {
		size, err := unix.IoctlGetWinsize(fd, unix.TIOCGWINSZ)
		if err == nil {
			rows, columns = size.Row, size.Col
		}
		return err
	})
	return rows, columns, err
}

// control calls do with f's descriptor, while others may read and write.
func control(f *os.File, do func(fd int) error) error {
	c, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var derr error
	if err := c.Control(func(fd uintptr) { derr = do(int(fd)) }); err != nil {
		return err
	}
	return derr
}
