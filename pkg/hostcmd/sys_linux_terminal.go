package hostcmd

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// saveTerminal returns what gives f the mode back that it has now, once what was
// written to it has left it.
func saveTerminal(f *os.File) (back func() error, err error) {
	mode, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	if err != nil {
		return nil, fmt.Errorf("read mode of %s: %w", f.Name(), os.NewSyscallError("tcgetattr", err))
	}
	return func() error { return unix.IoctlSetTermios(int(f.Fd()), unix.TCSETSW, mode) }, nil
}

// terminalSize returns the size of the terminal f, in characters (TIOCGWINSZ,
// ioctl_tty(2)).
func terminalSize(f *os.File) (rows, columns uint16, err error) {
	size, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ)
	if err != nil {
		return 0, 0, err
	}
	return size.Row, size.Col, nil
}
