package idm

import (
	"errors"
	"io"
	"syscall"

	"golang.org/x/sys/unix"
)

// reads returns a Read of stream that waits at its end, where package os waits
// for stream's descriptor (epoll(7), edge-triggered): a virtio port without a host
// has its end there and hangs up (EPOLLHUP), and wakes who waits when a host comes.
// Its error is the device's, or io.EOF where nobody can wait. False where there is
// no descriptor.
func reads(stream any) (func(b []byte) (int, error), bool) {
	file, ok := stream.(syscall.Conn)
	if !ok {
		return nil, false
	}
	raw, err := file.SyscallConn()
	if err != nil {
		return nil, false
	}
	return func(b []byte) (n int, err error) {
		cerr := raw.Read(func(fd uintptr) bool {
			n, err = readNow(int(fd), b)
			return n > 0 || err != nil
		})
		if cerr != nil { // closed, or not of a kind that can be waited for
			return 0, io.EOF
		}
		return n, err
	}, true
}

// readNow reads what is there: neither bytes nor an error at the end, and where
// there is nothing yet.
func readNow(fd int, b []byte) (int, error) {
	for {
		n, err := unix.Read(fd, b)
		switch {
		case errors.Is(err, unix.EINTR):
		case errors.Is(err, unix.EAGAIN):
			return 0, nil
		case err != nil:
			return 0, err
		default:
			return n, nil
		}
	}
}
