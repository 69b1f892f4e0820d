// Package metrics reads from the kernel how a guest does, as a tree.
//
//	guest
//	  system      memory {total, used, free}
//	              processes {total, listed, kernel, omitted}
//	  process     PID {parent, executable, cwd, cmdline, memory {resident,
//	              virtual}, lifetime, uid, gid, euid, egid}
//	  cgroup      cpu, memory, pids, io, pressure
//	  network     LINK {rx, tx {bytes, packets, errors, drops}}
//	  disk        device, filesystem
//	  boot        STAGE
//
// The first two are krata's, but for processes. Kernel threads are not listed,
// as in krata's. What this kernel does not tell is absent, not zero.
package metrics

import (
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// Config says where the kernel's files are. Of what is left empty there is
// nothing in the tree.
type Config struct {
	Proc   string   // mount point of proc
	Sys    string   // mount point of sysfs; without it unused disks are listed too
	Cgroup string   // directory of a group below cgroup2's mount point
	Mounts []string // mount points whose file systems are asked how full they are
	Stages []Stage  // of the boot, in order

	// Known, where it is not nil, saves what the collections that share it would
	// read again of each process.
	Known *Known

	// MaxProcesses bounds the processes listed, those with the lowest pids;
	// zero is DefaultProcesses. The node system/processes tells how many
	// there are and how many were left out for this.
	MaxProcesses int
}

// Stage is a stage of the boot and how long it took.
type Stage struct {
	Name     string
	Duration time.Duration
}

// maxErrors bounds the errors of one collection; what is wrong with one
// process may be wrong with all.
const maxErrors = 16

// Collect reads everything once. The errors, at most 16, are about files that
// are there and cannot be read or understood; the tree lacks what they name. It
// is not an error that a process ends meanwhile, or that the kernel has no such
// file. Collect may be called by several goroutines at once.
//
// Reading a process's arguments waits for that process's memory map lock, and
// asking a file system may wait for a device: call it where that holds up
// nothing.
func (c Config) Collect() (*Node, []error) {
	run := &collection{Config: c}
	return run.guest(), run.errs
}

// collection is one run of Collect.
type collection struct {
	Config
	errs []error
}

func (c *collection) guest() *Node {
	listed, counted := c.processes()
	disks, _ := parsed(c, c.Proc, "diskstats", parseDisks)
	root := branch("guest", c.system(counted), listed, c.cgroup(disks), c.network(), c.disk(disks), c.boot())
	if root == nil {
		return &Node{Name: "guest"}
	}
	return root
}

func (c *collection) boot() *Node {
	nodes := make([]*Node, 0, len(c.Stages))
	for _, stage := range c.Stages {
		nodes = append(nodes, seconds(stage.Name, stage.Duration.Seconds()))
	}
	return branch("boot", nodes...)
}

func (c *collection) fail(err error) {
	if len(c.errs) < maxErrors {
		c.errs = append(c.errs, err)
	}
}

// parsed reads and parses a file. It is false where there is none, and where
// an error was noted.
func parsed[T any](c *collection, dir, name string, parse func([]byte) (T, error)) (T, bool) {
	var none T
	if dir == "" {
		return none, false
	}
	path := filepath.Join(dir, name)
	b, err := os.ReadFile(path)
	if err != nil {
		if !absent(err) {
			c.fail(err)
		}
		return none, false
	}
	v, err := parse(b)
	if err != nil {
		c.fail(fmt.Errorf("parse %s: %w", path, err))
		return none, false
	}
	return v, true
}
