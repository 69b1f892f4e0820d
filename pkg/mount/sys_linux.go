package mount

import (
	"io/fs"
	"path/filepath"
	"sync"

	"golang.org/x/sys/unix"
)

// Flags are the MS_ flags of mount(2).
type Flags uintptr

// The flags in use.
const (
	ReadOnly Flags = unix.MS_RDONLY
	NoSUID   Flags = unix.MS_NOSUID
	NoDev    Flags = unix.MS_NODEV
	NoExec   Flags = unix.MS_NOEXEC
	NoATime  Flags = unix.MS_NOATIME
	RelATime Flags = unix.MS_RELATIME
	Bind     Flags = unix.MS_BIND
	Move     Flags = unix.MS_MOVE
	Silent   Flags = unix.MS_SILENT // the kernel's log has no word of another file system

	// Recursive has a bind take along what is mounted below.
	Recursive Flags = unix.MS_REC

	remount Flags = unix.MS_REMOUNT
)

// IsPoint reports whether something is mounted at path, the same file system's
// other directory included (statx(2), STATX_ATTR_MOUNT_ROOT, Linux 5.8). The
// error is an *fs.PathError.
func IsPoint(path string) (bool, error) {
	at, err := look(path)
	return at.point, err
}

// place is what is at a path.
type place struct {
	mode  fs.FileMode // permissions, the sticky bit, and whether it is a directory or a regular file
	point bool        // see IsPoint
}

func look(path string) (place, error) {
	var st unix.Statx_t
	if err := unix.Statx(unix.AT_FDCWD, path, 0, unix.STATX_TYPE|unix.STATX_MODE, &st); err != nil {
		return place{}, &fs.PathError{Op: "statx", Path: path, Err: err}
	}
	at := place{mode: fs.FileMode(st.Mode & 0o777), point: st.Attributes&unix.STATX_ATTR_MOUNT_ROOT != 0}
	if st.Mode&unix.S_ISVTX != 0 {
		at.mode |= fs.ModeSticky
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFDIR:
		at.mode |= fs.ModeDir
	case unix.S_IFREG:
	default:
		at.mode |= fs.ModeIrregular
	}
	return at, nil
}

// options returns f as mount(8) names it.
func (f Flags) options() []string {
	var o []string
	for _, n := range [...]struct {
		flag Flags
		name string
	}{
		{ReadOnly, "ro"},
		{NoSUID, "nosuid"},
		{NoDev, "nodev"},
		{NoExec, "noexec"},
		{NoATime, "noatime"},
		{RelATime, "relatime"},
	} {
		if f&n.flag != 0 {
			o = append(o, n.name)
		}
	}
	return o
}

func (s Spec) mount(flags Flags) error {
	return unix.Mount(s.Source, s.Target, s.FSType, uintptr(flags), s.Data)
}

// mkdir reports whether it made the directory; what is there already is no error.
func mkdir(path string, mode fs.FileMode) (made bool, err error) {
	bits := uint32(mode.Perm())
	if mode&fs.ModeSticky != 0 {
		bits |= unix.S_ISVTX
	}
	switch err := unix.Mkdir(path, bits); err {
	case nil:
		return true, nil
	case unix.EEXIST:
		return false, nil
	default:
		return false, &fs.PathError{Op: "mkdir", Path: path, Err: err}
	}
}

// umask is this process's, which it does not change. To ask for it is to set it
// (umask(2)): it is asked for once, before there is much that runs beside.
var umask = func() fs.FileMode {
	askUmask.Do(func() {
		mask := unix.Umask(0)
		unix.Umask(mask)
		usualUmask = fs.FileMode(mask)
	})
	return usualUmask
}

var (
	askUmask   sync.Once
	usualUmask fs.FileMode
)

// Mounted reports whether s.Target is this mount already: the same block device,
// the bind's source, or the same type.
func (s Spec) Mounted() bool {
	var target, source unix.Stat_t
	var super unix.Statfs_t
	if at, err := IsPoint(s.Target); err != nil || !at || unix.Statfs(s.Target, &super) != nil {
		return false
	}
	if filepath.IsAbs(s.Source) && unix.Stat(s.Source, &source) == nil && unix.Stat(s.Target, &target) == nil {
		if s.Flags&Bind != 0 {
			same := source.Dev == target.Dev && source.Ino == target.Ino
			return same && (s.Flags&ReadOnly == 0 || super.Flags&unix.ST_RDONLY != 0)
		}
		return source.Mode&unix.S_IFMT == unix.S_IFBLK && source.Rdev == target.Dev
	}
	magic := superMagic(s.FSType)
	return magic != 0 && uint32(super.Type) == magic //nolint:gosec // the magic is 32 bits wide
}

// superMagic returns the statfs(2) f_type of a file system type, 0 if unknown.
func superMagic(fsType string) uint32 {
	switch fsType {
	case "proc":
		return unix.PROC_SUPER_MAGIC
	case "sysfs":
		return unix.SYSFS_MAGIC
	case "devtmpfs", "tmpfs":
		return unix.TMPFS_MAGIC
	case "cgroup2":
		return unix.CGROUP2_SUPER_MAGIC
	case "devpts":
		return unix.DEVPTS_SUPER_MAGIC
	case "mqueue":
		return 0x19800202 // ipc/mqueue.c
	case "overlay":
		return unix.OVERLAYFS_SUPER_MAGIC
	}
	return 0
}

// Unmount unmounts target. With detach the mount leaves the tree at once and
// ends with its last user (MNT_DETACH).
func Unmount(target string, detach bool) error {
	flags := unix.UMOUNT_NOFOLLOW
	if detach {
		flags |= unix.MNT_DETACH
	}
	if err := unix.Unmount(target, flags); err != nil {
		return &Error{Op: "unmount", Target: target, Err: err}
	}
	return nil
}

// RemountReadOnly makes the file system at target read-only for every one of
// its mounts; open files for writing make it EBUSY.
func RemountReadOnly(target string) error {
	if err := unix.Mount("", target, "", unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
		return &Error{Op: "remount read-only", Target: target, Err: err}
	}
	return nil
}
