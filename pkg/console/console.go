// Package console opens terminals and puts them on the standard streams.
package console

import (
	"errors"
	"fmt"
	"os"
)

// Open opens the terminal at path without making it the controlling one. The
// descriptor does not block: UseStandard makes one that does.
func Open(path string) (*os.File, error) {
	f, err := open(path)
	if err != nil {
		return nil, fmt.Errorf("open console: %w", err)
	}
	return f, nil
}

// UseStandard makes f the process's descriptors 0, 1 and 2. From then on f
// blocks too.
func UseStandard(f *os.File) error {
	for fd := range 3 {
		if err := duplicate(f, fd); err != nil {
			return fmt.Errorf("put %s on descriptor %d: %w", f.Name(), fd, err)
		}
	}
	return nil
}

// IsTerminal reports whether f is a terminal.
func IsTerminal(f *os.File) bool { return isTerminal(f) }

// IsControlling reports whether f is this process's controlling terminal.
func IsControlling(f *os.File) bool { return isControlling(f) }

// TakeForeground makes this process's group the one in the foreground of its
// controlling terminal f, as a shell does after a job (tcsetpgrp(3)).
func TakeForeground(f *os.File) error {
	if err := takeForeground(f); err != nil {
		return fmt.Errorf("take back %s: %w", f.Name(), err)
	}
	return nil
}

// SetRaw makes f pass bytes unchanged in both directions (termios(3), "Raw
// mode"). A device that is not a terminal does so already: that is no error.
func SetRaw(f *os.File) error {
	if !isTerminal(f) {
		return nil
	}
	if err := setRaw(f); err != nil {
		return fmt.Errorf("set %s raw: %w", f.Name(), err)
	}
	return nil
}

// Keep keeps the terminal f's modes (termios(3)) and returns what sets them
// again, for after a program that may have left them changed. What is not a
// terminal has none.
func Keep(f *os.File) (restore func()) { return keep(f) }

// Drain waits until what was written to f has left it (tcdrain(3)); on a
// device that is not a terminal it returns at once.
func Drain(f *os.File) error {
	if !isTerminal(f) {
		return nil
	}
	return drain(f)
}

// Size is that of a terminal's window, in characters.
type Size struct{ Rows, Columns uint16 }

// OpenPTY opens a pseudoterminal (pty(7), TIOCGPTPEER of Linux 4.13): what is
// written to master is typed on tty, and what is printed on tty is read from
// master. ptmx is the multiplexer, /dev/ptmx.
func OpenPTY(ptmx string) (master, tty *os.File, err error) {
	master, err = open(ptmx)
	if err != nil {
		return nil, nil, fmt.Errorf("open pseudoterminal: %w", err)
	}
	tty, err = openPeer(master)
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("open pseudoterminal: %w", err), master.Close())
	}
	return master, tty, nil
}

// SetSize sets the size of the terminal f, of which its foreground learns by
// SIGWINCH.
func SetSize(f *os.File, s Size) error {
	if err := setSize(f, s); err != nil {
		return fmt.Errorf("set size of %s to %dx%d: %w", f.Name(), s.Rows, s.Columns, err)
	}
	return nil
}

// EndOfFile returns what types an end of file on the terminal f: its VEOF, or
// nothing where it passes on all characters (termios(3), "Canonical mode").
func EndOfFile(f *os.File) []byte { return endOfFile(f) }
