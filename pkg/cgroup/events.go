package cgroup

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// memoryEvents counts what happened for want of memory, a line each.
const memoryEvents = "memory.events"

// WatchOOM calls tell with the number of processes of the group that the kernel
// has killed for want of memory, each time that number has grown. It returns
// when the group is gone; the error is of a kernel that does not count.
func (g *Group) WatchOOM(tell func(kills uint64)) error {
	f, err := os.Open(filepath.Join(g.dir, memoryEvents))
	if err != nil {
		return fmt.Errorf("watch cgroup: %w", err)
	}
	defer f.Close()
	raw, err := f.SyscallConn()
	if err != nil {
		return fmt.Errorf("watch cgroup: %w", err)
	}
	var known uint64
	var counted error
	buf := make([]byte, 4096)
	err = raw.Read(func(uintptr) bool { // again with each event, without a thread that waits
		n, err := f.ReadAt(buf, 0)
		if n == 0 && err != nil { // ENODEV: the group was deleted
			return true
		}
		kills, err := oomKills(buf[:n])
		if err != nil {
			counted = fmt.Errorf("%s: %w", memoryEvents, err)
			return true
		}
		if kills > known {
			tell(kills)
		}
		known = kills
		return false
	})
	if err = errors.Join(err, counted); err != nil {
		return fmt.Errorf("watch cgroup: %w", err)
	}
	return nil
}

// OOMKills returns how many processes of the group the kernel has killed for
// want of memory; 0 where it does not count.
func (g *Group) OOMKills() uint64 {
	data, err := os.ReadFile(filepath.Join(g.dir, memoryEvents))
	if err != nil {
		return 0
	}
	kills, _ := oomKills(data) // 0 with an error
	return kills
}

// oomKills returns the number on the line oom_kill of memory.events.
func oomKills(data []byte) (uint64, error) {
	for line := range bytes.Lines(data) {
		if value, ok := bytes.CutPrefix(line, []byte("oom_kill ")); ok {
			return strconv.ParseUint(string(bytes.TrimSpace(value)), 10, 64)
		}
	}
	return 0, errors.New("has no line oom_kill")
}

// waitEmpty waits up to timeout for the last process of the group to have ended.
func (g *Group) waitEmpty(timeout time.Duration) error {
	events, err := os.Open(filepath.Join(g.dir, "cgroup.events"))
	if err != nil {
		return err
	}
	defer events.Close()
	buf := make([]byte, 256)
	for deadline := time.Now().Add(timeout); ; {
		n, err := events.ReadAt(buf, 0)
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		left := time.Until(deadline)
		if bytes.Contains(buf[:n], []byte("populated 0")) || left <= 0 {
			return nil
		}
		if err := changed(events, left); err != nil {
			return err
		}
	}
}
