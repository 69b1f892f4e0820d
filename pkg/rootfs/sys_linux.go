package rootfs

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

func owner(fi fs.FileInfo) (uid, gid int, ok bool) {
	st, ok := fi.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, 0, false
	}
	return int(st.Uid), int(st.Gid), true
}

// device returns the number of the file system path is on.
func device(path string) (uint64, error) {
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil {
		return 0, &fs.PathError{Op: "lstat", Path: path, Err: err}
	}
	return st.Dev, nil
}

// onInitramfs guards the deletion: it is an error where path is not a directory
// with an init on a file system that lives in memory, as an initramfs is.
func onInitramfs(path string) error {
	var st unix.Statfs_t
	if err := unix.Statfs(path, &st); err != nil {
		return &fs.PathError{Op: "statfs", Path: path, Err: err}
	}
	switch uint32(st.Type) { //nolint:gosec // the magic is 32 bits wide
	case unix.TMPFS_MAGIC, unix.RAMFS_MAGIC:
		if _, err := os.Lstat(filepath.Join(path, "init")); err != nil {
			return fmt.Errorf("%s is not an initramfs (%w): nothing was changed", path, err)
		}
		return nil
	}
	return fmt.Errorf("%s is not an initramfs (file system type %#x): nothing was changed", path, st.Type)
}

func chroot(dir string) error { return unix.Chroot(dir) }
