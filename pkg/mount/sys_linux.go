package mount

import (
	"io/fs"

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

	// Recursive has a bind take along what is mounted below.
	Recursive Flags = unix.MS_REC

	remount Flags = unix.MS_REMOUNT
)

// statReadOnly is statfs(2)'s f_flags of a mount that is read-only.
const statReadOnly = unix.ST_RDONLY

// IsPoint reports whether something is mounted at path, the same file system's
// other directory included (statx(2), STATX_ATTR_MOUNT_ROOT, Linux 5.8). The
// error is an *fs.PathError.
func IsPoint(path string) (bool, error) {
	var st unix.Statx_t
	if err := unix.Statx(unix.AT_FDCWD, path, 0, 0, &st); err != nil {
		return false, &fs.PathError{Op: "statx", Path: path, Err: err}
	}
	return st.Attributes&unix.STATX_ATTR_MOUNT_ROOT != 0, nil
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
