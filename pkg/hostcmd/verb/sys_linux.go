package verb

import (
	"io/fs"
	"syscall"

	"golang.org/x/sys/unix"
)

// access returns why this user can make no file in dir (access(2)).
func access(dir string) error {
	if err := unix.Access(dir, unix.W_OK|unix.X_OK); err != nil {
		return &fs.PathError{Op: "write", Path: dir, Err: err}
	}
	return nil
}

// signalName is s as signal(7) has it.
func signalName(s syscall.Signal) string { return unix.SignalName(s) }
