package netconf

import (
	"errors"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// socket is a socket of rtnetlink(7), bound to a port of the kernel's choice.
type socket struct {
	fd   int
	port uint32
}

func openSocket() (socket, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		return socket{}, err
	}
	port, err := bindSocket(fd)
	if err != nil {
		return socket{}, errors.Join(err, unix.Close(fd))
	}
	return socket{fd: fd, port: port}, nil
}

// bindSocket also asks for the kernel's words with an error, and to have
// requests not repeated with it: Linux 4.12 and 4.3, else it goes without.
func bindSocket(fd int) (port uint32, err error) {
	_ = unix.SetsockoptInt(fd, unix.SOL_NETLINK, unix.NETLINK_EXT_ACK, 1)
	_ = unix.SetsockoptInt(fd, unix.SOL_NETLINK, unix.NETLINK_CAP_ACK, 1)
	// The kernel answers before send returns. The bound is for what was lost.
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: 10}); err != nil {
		return 0, err
	}
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return 0, err
	}
	name, err := unix.Getsockname(fd)
	if err != nil {
		return 0, err
	}
	own, ok := name.(*unix.SockaddrNetlink)
	if !ok {
		return 0, unix.EAFNOSUPPORT
	}
	return own.Pid, nil
}

func (s socket) close() { _ = unix.Close(s.fd) }

func (s socket) send(datagram []byte) error {
	return unix.Sendto(s.fd, datagram, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK})
}

// receive reads the next datagram of the kernel's, not another process's. The
// error is EMSGSIZE where buf is too short for it, ENOBUFS where answers were
// lost and EAGAIN where none came.
func (s socket) receive(buf []byte) (int, error) {
	for {
		n, from, err := unix.Recvfrom(s.fd, buf, unix.MSG_TRUNC)
		sender, ok := from.(*unix.SockaddrNetlink)
		switch {
		case errors.Is(err, unix.EINTR):
		case err != nil:
			return 0, err
		case !ok || sender.Pid != 0:
		case n > len(buf):
			return 0, unix.EMSGSIZE
		default:
			return n, nil
		}
	}
}

// offload is a feature of a link with commands of its own in linux/ethtool.h.
// Both commands take a struct ethtool_value.
type offload struct {
	name     string // ethtool's
	get, set uint32
}

var (
	gso = offload{name: "gso", get: unix.ETHTOOL_GGSO, set: unix.ETHTOOL_SGSO}
	tso = offload{name: "tso", get: unix.ETHTOOL_GTSO, set: unix.ETHTOOL_STSO}
)

// ethtoolValue is struct ethtool_value of linux/ethtool.h.
type ethtoolValue struct{ cmd, data uint32 }

// ifreqData is struct ifreq of netdevice(7) with ifr_data set.
type ifreqData struct {
	name [unix.IFNAMSIZ]byte
	data unsafe.Pointer
	_    [16]byte // the union's other members are larger
}

// offloadOn reports whether o of the link is on. The error is a unix.Errno:
// EOPNOTSUPP, ENODEV or EPERM.
func (s socket) offloadOn(link string, o offload) (bool, error) {
	value := ethtoolValue{cmd: o.get}
	err := s.ethtool(link, &value)
	return value.data != 0, err
}

// disableOffload switches o of the link off. The error is EOPNOTSUPP where the
// link has no such feature or the feature cannot be changed.
func (s socket) disableOffload(link string, o offload) error {
	return s.ethtool(link, &ethtoolValue{cmd: o.set})
}

// ethtool does SIOCETHTOOL with value, which the kernel may change. A socket of
// any family will do (netdevice(7)).
func (s socket) ethtool(link string, value *ethtoolValue) error {
	req := ifreqData{data: unsafe.Pointer(value)} //nolint:gosec // the struct has a pointer for the kernel
	if len(link) >= len(req.name) {
		return unix.ENAMETOOLONG
	}
	copy(req.name[:], link)
	//nolint:gosec // x/sys has no function for this ioctl
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(s.fd), unix.SIOCETHTOOL, uintptr(unsafe.Pointer(&req)))
	if errno != 0 {
		return errno
	}
	return nil
}

// openLinkEvents opens a socket that becomes readable when a link appears or
// changes (RTMGRP_LINK of rtnetlink(7)). Its deadlines work.
func openLinkEvents() (*os.File, error) {
	const kind = unix.SOCK_RAW | unix.SOCK_CLOEXEC | unix.SOCK_NONBLOCK
	fd, err := unix.Socket(unix.AF_NETLINK, kind, unix.NETLINK_ROUTE)
	if err != nil {
		return nil, err
	}
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: unix.RTMGRP_LINK}); err != nil {
		return nil, errors.Join(err, unix.Close(fd))
	}
	return os.NewFile(uintptr(fd), "rtnetlink events"), nil
}

// isOverrun reports whether events were lost, which is as good as an event.
func isOverrun(err error) bool { return errors.Is(err, unix.ENOBUFS) }

// isNotPermitted reports whether the caller may not change the network at all,
// where EACCES is about one thing.
func isNotPermitted(err error) bool { return errors.Is(err, unix.EPERM) }
