package cgroup

import (
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"syscall"

	"github.com/kguest/kguest/pkg/rawfile"
)

// Limits bound what the processes of a group use; zero bounds nothing.
type Limits struct {
	MemoryMax uint64 // bytes
	PidsMax   uint64 // processes and threads
	CPUQuota  uint64 // microseconds of CPU time in each CPUPeriod
	CPUPeriod uint64 // microseconds
}

// Account has the hierarchy mounted at root hand down to its groups what counts and
// limits CPU, memory, tasks and I/O, as far as this kernel has it: CPU and tasks
// alone to threaded groups, which cannot have the others. It costs least where
// there is no group yet.
func Account(root string, threaded bool) error {
	if threaded {
		return handDown(root, "+cpu", "+pids")
	}
	// Those come first that a hierarchy with processes in it refuses, before the others
	// have made it a threaded one.
	return handDown(root, "+memory", "+io", "+cpu", "+pids")
}

// handDown does not read first which controllers there are, which costs more than to
// hear of each: EINVAL where the kernel lacks it, ENOENT where the parent keeps it.
func handDown(root string, controllers ...string) error {
	err := rawfile.WriteEach(root+"/cgroup.subtree_control", controllers, func(err error) bool {
		return errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOENT)
	})
	if err != nil {
		return fmt.Errorf("hand down cgroup controllers %s: %w", strings.Join(controllers, " "), err)
	}
	return nil
}

// Limit sets l, for which Account has handed down the controllers.
func (g *Group) Limit(l Limits) error {
	for _, set := range []struct {
		on                      bool
		controller, file, value string
	}{
		{l.MemoryMax > 0, "memory", "memory.max", strconv.FormatUint(l.MemoryMax, 10)},
		{l.PidsMax > 0, "pids", "pids.max", strconv.FormatUint(l.PidsMax, 10)},
		{l.CPUQuota > 0, "cpu", "cpu.max", strconv.FormatUint(l.CPUQuota, 10) + " " + strconv.FormatUint(l.CPUPeriod, 10)},
	} {
		if !set.on {
			continue
		}
		err := g.write(set.file, set.value)
		if errors.Is(err, fs.ErrNotExist) {
			return g.lacks(set.controller, err)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// lacks explains that the group has no file of the controller.
func (g *Group) lacks(controller string, err error) error {
	if g.threaded && controller == "memory" {
		return fmt.Errorf("%w (a threaded cgroup has no memory controller)", err)
	}
	return fmt.Errorf("%w (does this kernel have the %s controller?)", err, controller)
}
