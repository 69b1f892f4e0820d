package console

import (
	"errors"
	"os"
	"runtime"
	"strconv"

	"golang.org/x/sys/unix"
)

// open does not wait for the carrier of a serial line.
func open(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK, 0)
}

// duplicate puts f on fd, and has it block: package os opens terminals for its
// poller, and a program expects its standard streams to wait.
func duplicate(f *os.File, fd int) error {
	return control(f, func(from int) error {
		if err := unix.Dup2(from, fd); err != nil {
			return err
		}
		return unix.SetNonblock(fd, false)
	})
}

func isTerminal(f *os.File) bool {
	return control(f, func(fd int) error {
		_, err := unix.IoctlGetTermios(fd, unix.TCGETS)
		return err
	}) == nil
}

// isControlling asks for the terminal's session, which only a process in it
// learns (TIOCGSID, ENOTTY otherwise; ioctl_tty(2)).
func isControlling(f *os.File) bool {
	return control(f, func(fd int) error {
		_, err := unix.IoctlGetInt(fd, unix.TIOCGSID)
		return err
	}) == nil
}

// takeForeground does so from the background, where SIGTTOU would stop it: the
// thread blocks it, since signal.Reset does not undo signal.Ignore (Go 1.26).
func takeForeground(f *os.File) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	stop := unix.Sigset_t{}
	stop.Val[0] = 1 << (unix.SIGTTOU - 1)
	var old unix.Sigset_t
	if err := unix.PthreadSigmask(unix.SIG_BLOCK, &stop, &old); err != nil {
		return err
	}
	err := control(f, func(fd int) error {
		return unix.IoctlSetPointerInt(fd, unix.TIOCSPGRP, unix.Getpgrp())
	})
	return errors.Join(err, unix.PthreadSigmask(unix.SIG_SETMASK, &old, nil))
}

func setRaw(f *os.File) error {
	return control(f, func(fd int) error {
		t, err := unix.IoctlGetTermios(fd, unix.TCGETS)
		if err != nil {
			return err
		}
		t.Iflag &^= unix.IGNBRK | unix.BRKINT | unix.PARMRK | unix.ISTRIP | unix.INLCR | unix.IGNCR | unix.ICRNL | unix.IXON
		t.Oflag &^= unix.OPOST
		t.Lflag &^= unix.ECHO | unix.ECHONL | unix.ICANON | unix.ISIG | unix.IEXTEN
		t.Cflag = t.Cflag&^(unix.CSIZE|unix.PARENB) | unix.CS8
		t.Cc[unix.VMIN], t.Cc[unix.VTIME] = 1, 0
		return unix.IoctlSetTermios(fd, unix.TCSETS, t)
	})
}

func keep(f *os.File) (restore func()) {
	var old *unix.Termios
	err := control(f, func(fd int) (err error) {
		old, err = unix.IoctlGetTermios(fd, unix.TCGETS)
		return err
	})
	return func() {
		if err == nil {
			_ = control(f, func(fd int) error { return unix.IoctlSetTermios(fd, unix.TCSETS, old) }) // it is gone
		}
	}
}

// drain is TCSBRK with a non-zero argument: it sends no break (ioctl_tty(2)).
func drain(f *os.File) error {
	return control(f, func(fd int) error { return unix.IoctlSetInt(fd, unix.TCSBRK, 1) })
}

func openPeer(master *os.File) (tty *os.File, err error) {
	err = control(master, func(fd int) error {
		if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
			return err
		}
		number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
		if err != nil {
			return err
		}
		peer, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.TIOCGPTPEER, unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC)
		if errno != 0 {
			return errno
		}
		tty = os.NewFile(peer, "/dev/pts/"+strconv.Itoa(number))
		return nil
	})
	return tty, err
}

func setSize(f *os.File, s Size) error {
	return control(f, func(fd int) error {
		return unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: s.Rows, Col: s.Columns})
	})
}

func endOfFile(f *os.File) (b []byte) {
	_ = control(f, func(fd int) error { // a terminal that is gone has no end to be typed
		t, err := unix.IoctlGetTermios(fd, unix.TCGETS)
		if err == nil && t.Lflag&unix.ICANON != 0 {
			b = []byte{t.Cc[unix.VEOF]}
		}
		return err
	})
	return b
}

// control calls do with f's descriptor, which stays open and in its mode
// meanwhile.
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
