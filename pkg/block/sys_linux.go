package block

import (
	"errors"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// look reports whether there is something at path, and whether it is a block device.
func look(path string) (there, isDevice bool, err error) {
	var st unix.Stat_t
	switch err := unix.Stat(path, &st); err {
	case nil:
		return true, st.Mode&unix.S_IFMT == unix.S_IFBLK, nil
	case unix.ENOENT:
		return false, false, nil
	default:
		return false, false, &os.PathError{Op: "stat", Path: path, Err: err}
	}
}

// uevents is a socket on which the kernel announces devices (netlink(7),
// NETLINK_KOBJECT_UEVENT, group 1).
type uevents struct{ fd int }

func listen() (uevents, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_KOBJECT_UEVENT)
	if err != nil {
		return uevents{}, err
	}
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: 1}); err != nil {
		return uevents{}, errors.Join(err, unix.Close(fd))
	}
	return uevents{fd: fd}, nil
}

func (u uevents) close() {
	_ = unix.Close(u.fd) // nothing was written
}

// wait returns when events came, which it discards, or after d.
func (u uevents) wait(d time.Duration) error {
	fds := []unix.PollFd{{Fd: int32(u.fd), Events: unix.POLLIN}} //nolint:gosec // a descriptor is small
	ms := int(d.Milliseconds()) + 1
	if _, err := unix.Poll(fds, ms); err != nil && !errors.Is(err, unix.EINTR) {
		return err
	}
	var buf [4096]byte
	for {
		_, err := unix.Read(u.fd, buf[:])
		switch {
		case err == nil, errors.Is(err, unix.ENOBUFS), errors.Is(err, unix.EINTR):
		case errors.Is(err, unix.EAGAIN):
			return nil
		default:
			return err
		}
	}
}
