package cgroup

import (
	"errors"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// isUnified reports whether root is cgroup2's mount point, or below it.
func isUnified(root string) bool {
	var st unix.Statfs_t
	return unix.Statfs(root, &st) == nil && st.Type == unix.CGROUP2_SUPER_MAGIC
}

func kill(pid int, sig syscall.Signal) error { return unix.Kill(pid, sig) }

// changed waits until the kernel announces a change of the events file f, as
// POLLPRI, or for up to timeout; a negative one is for ever.
func changed(f *os.File, timeout time.Duration) error {
	fds := []unix.PollFd{{Fd: int32(f.Fd()), Events: unix.POLLPRI}} //nolint:gosec // a descriptor is small
	ms := -1
	if timeout >= 0 {
		ms = int(timeout.Milliseconds()) + 1
	}
	for {
		_, err := unix.Poll(fds, ms)
		if !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}
