// Package cgroup makes a cgroup of the unified hierarchy, sets its limits and
// ends it (the kernel's Documentation/admin-guide/cgroup-v2.rst).
package cgroup

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/kguest/kguest/pkg/dirnames"
	"github.com/kguest/kguest/pkg/rawfile"
)

// Group is a cgroup: a directory.
type Group struct {
	dir      string
	threaded bool
}

// CheckName reports a name that no group just below the root can have: the
// kernel's own files begin with a controller's name and a dot.
func CheckName(name string) error {
	if name == "" || name == "." || name == ".." || strings.Contains(name, "/") {
		return fmt.Errorf("cgroup %q: give a name without a slash", name)
	}
	for _, own := range []string{"cgroup.", "cpu.", "cpuset.", "hugetlb.", "io.", "memory.", "misc.", "pids.", "rdma."} {
		if strings.HasPrefix(name, own) {
			return fmt.Errorf("cgroup %q: a name of the kernel's own", name)
		}
	}
	return nil
}

// Create makes the group name below the unified hierarchy mounted at root, or
// takes the one that is there. A threaded group shares the resources of its
// parent; it has no memory limit and cannot be killed as one.
func Create(root, name string, threaded bool) (*Group, error) {
	if err := CheckName(name); err != nil {
		return nil, fmt.Errorf("make cgroup below %s: %w", root, err)
	}
	if !isUnified(root) {
		return nil, fmt.Errorf("make cgroup %s: %s is not the unified hierarchy: mount cgroup2 there (kmount kernel does)", name, root)
	}
	g := &Group{dir: filepath.Join(root, name), threaded: threaded}
	if err := os.Mkdir(g.dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("make cgroup: %w", err)
	}
	if threaded {
		if err := g.write("cgroup.type", "threaded"); err != nil {
			return nil, err
		}
	}
	return g, nil
}

// Open opens the group's directory, for CLONE_INTO_CGROUP (clone(2), Linux
// 5.7): a process started into it is in it from its first instruction.
func (g *Group) Open() (*os.File, error) {
	f, err := dirnames.Open(g.dir)
	if err != nil {
		return nil, fmt.Errorf("open cgroup: %w", err)
	}
	return f, nil
}

// Kill sends SIGKILL to every process of the group (cgroup.kill, Linux 5.14).
// A threaded group cannot: EOPNOTSUPP.
func (g *Group) Kill() error { return g.write("cgroup.kill", "1") }

// Signal sends sig to each process of the group, in no order; one that starts
// meanwhile may be missed.
func (g *Group) Signal(sig syscall.Signal) error {
	data, err := os.ReadFile(filepath.Join(g.dir, "cgroup.procs"))
	if err != nil {
		return fmt.Errorf("signal cgroup: %w", err)
	}
	var errs []error
	for line := range strings.Lines(string(data)) {
		pid, err := strconv.Atoi(strings.TrimSpace(line))
		if err == nil {
			err = kill(pid, sig)
		}
		if err != nil && !errors.Is(err, syscall.ESRCH) {
			errs = append(errs, fmt.Errorf("signal cgroup: %w", err))
		}
	}
	return errors.Join(errs...)
}

// endTimeout bounds the wait for processes that were killed to end.
const endTimeout = 2 * time.Second

// Delete removes the group. Its processes must have ended, or be about to: a
// group that was killed is busy for a moment. A group that stays is of no more
// use: Linux 6.18 kills what is started into it afterwards.
func (g *Group) Delete() error {
	err := os.Remove(g.dir)
	if errors.Is(err, syscall.EBUSY) {
		err = g.waitEmpty(endTimeout)
		if err == nil {
			err = os.Remove(g.dir)
		}
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("delete cgroup: %w", err)
	}
	return nil
}

// Name returns the name of the group.
func (g *Group) Name() string { return filepath.Base(g.dir) }

func (g *Group) write(file, value string) error {
	err := rawfile.Write(g.dir+"/"+file, value)
	var perr *fs.PathError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &perr) && perr.Op == "open":
		return fmt.Errorf("set cgroup: %w", err)
	default:
		return fmt.Errorf("set cgroup %s to %q: %w", file, value, err)
	}
}
