package vm

import (
	"fmt"
	"net"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// socketPair returns a connection and the descriptor of its other end, both
// owned by the caller.
func socketPair() (net.Conn, *os.File, error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("make socket pair: %w", err)
	}
	near, far := os.NewFile(uintptr(fds[0]), "idm"), os.NewFile(uintptr(fds[1]), "idm of qemu")
	defer near.Close()
	conn, err := net.FileConn(near)
	if err != nil {
		_ = far.Close()
		return nil, nil, fmt.Errorf("make socket pair: %w", err)
	}
	return conn, far, nil
}

// childAttr puts QEMU into a process group of its own, and makes it die with
// the thread that started it.
func childAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

func killGroup(pid int) error { return unix.Kill(-pid, unix.SIGKILL) }
