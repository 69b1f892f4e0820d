package inspect

import (
	"os"

	"golang.org/x/sys/unix"

	"github.com/kguest/kguest/initramfs/manifest"
)

// mknod makes a device node, FIFO or socket (mknod(2)).
func (u *unpacker) mknod(f File) error {
	dev := int(unix.Mkdev(f.Major, f.Minor)) //nolint:gosec // the kernel takes its low 32 bits
	var typ uint32
	switch f.Type {
	case manifest.Char:
		typ = unix.S_IFCHR
	case manifest.Block:
		typ = unix.S_IFBLK
	case manifest.FIFO:
		typ = unix.S_IFIFO
	case manifest.Socket:
		typ = unix.S_IFSOCK
	default:
	}
	return u.inFolder(f.Path, func(dir *os.File, base string) error {
		return unix.Mknodat(int(dir.Fd()), base, typ|0o600, dev)
	})
}

// linkTime sets the time of a symbolic link (utimensat(2)).
func (u *unpacker) linkTime(f File) error {
	t := unix.NsecToTimespec(f.ModTime * 1e9)
	return u.inFolder(f.Path, func(dir *os.File, base string) error {
		return unix.UtimesNanoAt(int(dir.Fd()), base, []unix.Timespec{t, t}, unix.AT_SYMLINK_NOFOLLOW)
	})
}
