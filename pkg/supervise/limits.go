package supervise

import (
	"errors"
	"fmt"
	"syscall"
)

// forkLimited starts c with its limits: the soft ones are this process's own
// while it forks, as far as it can live with them. The rest is set on the child
// just after it has started; a hard limit that this process lowered it could
// not raise again without CAP_SYS_RESOURCE. With an error there is a pid where
// the child was started.
func forkLimited(c *Command) (pid int, err error) {
	for _, l := range c.Limits {
		if l.Soft > l.Hard {
			return 0, fmt.Errorf("%v: %w", l, syscall.EINVAL)
		}
		if endsUs(l.Resource) {
			continue
		}
		var old syscall.Rlimit
		if err := syscall.Getrlimit(l.Resource, &old); err != nil {
			return 0, fmt.Errorf("%v: %w", l, err)
		}
		if err := syscall.Setrlimit(l.Resource, &syscall.Rlimit{Cur: l.Soft, Max: max(l.Hard, old.Max)}); err != nil {
			return 0, fmt.Errorf("%v: %w", l, err)
		}
		defer func() { err = errors.Join(err, syscall.Setrlimit(l.Resource, &old)) }()
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

// endsUs reports a limit that this process could be over already: a Go program
// that cannot map memory ends, and one that is out of CPU time is killed.
func endsUs(resource int) bool {
	return resource == syscall.RLIMIT_AS || resource == syscall.RLIMIT_DATA || resource == syscall.RLIMIT_CPU
}
