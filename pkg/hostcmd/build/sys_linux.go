package build

import (
	"os"

	"golang.org/x/sys/unix"
)

// kernelRelease returns the running kernel's release (uname(2)).
func kernelRelease() (string, error) {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return "", os.NewSyscallError("uname", err)
	}
	return unix.ByteSliceToString(u.Release[:]), nil
}
