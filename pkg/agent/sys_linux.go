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

// capacity is the most that the kernel holds of what was written to f, in bytes:
// of a pipe as fcntl(2) has it (F_GETPIPE_SZ), of a pseudoterminal less than what
// is returned (TTYB_DEFAULT_MEM_LIMIT in the kernel's tty_buffer.c, and a line).
func capacity(f *os.File) int {
	n := 0
	if c, err := f.SyscallConn(); err == nil {
		_ = c.Control(func(fd uintptr) { n, _ = unix.FcntlInt(fd, unix.F_GETPIPE_SZ, 0) }) // no pipe has no size
	}
	if n <= 0 {
		return 1 << 20
	}
	return n
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
