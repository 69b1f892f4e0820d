package cgroup

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// waitEmpty waits up to timeout for the last process of the group to have ended:
// the kernel announces it in cgroup.events, as POLLPRI.
func (g *Group) waitEmpty(timeout time.Duration) error {
	events, err := os.Open(filepath.Join(g.dir, "cgroup.events"))
	if err != nil {
		return err
	}
	defer events.Close()
	buf := make([]byte, 256)
	for deadline := time.Now().Add(timeout); ; {
		n, err := events.ReadAt(buf, 0)
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		left := time.Until(deadline)
		if bytes.Contains(buf[:n], []byte("populated 0")) || left <= 0 {
			return nil
		}
		fds := []unix.PollFd{{Fd: int32(events.Fd()), Events: unix.POLLPRI}} //nolint:gosec // a descriptor is small
		if _, err := unix.Poll(fds, int(left.Milliseconds())+1); err != nil && !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}
