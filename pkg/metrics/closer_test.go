package metrics

import (
	"testing"

	"golang.org/x/sys/unix"
)

// TestCloser holds that no descriptor is closed but the closer's own, whether they
// follow each other or others lie between.
func TestCloser(t *testing.T) {
	var c closer
	var mine, others []int
	for i := range 20 {
		fd, err := unix.Open("/dev/null", unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		if i%7 == 3 {
			others = append(others, fd)
			continue
		}
		mine = append(mine, fd)
		c.add(fd)
	}
	c.flush()
	open := func(fd int) bool {
		_, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
		return err == nil
	}
	for _, fd := range mine {
		if open(fd) {
			t.Errorf("descriptor %d is open", fd)
		}
	}
	for _, fd := range others {
		if !open(fd) {
			t.Errorf("descriptor %d, which is another's, was closed", fd)
		}
		_ = unix.Close(fd)
	}
	if len(c.fds) > 0 {
		t.Errorf("%d descriptors are left", len(c.fds))
	}
}

// TestCloseEach has close_range(2) refuse, as where there is none.
func TestCloseEach(t *testing.T) {
	var fds [2]int
	for i := range fds {
		var err error
		if fds[1-i], err = unix.Open("/dev/null", unix.O_RDONLY|unix.O_CLOEXEC, 0); err != nil {
			t.Fatal(err)
		}
	}
	closeAll(fds[:]) // from the higher to the lower: EINVAL
	for _, fd := range fds {
		if _, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err == nil {
			t.Errorf("descriptor %d is open", fd)
		}
	}
}
