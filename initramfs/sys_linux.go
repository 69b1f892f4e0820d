package initramfs

import (
	"fmt"
	"io/fs"
	"syscall"

	"golang.org/x/sys/unix"
)

// FreeSpace returns the bytes that the caller may still write in the file
// system of dir, as statfs(2) has it.
func FreeSpace(dir string) (int64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, fmt.Errorf("find free space of %s: %w", Clip(dir), err)
	}
	return int64(st.Bavail) * st.Bsize, nil //nolint:gosec // less than 2^63 bytes on any disk
}

// inode tells a file of the host from others.
type inode struct{ dev, ino uint64 }

// hostInfo is what fs.FileInfo does not say of a file.
type hostInfo struct {
	inode        inode
	links        uint64
	uid, gid     uint32
	major, minor uint32 // of a device node
}

func hostInfoOf(info fs.FileInfo) hostInfo {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return hostInfo{}
	}
	return hostInfo{
		inode: inode{st.Dev, st.Ino},
		links: uint64(st.Nlink), //nolint:unconvert // 32 bits on arm64
		uid:   st.Uid, gid: st.Gid,
		major: unix.Major(st.Rdev), minor: unix.Minor(st.Rdev),
	}
}
