package metrics

import (
	"errors"
	"slices"

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
type processDir struct{ fd int }

func openProcess(proc int, pid string) (processDir, error) {
	fd, err := open(proc, pid, unix.O_PATH|unix.O_DIRECTORY)
	return processDir{fd}, err
}

func (d processDir) close() { _ = unix.Close(d.fd) } // nothing was written

// read returns the content of a file, at most limit bytes of it, in buf, which
// grows where it must. The kernel gives these files whole, as far as they fit.
func (d processDir) read(name string, buf []byte, limit int) ([]byte, error) {
	fd, err := open(d.fd, name, unix.O_RDONLY)
	if err != nil {
		return buf[:0], err
	}
	defer unix.Close(fd) //nolint:errcheck // nothing was written
	buf = buf[:0]
	for {
		if len(buf) == cap(buf) {
			buf = slices.Grow(buf, cap(buf))
		}
		room := buf[len(buf):min(cap(buf), limit)]
		n, err := unix.Read(fd, room)
		if errors.Is(err, unix.EINTR) {
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
	n, err := unix.Readlinkat(d.fd, name, buf)
	if err != nil {
		return nil, err
	}
	return buf[:n], nil
}

func open(dir int, name string, flags int) (int, error) {
	for {
		fd, err := unix.Openat(dir, name, flags|unix.O_CLOEXEC, 0)
		if !errors.Is(err, unix.EINTR) {
			return fd, err
		}
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
