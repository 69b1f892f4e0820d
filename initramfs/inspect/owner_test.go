package inspect

import (
	"fmt"
	"io/fs"
	"syscall"
)

// ownerLinks tells owner, links and device numbers. Folders have as many links
// as the file system counts.
func ownerLinks(info fs.FileInfo) string {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return "?"
	}
	links := st.Nlink
	if info.IsDir() {
		links = 0
	}
	rdev := st.Rdev
	if info.Mode()&fs.ModeDevice == 0 {
		rdev = 0
	}
	return fmt.Sprintf("%d:%d,%d,%d", st.Uid, st.Gid, links, rdev)
}
