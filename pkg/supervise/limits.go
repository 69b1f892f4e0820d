package supervise

import (
	"errors"
	"fmt"
	"syscall"
)

// forkLimited starts c with its limits: they are this process's own while it
// forks. Those of the address space are set on the child just after it has
// started, since a Go program that cannot map memory ends.
func forkLimited(c *Command) (pid int, err error) {
	var after []Limit
	for _, l := range c.Limits {
		if l.Resource == syscall.RLIMIT_AS || l.Resource == syscall.RLIMIT_DATA {
			after = append(after, l)
			continue
		}
		var old syscall.Rlimit
		if err := syscall.Getrlimit(l.Resource, &old); err != nil {
			return 0, fmt.Errorf("limit %d: %w", l.Resource, err)
		}
		if err := syscall.Setrlimit(l.Resource, &syscall.Rlimit{Cur: l.Soft, Max: l.Hard}); err != nil {
			return 0, fmt.Errorf("limit %d to %d:%d: %w", l.Resource, l.Soft, l.Hard, err)
		}
		defer func() { err = errors.Join(err, syscall.Setrlimit(l.Resource, &old)) }()
	}
	pid, err = fork(c)
	if err != nil {
		return 0, err
	}
	for _, l := range after {
		if err := limit(pid, l); err != nil && !errors.Is(err, syscall.ESRCH) {
			return pid, fmt.Errorf("limit %d to %d:%d: %w", l.Resource, l.Soft, l.Hard, err)
		}
	}
	return pid, nil
}
