package boot

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// endMachine does not return where it succeeds, but for Halt.
func endMachine(end End) error {
	how := unix.LINUX_REBOOT_CMD_POWER_OFF
	switch end {
	case PowerOff:
	case Reboot:
		how = unix.LINUX_REBOOT_CMD_RESTART
	case Halt:
		how = unix.LINUX_REBOOT_CMD_HALT
	}
	return unix.Reboot(how)
}

// ctrlAltDelStops has ctrl-alt-del send SIGINT to PID 1 in place of a reboot.
func ctrlAltDelStops() error {
	if err := unix.Reboot(unix.LINUX_REBOOT_CMD_CAD_OFF); err != nil {
		return fmt.Errorf("take over ctrl-alt-del: %w", err)
	}
	return nil
}

// signalAll signals every process but this one, stopped ones too.
func signalAll(sig syscall.Signal) {
	_ = unix.Kill(-1, sig)          // ESRCH: none is left
	_ = unix.Kill(-1, unix.SIGCONT) // likewise
}

func killAll() { _ = unix.Kill(-1, unix.SIGKILL) } // ESRCH: none is left

func syncDisks() { unix.Sync() }

func setHostname(name string) error { return unix.Sethostname([]byte(name)) }

// adoptOrphans makes this process the parent of its descendants' orphans, also
// where it is not PID 1 (PR_SET_CHILD_SUBREAPER, Linux 3.4).
func adoptOrphans() error {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("adopt orphans: %w", err)
	}
	return nil
}

// sinceBoot returns how long ago the kernel started (CLOCK_BOOTTIME).
func sinceBoot() time.Duration {
	var t unix.Timespec
	if unix.ClockGettime(unix.CLOCK_BOOTTIME, &t) != nil {
		return 0
	}
	return time.Duration(t.Nano())
}

// openBlocking opens a terminal or a port for a process that expects its streams
// to wait. It does not wait for a carrier itself.
func openBlocking(path string) (*os.File, error) {
	fd, err := unix.Open(path, unix.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	if err := unix.SetNonblock(fd, false); err != nil {
		return nil, errors.Join(&os.PathError{Op: "open", Path: path, Err: err}, unix.Close(fd))
	}
	return os.NewFile(uintptr(fd), path), nil
}
