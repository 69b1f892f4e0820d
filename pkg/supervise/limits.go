package supervise

import (
	"errors"
	"fmt"
	"syscall"
)

// forkLimited starts c with its limits: the soft ones are this process's own
// while it forks, as far as it can live with them, so that the child has them
// from its first instruction. The rest is set on the child just after it has
// started. With an error there is a pid where the child was started.
func forkLimited(c *Command) (pid int, err error) {
	for _, l := range c.Limits {
		if l.Soft > l.Hard {
			return 0, fmt.Errorf("%v: %w", l, syscall.EINVAL)
		}
		if l.harmsUs() {
			continue
		}
		restore, err := softLimit(l)
		if err != nil {
			return 0, fmt.Errorf("%v: %w", l, err)
		}
		defer func() { err = errors.Join(err, restore()) }()
	}
	pid, err = fork(c)
	if err != nil {
		return 0, err
	}
	for _, l := range c.Limits {
		if err := limit(pid, l); err != nil && !errors.Is(err, syscall.ESRCH) {
			return pid, fmt.Errorf("%v: %w", l, err)
		}
	}
	return pid, nil
}

func (l Limit) String() string {
	return fmt.Sprintf("limit %d to %d:%d", l.Resource, l.Soft, l.Hard)
}

// manyFiles is more than this process has open: as many as its soft limit of
// descriptors may be while it forks.
const manyFiles = 1024

// harmsUs reports a limit that this process could be over already: a Go program
// that cannot map memory ends, one that is out of CPU time or writes beyond the
// file size is killed, and one without descriptors cannot so much as fork.
func (l Limit) harmsUs() bool {
	switch l.Resource {
	case syscall.RLIMIT_AS, syscall.RLIMIT_DATA, syscall.RLIMIT_CPU, syscall.RLIMIT_FSIZE:
		return true
	case syscall.RLIMIT_NOFILE:
		return l.Soft < manyFiles
	}
	return false
}
