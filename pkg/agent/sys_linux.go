package agent

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// readNow reads what f has at this moment. Nothing is n 0 or an error; on a
// pseudoterminal that includes what the kernel was still to pass on.
func readNow(f *os.File, p []byte) (n int, err error) {
	c, err := f.SyscallConn()
	if err != nil {
		return 0, err
	}
	cerr := c.Control(func(fd uintptr) { n, err = unix.Read(int(fd), p) })
	if cerr != nil {
		return 0, cerr
	}
	return n, err
}

// lastSignal is SIGRTMAX (signal(7)).
const lastSignal = syscall.Signal(64)

// signalNumber returns the number of SIGTERM or TERM, 0 for no such name.
func signalNumber(name string) syscall.Signal {
	if sig := unix.SignalNum(name); sig != 0 {
		return sig
	}
	return unix.SignalNum("SIG" + name)
}
