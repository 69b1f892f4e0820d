package multicall

import (
	"os"
	"syscall"
	"time"
)

// changed returns when the inode at path was last changed (stat(2), st_ctim),
// the zero time where there is none. It may be up to a tick of the kernel's
// clock, 10 ms, earlier than the change.
func changed(path string) time.Time {
	info, err := os.Lstat(path)
	if err != nil {
		return time.Time{}
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return time.Time{}
	}
	return time.Unix(st.Ctim.Unix())
}
