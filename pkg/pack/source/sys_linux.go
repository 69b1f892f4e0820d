package source

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// openFile does not wait for the writer of a FIFO.
func openFile(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
}

// device returns the major and minor numbers of a device number.
func device(number uint64) (major, minor int64) {
	return int64(unix.Major(number)), int64(unix.Minor(number))
}

// stat returns what fs.FileInfo has of a file beside the portable.
func stat(info fs.FileInfo) (*fileStat, bool) {
	s, ok := info.Sys().(*unixStat)
	if !ok {
		return nil, false
	}
	return &fileStat{Dev: uint64(s.Dev), Ino: s.Ino, Nlink: uint64(s.Nlink), Rdev: uint64(s.Rdev), UID: s.Uid, GID: s.Gid}, true //nolint:unconvert // other machines have other types
}

// xattrs returns the extended attributes of a file that is not followed, but
// for those that the machine, and not the image, has given it.
func xattrs(path string) (map[string]string, error) {
	names, err := attribute(func(buf []byte) (int, error) { return unix.Llistxattr(path, buf) })
	if errors.Is(err, unix.ENOTSUP) || errors.Is(err, unix.EPERM) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list attributes of %s: %w", path, err)
	}
	list := map[string]string{}
	for name := range bytes.SplitSeq(names, []byte{0}) {
		if len(name) == 0 || strings.HasPrefix(string(name), "security.") && string(name) != "security.capability" {
			continue
		}
		value, err := attribute(func(buf []byte) (int, error) { return unix.Lgetxattr(path, string(name), buf) })
		if err != nil {
			return nil, fmt.Errorf("read attribute %s of %s: %w", name, path, err)
		}
		list[string(name)] = string(value)
	}
	return list, nil
}

// attribute calls read with a buffer that is large enough.
func attribute(read func([]byte) (int, error)) ([]byte, error) {
	const most = 64 << 10 // XATTR_LIST_MAX, XATTR_SIZE_MAX
	buf := make([]byte, most)
	n, err := read(buf)
	if err != nil {
		return nil, err
	}
	return buf[:n], nil
}
