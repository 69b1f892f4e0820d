package supervise

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// fork starts c. A child has the signal mask of the thread that forks, which is
// emptied for that, and what this process ignores; a signal that is caught
// meanwhile has its default disposition in the child.
func fork(c *Command) (int, error) {
	if ignored := ignoredSignals(); len(ignored) > 0 {
		caught := make(chan os.Signal, 1)
		signal.Notify(caught, ignored...)
		defer signal.Stop(caught)
	}
	var none, old unix.Sigset_t
	if err := unix.PthreadSigmask(unix.SIG_SETMASK, nil, &old); err != nil {
		return 0, err
	}
	if old != none { // then every thread has that mask
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		if err := unix.PthreadSigmask(unix.SIG_SETMASK, &none, &old); err != nil {
			return 0, err
		}
		defer unix.PthreadSigmask(unix.SIG_SETMASK, &old, nil) //nolint:errcheck // it was this thread's mask
	}
	defer runtime.KeepAlive(c) // its files are numbers now
	return syscall.ForkExec(c.Path, c.Args, attributes(c))
}

func eventfd() (int, error) { return unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK) }

// yield has a process that was just started go first where there is one CPU: what is
// left to do for it here can wait.
func yield() { _, _, _ = unix.Syscall(unix.SYS_SCHED_YIELD, 0, 0, 0) }

// ignoredSignals returns those that this process ignores of the signals that a
// command has a use for.
func ignoredSignals() []os.Signal {
	var ignored []os.Signal
	for _, sig := range []syscall.Signal{
		unix.SIGHUP, unix.SIGINT, unix.SIGTSTP, unix.SIGTTIN, unix.SIGTTOU, unix.SIGCONT, unix.SIGCHLD,
	} {
		if isIgnored(sig) {
			ignored = append(ignored, sig)
		}
	}
	return ignored
}

// sigaction is the size of what rt_sigaction(2) takes on 64-bit Linux, the handler
// first; the zero value is the default disposition.
type sigaction [4]uint64

// ignore is the handler of what is ignored (SIG_IGN).
const ignore = 1

func isIgnored(sig syscall.Signal) bool {
	var now sigaction
	changeDisposition(sig, nil, &now)
	return now[0] == ignore
}

// setDefault gives sig its default disposition behind the back of Go's runtime.
func setDefault(sig syscall.Signal) { changeDisposition(sig, &sigaction{}, nil) }

// changeDisposition cannot fail for a signal that there is, but for SIGKILL and
// SIGSTOP.
func changeDisposition(sig syscall.Signal, set, old *sigaction) {
	const maskSize = 8
	//nolint:gosec // x/sys has no function for this call
	_, _, _ = unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(sig),
		uintptr(unsafe.Pointer(set)), uintptr(unsafe.Pointer(old)), maskSize, 0, 0)
}

func attributes(c *Command) *syscall.ProcAttr {
	var a struct { // one allocation
		attr syscall.ProcAttr
		sys  syscall.SysProcAttr
	}
	attr, sys := &a.attr, &a.sys
	*sys = syscall.SysProcAttr{Chroot: c.Root, Setsid: c.TTY == Detached || c.TTY == Controlling}
	*attr = syscall.ProcAttr{Dir: c.Dir, Env: c.Env, Sys: sys}
	for _, f := range c.Files {
		attr.Files = append(attr.Files, f.Fd())
	}
	switch c.TTY {
	case Detached, Shared:
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

// siginfo is what waitid(2) says of a child: siginfo_t on 64-bit Linux.
type siginfo struct {
	signo, errno, code int32
	_                  int32
	pid                int32
	_                  [108]byte
}

// ended waits for a child to end and leaves it to be reaped. The error is
// ECHILD where there is no child.
func ended() (pid int, err error) {
	for {
		var info siginfo
		_, _, errno := unix.Syscall6(unix.SYS_WAITID, unix.P_ALL, 0,
			uintptr(unsafe.Pointer(&info)), unix.WEXITED|unix.WNOWAIT, 0, 0) //nolint:gosec // waitid fills it
		switch errno {
		case 0:
			return int(info.pid), nil
		case unix.EINTR:
		default:
			return 0, errno
		}
	}
}

// ownStreams gives the terminal and the pipes among the standard streams to the
// command's user, as container runtimes do: otherwise it could not open its own
// /dev/stdout.
func (c *Command) ownStreams() error {
	for _, f := range c.Files {
		if f == nil {
			continue
		}
		var st unix.Stat_t
		fd := int(f.Fd())
		if err := unix.Fstat(fd, &st); err != nil {
			return fmt.Errorf("stat %s: %w", f.Name(), err)
		}
		kind, null := st.Mode&unix.S_IFMT, unix.Mkdev(1, 3)
		if st.Uid == c.UID || kind != unix.S_IFIFO && kind != unix.S_IFCHR || st.Rdev == null {
			continue
		}
		err := unix.Fchown(fd, int(c.UID), -1)
		if err != nil && !errors.Is(err, unix.EPERM) && !errors.Is(err, unix.EROFS) {
			return fmt.Errorf("give %s to uid %d: %w", f.Name(), c.UID, err)
		}
	}
	return nil
}

// reapChild reaps a child that has ended; it does not wait.
func reapChild(pid int) Status {
	for {
		var ws syscall.WaitStatus
		_, err := syscall.Wait4(pid, &ws, syscall.WNOHANG, nil)
		if !errors.Is(err, syscall.EINTR) {
			return newStatus(ws)
		}
	}
}

// kill signals a process, or a group by its negative number. One that is gone is
// no error.
func kill(pid int, sig syscall.Signal) error {
	if err := unix.Kill(pid, sig); err != nil && !errors.Is(err, unix.ESRCH) {
		return err
	}
	return nil
}

// softLimit sets this process's soft limit, and returns how to set it back. A
// hard limit that was lowered could not be raised again without
// CAP_SYS_RESOURCE, so that it stays.
func softLimit(l Limit) (restore func() error, err error) {
	var old syscall.Rlimit
	if err := syscall.Getrlimit(l.Resource, &old); err != nil {
		return nil, err
	}
	if err := syscall.Setrlimit(l.Resource, &syscall.Rlimit{Cur: l.Soft, Max: max(l.Hard, old.Max)}); err != nil {
		return nil, err
	}
	return func() error { return syscall.Setrlimit(l.Resource, &old) }, nil
}

// Survive has this process live through the signals that would end a Go program,
// and catches those that ask it to stop. The rest is dropped. It is called once.
func Survive() *Stops {
	deadly := []os.Signal{
		unix.SIGHUP, unix.SIGQUIT, unix.SIGILL, unix.SIGTRAP, unix.SIGABRT, unix.SIGBUS,
		unix.SIGFPE, unix.SIGSEGV, unix.SIGPIPE, unix.SIGSTKFLT, unix.SIGSYS,
	}
	if os.Getpid() == 1 {
		dropAsInit(deadly)
	} else {
		signal.Notify(make(chan os.Signal, 1), deadly...)
	}
	return catchStops()
}

// dropAsInit has PID 1 drop signals that are sent to it. What the kernel ignores
// for that is back at its default at once, of which PID 1 does not end (kill(2),
// "Notes"), and which its children need not be given. To catch them costs a boot
// ten times as much.
func dropAsInit(signals []os.Signal) {
	signal.Ignore(signals...)
	for _, s := range signals {
		if sig, ok := s.(syscall.Signal); ok && isIgnored(sig) {
			setDefault(sig)
		}
	}
}
