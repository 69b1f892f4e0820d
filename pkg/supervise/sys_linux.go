package supervise

import (
	"os"
	"os/signal"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// fork starts c. A child has the signal mask of the thread that forks, which is
// emptied for that, and what this process ignores; a signal that is caught
// meanwhile has its default disposition in the child.
func fork(c *Command) (int, error) {
	caught := make(chan os.Signal, 1)
	signal.Notify(caught, unix.SIGHUP, unix.SIGINT, unix.SIGTSTP, unix.SIGTTIN, unix.SIGTTOU, unix.SIGCONT, unix.SIGCHLD)
	defer signal.Stop(caught)

	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var none, old unix.Sigset_t
	if err := unix.PthreadSigmask(unix.SIG_SETMASK, &none, &old); err != nil {
		return 0, err
	}
	defer unix.PthreadSigmask(unix.SIG_SETMASK, &old, nil) //nolint:errcheck // it was this thread's mask
	return syscall.ForkExec(c.Path, c.Args, attributes(c))
}

func attributes(c *Command) *syscall.ProcAttr {
	sys := &syscall.SysProcAttr{Chroot: c.Root, Setsid: c.TTY != Foreground}
	attr := &syscall.ProcAttr{Dir: c.Dir, Env: c.Env, Sys: sys}
	for _, f := range c.Files {
		attr.Files = append(attr.Files, f.Fd())
	}
	switch c.TTY {
	case Detached:
	case Controlling:
		sys.Setctty = true
	case Foreground:
		sys.Foreground = true
		sys.Ctty = int(c.Files[0].Fd())
	}
	if c.Cgroup != nil {
		sys.UseCgroupFD = true
		sys.CgroupFD = int(c.Cgroup.Fd())
	}
	if syscall.Geteuid() == 0 {
		sys.Credential = &syscall.Credential{Uid: c.UID, Gid: c.GID, Groups: c.Groups}
	}
	return attr
}

func limit(pid int, l Limit) error {
	return unix.Prlimit(pid, l.Resource, &unix.Rlimit{Cur: l.Soft, Max: l.Hard}, nil)
}

// Survive has PID 1 live through the signals that would end a Go program, and
// returns a channel with those that ask it to stop: SIGTERM, SIGINT (which is
// also ctrl-alt-del, reboot(2)) and SIGPWR. The rest is dropped.
func Survive() <-chan os.Signal {
	dropped := make(chan os.Signal, 1)
	signal.Notify(dropped, unix.SIGHUP, unix.SIGQUIT, unix.SIGILL, unix.SIGTRAP, unix.SIGABRT, unix.SIGBUS,
		unix.SIGFPE, unix.SIGSEGV, unix.SIGPIPE, unix.SIGSTKFLT, unix.SIGSYS)
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, unix.SIGTERM, unix.SIGINT, unix.SIGPWR)
	return stop
}
