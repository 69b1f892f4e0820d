package pack

import (
	"os"
	"os/exec"
	"syscall"
)

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
