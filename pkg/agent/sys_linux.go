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

// openPeer opens the terminal of a pseudoterminal's master (TIOCGPTPEER,
// ioctl_tty(2), Linux 4.13).
func openPeer(master *os.File) (tty *os.File, err error) {
	c, err := master.SyscallConn()
	if err != nil {
		return nil, err
	}
	cerr := c.Control(func(fd uintptr) {
		peer, _, errno := unix.Syscall(unix.SYS_IOCTL, fd, unix.TIOCGPTPEER, unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC)
		if errno != 0 {
			err = errno
			return
		}
		tty = os.NewFile(peer, "tty")
	})
	if cerr != nil {
		return nil, cerr
	}
	return tty, err
}

// unread reports whether a terminal has input that nobody has read: a line, its
// end of file, or without lines anything. What was written to the master counts
// at once: poll(2) has the kernel pass it on first.
func unread(tty *os.File) bool {
	c, err := tty.SyscallConn()
	if err != nil {
		return true
	}
	fds := []unix.PollFd{{Events: unix.POLLIN}}
	cerr := c.Control(func(fd uintptr) {
		fds[0].Fd = int32(fd) //nolint:gosec // a descriptor
		for {
			if _, err = unix.Poll(fds, 0); err != unix.EINTR { //nolint:errorlint // it is an Errno
				return
			}
		}
	})
	return cerr != nil || err != nil || fds[0].Revents != 0
}

// lastSignal is SIGRTMAX (signal(7)).
const lastSignal = syscall.Signal(64)
