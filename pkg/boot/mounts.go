package boot

import (
	"errors"
	"io/fs"
	"slices"

	"github.com/kguest/kguest/pkg/mount"
)

// kernelFlags are those of the kernel's file systems.
const kernelFlags = mount.NoSUID | mount.NoExec

// procMount returns the steps that make /proc.
func procMount() []mount.Step {
	return []mount.Step{
		mount.Dir{Path: procPath},
		mount.Spec{Source: "proc", Target: procPath, FSType: "proc", Flags: kernelFlags, Once: true},
	}
}

// KernelMounts returns the steps of the mounts stage: those a boot cannot do
// without, and those it can.
func KernelMounts() (required, optional []mount.Step) {
	const kernel = kernelFlags
	required = mount.List(
		mount.Dir{Path: "/root", Mode: 0o700},
		mount.Dir{Path: "/tmp"},
		mount.Dir{Path: runPath, Mode: 0o755},
		mount.Dir{Path: devPath, Mode: 0o755},
		mount.Spec{Source: "devtmpfs", Target: devPath, FSType: "devtmpfs", Flags: kernel, Data: "mode=0755", Once: true},
		mount.Dir{Path: procPath},
		mount.Spec{Source: "proc", Target: procPath, FSType: "proc", Flags: kernel, Once: true},
		mount.Dir{Path: sysPath, Mode: 0o555},
		mount.Spec{Source: "sysfs", Target: sysPath, FSType: "sysfs", Flags: kernel, Once: true},
		mount.Spec{Source: "cgroup2", Target: cgroupPath, FSType: "cgroup2", Flags: kernel | mount.RelATime, Once: true},
		mount.Link{Target: "/proc/self/fd", Path: "/dev/fd"},
		mount.Link{Target: "/proc/self/fd/0", Path: "/dev/stdin"},
		mount.Link{Target: "/proc/self/fd/1", Path: "/dev/stdout"},
		mount.Link{Target: "/proc/self/fd/2", Path: "/dev/stderr"},
	)
	optional = []mount.Step{
		mount.Dir{Path: "/dev/pts"},
		mount.Spec{Source: "devpts", Target: "/dev/pts", FSType: "devpts", Flags: kernel, Data: "gid=5,mode=620,ptmxmode=666", Once: true},
		mount.Dir{Path: "/dev/shm"},
		mount.Spec{Source: "tmpfs", Target: "/dev/shm", FSType: "tmpfs", Flags: kernel | mount.NoDev, Data: "mode=1777", Once: true},
		mount.Dir{Path: "/dev/mqueue"},
		mount.Spec{Source: "mqueue", Target: "/dev/mqueue", FSType: "mqueue", Flags: kernel | mount.NoDev, Once: true},
		mount.Spec{Source: "tmpfs", Target: runPath, FSType: "tmpfs", Flags: mount.NoSUID | mount.NoDev, Data: "mode=0755", Once: true},
	}
	return required, optional
}

// MountKernel applies KernelMounts. The warnings are of the optional ones.
func MountKernel() (warnings []error, err error) {
	required, optional := KernelMounts()
	if err := mount.Apply(required); err != nil {
		return nil, err
	}
	return slices.DeleteFunc(mount.ApplyAll(optional), afterMissingDir), nil
}

// afterMissingDir reports a mount that could not be since its directory could
// not be made, which was said before.
func afterMissingDir(err error) bool {
	var merr *mount.Error
	return errors.As(err, &merr) && errors.Is(err, fs.ErrNotExist)
}
