package metrics

import (
	"bytes"
	"errors"
	"slices"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"
)

// gone tells whether err means that a process is no more: its directory is not
// there, or a file of it was opened before it ended (ESRCH).
func gone(err error) bool {
	return errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ESRCH)
}

// absent tells whether err means that this kernel has no such thing: pressure
// files cannot be opened, or not read, where PSI is off.
func absent(err error) bool {
	return errors.Is(err, unix.ENOENT) || errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.ENODEV)
}

// processDir is a process's directory in /proc. Once opened it stays that of
// the same process: its number may be given to another.
//
// None of its calls waits but for the read of cmdline, which takes the lock of the
// process's memory map. The others are raw: that they tell Go's scheduler of each
// makes a third of what a collection costs. Its names have an end: unix's own calls
// copy a name to give it one, for half of what a collection allocates.
type processDir struct {
	fd   int
	read *closer
}

// end ends a name for the kernel.
const end = "\x00"

// readEntries returns the directories in proc that have a number for a name.
func readEntries(proc int) ([]entry, error) {
	var found []entry
	buf := make([]byte, 32<<10) // 1,000 processes, of 24 bytes and more
	for {
		n, err := unix.Getdents(proc, buf)
		switch {
		case errors.Is(err, unix.EINTR):
		case err != nil || n <= 0:
			return found, err
		default:
			found = appendEntries(slices.Grow(found, n/24), buf[:n])
		}
	}
}

// appendEntries adds those of b, which holds records of getdents64(2).
func appendEntries(found []entry, b []byte) []entry {
	const length, name = 16, 19 // where they are
	for len(b) > name {
		inode := *(*uint64)(unsafe.Pointer(&b[0]))          //nolint:gosec // G103: records are aligned
		size := int(*(*uint16)(unsafe.Pointer(&b[length]))) //nolint:gosec // G103: likewise
		text, _, _ := bytes.Cut(b[name:size], []byte(end))
		if pid, err := strconv.ParseUint(string(text), 10, 31); err == nil {
			found = append(found, entry{pid: int(pid), inode: inode})
		}
		b = b[size:]
	}
	return found
}

// openProcess opens a directory, which is read's to close.
func openProcess(proc int, pid string, read *closer) (processDir, error) {
	fd, err := openRaw(proc, pid, unix.O_PATH|unix.O_DIRECTORY)
	if err == nil {
		read.add(fd)
	}
	return processDir{fd, read}, err
}

// content returns the content of a file, at most limit bytes of it, in buf, which
// grows where it must. The kernel gives these files whole, as far as they fit.
func (d processDir) content(name string, buf []byte, limit int) ([]byte, error) {
	return d.readBy(readRaw, name, buf, limit)
}

// waitContent is content of a file that others may lock.
func (d processDir) waitContent(name string, buf []byte, limit int) ([]byte, error) {
	return d.readBy(unix.Read, name, buf, limit)
}

func (d processDir) readBy(read func(fd int, b []byte) (int, error), name string, buf []byte, limit int) ([]byte, error) {
	fd, err := openRaw(d.fd, name, unix.O_RDONLY)
	if err != nil {
		return buf[:0], err
	}
	d.read.add(fd)
	buf = buf[:0]
	for {
		if len(buf) == cap(buf) {
			buf = slices.Grow(buf, cap(buf))
		}
		room := buf[len(buf):min(cap(buf), limit)]
		n, err := read(fd, room)
		if err == unix.EINTR { //nolint:errorlint // it is an Errno
			continue
		}
		if err != nil {
			return buf[:0], err
		}
		buf = buf[:len(buf)+n]
		if n < len(room) || len(buf) == limit {
			return buf, nil
		}
	}
}

// readlink returns the target of a link, as much of it as fits in buf.
func (d processDir) readlink(name string, buf []byte) ([]byte, error) {
	n, _, errno := unix.RawSyscall6(unix.SYS_READLINKAT, uintptr(d.fd),
		uintptr(unsafe.Pointer(unsafe.StringData(name))), uintptr(unsafe.Pointer(&buf[0])), uintptr(len(buf)), 0, 0) //nolint:gosec // G103: as unix.Readlinkat does
	if errno != 0 {
		return nil, errno
	}
	return buf[:n], nil
}

func openRaw(dir int, name string, flags int) (int, error) {
	for {
		fd, _, errno := unix.RawSyscall6(unix.SYS_OPENAT, uintptr(dir),
			uintptr(unsafe.Pointer(unsafe.StringData(name))), uintptr(flags|unix.O_CLOEXEC), 0, 0, 0) //nolint:gosec // G103: as unix.Openat does
		switch errno {
		case 0:
			return int(fd), nil
		case unix.EINTR:
		default:
			return -1, errno
		}
	}
}

// readRaw needs room in b.
func readRaw(fd int, b []byte) (int, error) {
	n, _, errno := unix.RawSyscall(unix.SYS_READ, uintptr(fd), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b))) //nolint:gosec // G103: as unix.Read does
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}

// closer closes descriptors that were only read, many by one call: a call for each
// would be a third of all that a collection makes.
type closer struct{ fds []int }

func (c *closer) add(fd int) { c.fds = append(c.fds, fd) }

// flush closes all. Between c's lie those that others opened meanwhile.
func (c *closer) flush() {
	for fds := c.fds; len(fds) > 0; {
		n := 1
		for n < len(fds) && fds[n] == fds[n-1]+1 {
			n++
		}
		closeAll(fds[:n])
		fds = fds[n:]
	}
	c.fds = c.fds[:0]
}

// closeAll closes descriptors whose numbers follow each other. Linux before 5.9 has
// no close_range(2).
func closeAll(fds []int) {
	_, _, errno := unix.RawSyscall(unix.SYS_CLOSE_RANGE, uintptr(fds[0]), uintptr(fds[len(fds)-1]), 0)
	if errno == 0 {
		return
	}
	for _, fd := range fds {
		_, _, _ = unix.RawSyscall(unix.SYS_CLOSE, uintptr(fd), 0, 0)
	}
}

// usage is what statfs(2) says of a file system, in bytes.
type usage struct {
	total, free   uint64
	available     uint64 // to others than root
	files, unused uint64 // inodes; none where they are made as needed
}

func statfs(path string) (usage, error) {
	var st unix.Statfs_t
	for {
		err := unix.Statfs(path, &st)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return usage{}, err
		}
		block := uint64(st.Frsize) //nolint:gosec // positive; its type differs by architecture
		return usage{
			total: st.Blocks * block, free: st.Bfree * block, available: st.Bavail * block,
			files: st.Files, unused: st.Ffree,
		}, nil
	}
}
