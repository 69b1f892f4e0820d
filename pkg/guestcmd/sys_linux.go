package guestcmd

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// execve returns only with an error.
func execve(path string, args, env []string) error { return unix.Exec(path, args, env) }

// sessionGraceMilliseconds is from SIGHUP to SIGKILL.
const sessionGraceMilliseconds = 2000

// endSession ends the leader of this process's session, which is the shell that
// the boot waits for.
func endSession() error {
	leader, err := unix.Getsid(0)
	if err != nil {
		return fmt.Errorf("find shell: %w", err)
	}
	if leader == unix.Getpid() {
		return nil
	}
	fd, err := unix.PidfdOpen(leader, 0)
	if err != nil {
		return fmt.Errorf("end shell %d: %w", leader, err)
	}
	defer unix.Close(fd) //nolint:errcheck // nothing was written
	if err := unix.PidfdSendSignal(fd, unix.SIGHUP, nil, 0); err != nil {
		return fmt.Errorf("end shell %d: %w", leader, err)
	}
	over := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}} //nolint:gosec // a descriptor
	for {
		n, err := unix.Poll(over, sessionGraceMilliseconds)
		switch {
		case err == unix.EINTR:
			continue
		case err == nil && n > 0:
			return nil
		}
		return unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0)
	}
}

// underShell reports a parent in this session and another process group: it will
// see that this group is stopped, and can continue it.
func underShell() bool {
	parent := unix.Getppid()
	session, err := unix.Getsid(parent)
	if err != nil {
		return false
	}
	own, err := unix.Getsid(0)
	if err != nil || own != session {
		return false
	}
	group, err := unix.Getpgid(parent)
	return err == nil && group != unix.Getpgrp()
}

// stopSelf stops this process until it gets SIGCONT. Once Go has caught SIGTSTP,
// it has no default any more (Go 1.26, sigdisable of package runtime).
func stopSelf() error { return unix.Kill(unix.Getpid(), unix.SIGSTOP) }
