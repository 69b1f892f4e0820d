package nstest

import (
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// idRange is how many ids are mapped for a caller who is root.
const idRange = 65536

// attributes are those of a process in new namespaces that dies with this thread.
func attributes(ns Namespaces) *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{
		Cloneflags: unix.CLONE_NEWUSER | cloneFlags(ns),
		Pdeathsig:  unix.SIGKILL,
	}
	if os.Geteuid() == 0 {
		attr.UidMappings = []syscall.SysProcIDMap{{Size: idRange}}
		attr.GidMappings = []syscall.SysProcIDMap{{Size: idRange}}
		attr.GidMappingsEnableSetgroups = true
		return attr
	}
	attr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Geteuid(), Size: 1}}
	attr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getegid(), Size: 1}}
	return attr
}

func cloneFlags(ns Namespaces) uintptr {
	var flags uintptr
	for _, pair := range []struct {
		ns   Namespaces
		flag uintptr
	}{
		{Mount, unix.CLONE_NEWNS},
		{Net, unix.CLONE_NEWNET},
		{PID, unix.CLONE_NEWPID},
		{IPC, unix.CLONE_NEWIPC},
		{UTS, unix.CLONE_NEWUTS},
		{Cgroup, unix.CLONE_NEWCGROUP},
	} {
		if ns&pair.ns != 0 {
			flags |= pair.flag
		}
	}
	return flags
}

// prepareMounts makes the mounts of a new mount namespace private, and mounts
// the proc of a new PID namespace.
func prepareMounts(ns Namespaces) error {
	if ns&Mount == 0 {
		return nil
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	if ns&PID == 0 {
		return nil
	}
	const flags = unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC
	if err := unix.Mount("proc", "/proc", "proc", flags, ""); err != nil {
		return fmt.Errorf("mount proc: %w", err)
	}
	return nil
}
