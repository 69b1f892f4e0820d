package shell

import (
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// terminal is the one that the shell has jobs on.
type terminal struct{ fd int }

func isTerminal(f *os.File) bool {
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}

// give puts a process group in the foreground (tcsetpgrp(3)). SIGTTOU, which a
// shell in the background would get for it, is blocked meanwhile: ignored, it would
// be so in every command.
func (t terminal) give(group int) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var block, old unix.Sigset_t
	block.Val[0] = 1 << (uint(unix.SIGTTOU) - 1)
	if unix.PthreadSigmask(unix.SIG_BLOCK, &block, &old) != nil {
		return
	}
	_ = unix.IoctlSetPointerInt(t.fd, unix.TIOCSPGRP, group) // a terminal that is not the controlling one has no jobs
	_ = unix.PthreadSigmask(unix.SIG_SETMASK, &old, nil)
}

// front returns the process group in the foreground.
func (t terminal) front() (int, error) { return unix.IoctlGetInt(t.fd, unix.TIOCGPGRP) }

// size gives a serial line, which knows none, the size of a terminal.
func (t terminal) size() {
	const rows, columns = 24, 80
	w, err := unix.IoctlGetWinsize(t.fd, unix.TIOCGWINSZ)
	if err == nil && (w.Row == 0 || w.Col == 0) {
		_ = unix.IoctlSetWinsize(t.fd, unix.TIOCSWINSZ, &unix.Winsize{Row: rows, Col: columns}) // then lines are as wide as they are
	}
}

// ignoreKeys has ctrl-C and its like be characters, in the mode that there is.
func (t terminal) ignoreKeys() {
	mode, err := unix.IoctlGetTermios(t.fd, unix.TCGETS)
	if err != nil {
		return
	}
	mode.Lflag &^= unix.ISIG
	_ = unix.IoctlSetTermios(t.fd, unix.TCSETS, mode) // the editor does it once more
}

func ownGroup() int { return unix.Getpgrp() }

// lead makes this process the leader of a group, where it is not.
func lead() { _ = unix.Setpgid(0, 0) } // EPERM: it leads a session

func signalGroup(group int, sig syscall.Signal) { _ = unix.Kill(-group, sig) } // ESRCH: it has ended

func continueGroup(group int) { signalGroup(group, unix.SIGCONT) }

// waitChange waits until a child has stopped, gone on or ended, and leaves it so.
func waitChange(pid int) {
	for unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WSTOPPED|unix.WCONTINUED|unix.WNOWAIT, nil) == unix.EINTR {
		continue
	}
}

// changeOf takes what became of a child; of one that has ended this is the end. There
// is nothing to take from one that went on and is now ending: not yet a zombie, it has
// lost what waitChange saw.
func changeOf(pid int) (ws syscall.WaitStatus, ok bool) {
	var status unix.WaitStatus
	for {
		n, err := unix.Wait4(pid, &status, unix.WUNTRACED|unix.WCONTINUED|unix.WNOHANG, nil)
		if err != unix.EINTR {
			return syscall.WaitStatus(status), n != 0
		}
	}
}

// first reports the first process of the machine.
func first() bool { return unix.Getpid() == 1 }

// setPath gives the first process the PATH that the kernel does not, or not right.
func setPath() {
	if os.Getenv("PATH") == "" || os.Getenv("PATH") == "/sbin:/usr/sbin:/bin:/usr/bin" {
		_ = os.Setenv("PATH", "/bin:/sbin:/usr/bin:/usr/sbin")
	}
}

// leadSession gives the first process a session, and the console as its terminal.
func leadSession(tty *os.File) {
	_, _ = unix.Setsid() // it may lead one already
	_ = unix.IoctlSetInt(int(tty.Fd()), unix.TIOCSCTTY, 1)
}

// reapUntil takes the ends of all children until that of pid, and returns its status.
func reapUntil(pid int) int {
	for {
		var ws unix.WaitStatus
		switch ended, err := unix.Wait4(-1, &ws, 0, nil); {
		case err != nil && err != unix.EINTR:
			return 1 // ECHILD, which cannot be before pid's
		case err != nil || ended != pid:
		case ws.Signaled():
			return signalled + int(ws.Signal())
		default:
			return ws.ExitStatus()
		}
	}
}

// endMachine is the first process's end, which else would be the kernel's panic.
func endMachine() {
	unix.Sync()
	_ = unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF)
}

// signalOf returns the signal of a number, or of a name with or without SIG.
func signalOf(name string) (syscall.Signal, bool) {
	if n, err := strconv.Atoi(name); err == nil {
		return syscall.Signal(n), n > 0 && n < 65
	}
	sig := unix.SignalNum("SIG" + strings.TrimPrefix(strings.ToUpper(name), "SIG"))
	return sig, sig != 0
}
