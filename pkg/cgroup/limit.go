package cgroup

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Limits bound what the processes of a group use; zero bounds nothing.
type Limits struct {
	MemoryMax uint64 // bytes
	PidsMax   uint64 // processes and threads
	CPUQuota  uint64 // microseconds of CPU time in each CPUPeriod
	CPUPeriod uint64 // microseconds
}

// Account has the parent hand down what counts and limits CPU, memory, tasks and
// I/O, as far as this kernel has it: CPU and tasks alone to a threaded group,
// which cannot have the others.
func (g *Group) Account() error {
	parent := Group{dir: filepath.Dir(g.dir)}
	data, err := os.ReadFile(filepath.Join(parent.dir, "cgroup.controllers"))
	if err != nil {
		return fmt.Errorf("read cgroup controllers: %w", err)
	}
	var on []string
	for name := range strings.FieldsSeq(string(data)) {
		if g.canHave(name) {
			on = append(on, "+"+name)
		}
	}
	if len(on) == 0 {
		return nil
	}
	return parent.write("cgroup.subtree_control", strings.Join(on, " "))
}

func (g *Group) canHave(controller string) bool {
	switch controller {
	case "cpu", "pids":
		return true
	case "io", "memory":
		return !g.threaded
	}
	return false
}

// Limit sets l, for which Account has handed down the controllers.
func (g *Group) Limit(l Limits) error {
	for _, set := range []struct {
		on                      bool
		controller, file, value string
	}{
		{l.MemoryMax > 0, "memory", "memory.max", strconv.FormatUint(l.MemoryMax, 10)},
		{l.PidsMax > 0, "pids", "pids.max", strconv.FormatUint(l.PidsMax, 10)},
		{l.CPUQuota > 0, "cpu", "cpu.max", fmt.Sprintf("%d %d", l.CPUQuota, l.CPUPeriod)},
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
	if !g.canHave(controller) {
		return fmt.Errorf("%w (a threaded cgroup has no %s controller)", err, controller)
	}
	return fmt.Errorf("%w (does this kernel have the %s controller?)", err, controller)
}
