package pack

import (
	"os"
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"
)

// Of lseek(2).
const (
	seekData = unix.SEEK_DATA
	seekHole = unix.SEEK_HOLE
)

// cloneFile has out share the blocks of in (FICLONE, ioctl_ficlonerange(2)).
func cloneFile(out, in *os.File) error {
	return os.NewSyscallError("ficlone", unix.IoctlFileClone(int(out.Fd()), int(in.Fd())))
}

// asRoot has cmd run with user and group 0, without a right of theirs: in a
// user namespace, which the machine may not allow.
func asRoot(cmd *exec.Cmd) {
	if os.Getuid() == 0 && os.Getgid() == 0 {
		return
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}
}
