package metrics

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// transfer is one direction of a disk since it was made.
type transfer struct{ bytes, operations uint64 }

func (t transfer) node(name string) *Node {
	return branch(name, size("bytes", t.bytes), count("operations", t.operations))
}

// disk is a line of /proc/diskstats: a disk or a partition.
type disk struct {
	device              string // MAJOR:MINOR
	name                string
	reads, writes       transfer
	readTime, writeTime uint64 // milliseconds, the sum over all operations
}

// parseDisks parses /proc/diskstats (the kernel's
// Documentation/admin-guide/iostats.rst). Its sectors have 512 bytes whatever
// the disk's have. Discards and flushes, which Linux 4.18 and 5.5 added at the
// end, are not taken.
func parseDisks(b []byte) ([]disk, error) {
	const (
		columns = 11
		sector  = 512
	)
	var disks []disk
	for line := range bytes.Lines(b) {
		major, rest := cutField(line)
		minor, rest := cutField(rest)
		name, rest := cutField(rest)
		n, err := parseNumbers(rest, columns)
		if err != nil {
			return nil, fmt.Errorf("disk %q: %w", name, err)
		}
		disks = append(disks, disk{
			device:    text(major) + ":" + text(minor),
			name:      text(name),
			reads:     transfer{operations: n[0], bytes: n[2] * sector},
			readTime:  n[3],
			writes:    transfer{operations: n[4], bytes: n[6] * sector},
			writeTime: n[7],
		})
	}
	return disks, nil
}

// disk has the disks and what is on the file systems.
func (c *collection) disk(disks []disk) *Node {
	devices := make([]*Node, 0, len(disks))
	for _, d := range disks {
		if c.unused(d.name) {
			continue
		}
		devices = append(devices, branch(d.name, timed(d.reads, "reads", d.readTime), timed(d.writes, "writes", d.writeTime)))
	}
	return branch("disk", branch("device", devices...), c.fileSystems())
}

func timed(t transfer, name string, milliseconds uint64) *Node {
	n := t.node(name)
	n.Children = append(n.Children, seconds("time", float64(milliseconds)/1e3))
	return n
}

// unused tells whether the kernel made a disk unasked: a RAM disk, or a loop
// device without a file.
func (c *collection) unused(name string) bool {
	if strings.HasPrefix(name, "ram") {
		return true
	}
	if c.Sys == "" {
		return false
	}
	sectors, err := os.ReadFile(filepath.Join(c.Sys, "class/block", strings.ReplaceAll(name, "/", "!"), "size"))
	return err == nil && string(sectors) == "0\n"
}

func (c *collection) fileSystems() *Node {
	nodes := make([]*Node, 0, len(c.Mounts))
	for _, path := range c.Mounts {
		u, err := statfs(path)
		if err != nil {
			if !absent(err) {
				c.fail(fmt.Errorf("statfs %s: %w", path, err))
			}
			continue
		}
		nodes = append(nodes, u.node(path))
	}
	return branch("filesystem", nodes...)
}

// node tells of inodes where the file system has a fixed number of them.
func (u usage) node(path string) *Node {
	var inodes *Node
	if u.files > 0 {
		inodes = branch("inodes",
			count("total", u.files), count("used", u.files-min(u.files, u.unused)), count("free", u.unused))
	}
	return branch(text([]byte(path)),
		size("total", u.total), size("used", u.total-min(u.total, u.free)),
		size("free", u.free), size("available", u.available), inodes)
}
