package rootfs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/kguest/kguest/pkg/mount"
)

// owner is the owner of a file, and its mode.
type owner struct{ uid, gid, mode uint32 }

func ownerOf(path string) (owner, error) {
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		return owner{}, &fs.PathError{Op: "stat", Path: path, Err: err}
	}
	return owner{st.Uid, st.Gid, st.Mode & 0o7777}, nil
}

func (o owner) give(path string) error {
	if err := unix.Chown(path, int(o.uid), int(o.gid)); err != nil {
		return &fs.PathError{Op: "chown", Path: path, Err: err}
	}
	if err := unix.Chmod(path, o.mode); err != nil {
		return &fs.PathError{Op: "chmod", Path: path, Err: err}
	}
	return nil
}

// directory reports a directory at path, a link to one not being one, and whether it
// is bare: each directory in one adds to its link count, by its "..". What does not
// count so (overlayfs of merged directories, btrfs) gives another number than 2: find(1)
// relies on it as well.
func directory(path string) (plain, bare bool) {
	const withoutDirs = 2
	var st unix.Stat_t
	if unix.Lstat(path, &st) != nil {
		return false, false
	}
	return st.Mode&unix.S_IFMT == unix.S_IFDIR, st.Nlink == withoutDirs
}

// openPlace opens a path for what is at it, not for its content.
func openPlace(path string) (*os.File, error) {
	fd, err := unix.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	return os.NewFile(uintptr(fd), path), nil
}

// unmountOpen takes the mount that dir is the root of out of the tree, and closes
// dir. The mount ends with its last user.
func unmountOpen(dir *os.File) error {
	err := unix.Unmount("/proc/self/fd/"+strconv.FormatUint(uint64(dir.Fd()), 10), unix.MNT_DETACH)
	if err != nil {
		err = &mount.Error{Op: "unmount", Target: dir.Name(), Err: err}
	}
	return errors.Join(err, dir.Close())
}

// deviceOf returns the number of the file system that dir is on.
func deviceOf(dir *os.File) (uint64, error) {
	var st unix.Stat_t
	if err := unix.Fstat(int(dir.Fd()), &st); err != nil {
		return 0, &fs.PathError{Op: "fstat", Path: dir.Name(), Err: err}
	}
	return st.Dev, nil
}

// openIn opens the directory of that name in parent, a link not followed.
func openIn(parent *os.File, name string) (*os.File, error) {
	path := filepath.Join(parent.Name(), name)
	fd, err := unix.Openat(int(parent.Fd()), name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	return os.NewFile(uintptr(fd), path), nil
}

// remove deletes the file, or the empty directory, of that name in parent.
func remove(parent *os.File, name string, dir bool) error {
	flags := 0
	if dir {
		flags = unix.AT_REMOVEDIR
	}
	if err := unix.Unlinkat(int(parent.Fd()), name, flags); err != nil {
		return &fs.PathError{Op: "unlink", Path: filepath.Join(parent.Name(), name), Err: err}
	}
	return nil
}

// onInitramfs guards the deletion: it is an error where path is not a directory
// with an init on a file system that lives in memory, as an initramfs is. What that
// uses is in bytes, 0 for not known.
func onInitramfs(path string) (used uint64, err error) {
	var st unix.Statfs_t
	if err := unix.Statfs(path, &st); err != nil {
		return 0, &fs.PathError{Op: "statfs", Path: path, Err: err}
	}
	switch uint32(st.Type) { //nolint:gosec // the magic is 32 bits wide
	case unix.TMPFS_MAGIC, unix.RAMFS_MAGIC:
		if _, err := os.Lstat(filepath.Join(path, "init")); err != nil {
			return 0, fmt.Errorf("%s is not an initramfs (%w): nothing was changed", path, err)
		}
		return (st.Blocks - st.Bfree) * uint64(st.Bsize), nil //nolint:gosec // it is positive
	}
	return 0, fmt.Errorf("%s is not an initramfs (file system type %#x): nothing was changed", path, st.Type)
}

func chroot(dir string) error { return unix.Chroot(dir) }
