package metrics

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// cgroup has what the group's controllers count; without memory, pids or io
// controller in the group, those are absent.
func (c *collection) cgroup(disks []disk) *Node {
	if c.Cgroup == "" {
		return nil
	}
	return branch("cgroup", c.cgroupCPU(), c.cgroupMemory(),
		branch("pids", c.limit("pids.current", "current", Integer), c.limit("pids.max", "max", Integer)),
		c.cgroupIO(disks),
		branch("pressure", c.pressure("cpu"), c.pressure("memory"), c.pressure("io")))
}

// limit is the node of a file with one number; without a limit it says max.
func (c *collection) limit(file, name string, format Format) *Node {
	l, ok := parsed(c, c.Cgroup, file, parseLimit)
	switch {
	case !ok:
		return nil
	case l.unlimited:
		return word(name, "max")
	}
	return number(name, float64(l.value), format)
}

func (c *collection) cgroupCPU() *Node {
	stat, _ := parsed(c, c.Cgroup, "cpu.stat", parsePairs)
	return branch("cpu",
		stat.microseconds("usage", "usage_usec"),
		stat.microseconds("user", "user_usec"),
		stat.microseconds("system", "system_usec"),
		stat.microseconds("throttled", "throttled_usec"),
		stat.count("periods", "nr_periods"),
		stat.count("throttled_periods", "nr_throttled"))
}

func (c *collection) cgroupMemory() *Node {
	events, _ := parsed(c, c.Cgroup, "memory.events", parsePairs)
	counts := make([]*Node, 0, len(events))
	for _, event := range events {
		counts = append(counts, count(event.key, event.value))
	}
	return branch("memory",
		c.limit("memory.current", "current", Bytes),
		c.limit("memory.peak", "peak", Bytes), // Linux 5.19
		c.limit("memory.max", "max", Bytes),
		branch("swap",
			c.limit("memory.swap.current", "current", Bytes),
			c.limit("memory.swap.peak", "peak", Bytes), // Linux 6.5
			c.limit("memory.swap.max", "max", Bytes)),
		branch("events", counts...),
		events.count("oom_kills", "oom_kill"))
}

func (p pairs) count(name, key string) *Node {
	if n, ok := p.find(key); ok {
		return count(name, n)
	}
	return nil
}

func (p pairs) microseconds(name, key string) *Node {
	if n, ok := p.find(key); ok {
		return seconds(name, float64(n)/1e6)
	}
	return nil
}

// deviceIO is a row of io.stat. What has no counters yet has no keys.
type deviceIO struct {
	device                  string // MAJOR:MINOR
	counted                 bool
	reads, writes, discards transfer
}

// parseIO parses io.stat. Other keys than its own, such as those of the
// latency and cost controllers, need not be numbers.
func parseIO(b []byte) ([]deviceIO, error) {
	begin := func(device string) deviceIO { return deviceIO{device: device} }
	return parseRows(b, begin, func(row *deviceIO, key, value string) error {
		var field *uint64
		switch key {
		case "rbytes":
			field = &row.reads.bytes
		case "rios":
			field = &row.reads.operations
		case "wbytes":
			field = &row.writes.bytes
		case "wios":
			field = &row.writes.operations
		case "dbytes":
			field = &row.discards.bytes
		case "dios":
			field = &row.discards.operations
		default:
			return nil
		}
		row.counted = true
		var err error
		*field, err = strconv.ParseUint(value, 10, 64)
		return err
	})
}

// cgroupIO names the devices as disks does. A device that has no number (the
// kernel writes "(unknown)", for several) is left out.
func (c *collection) cgroupIO(disks []disk) *Node {
	rows, _ := parsed(c, c.Cgroup, "io.stat", parseIO)
	nodes := make([]*Node, 0, len(rows))
	for _, row := range rows {
		if !row.counted || !strings.Contains(row.device, ":") {
			continue
		}
		name := text([]byte(row.device))
		for _, d := range disks {
			if d.device == row.device {
				name = d.name
			}
		}
		nodes = append(nodes, branch(name, row.reads.node("reads"), row.writes.node("writes"), row.discards.node("discards")))
	}
	return branch("io", nodes...)
}

// stall is a row of a pressure file (the kernel's
// Documentation/accounting/psi.rst): percent of the time, and seconds.
type stall struct {
	name                 string // some or full
	avg10, avg60, avg300 float64
	total                float64
}

func parsePressure(b []byte) ([]stall, error) {
	begin := func(name string) stall { return stall{name: name} }
	return parseRows(b, begin, func(row *stall, key, value string) error {
		n, err := strconv.ParseFloat(value, 64)
		if err != nil || math.IsNaN(n) || math.IsInf(n, 0) || n < 0 {
			return fmt.Errorf("%q: not a number of 0 or more", value)
		}
		switch key {
		case "avg10":
			row.avg10 = n
		case "avg60":
			row.avg60 = n
		case "avg300":
			row.avg300 = n
		case "total": // in microseconds
			row.total = n / 1e6
		}
		return nil
	})
}

// pressure is how long tasks of the group waited for a resource: some of them,
// or all at once.
func (c *collection) pressure(resource string) *Node {
	rows, _ := parsed(c, c.Cgroup, resource+".pressure", parsePressure)
	nodes := make([]*Node, 0, len(rows))
	for _, row := range rows {
		nodes = append(nodes, branch(text([]byte(row.name)),
			number("avg10", row.avg10, Unknown),
			number("avg60", row.avg60, Unknown),
			number("avg300", row.avg300, Unknown),
			seconds("total", row.total)))
	}
	return branch(resource, nodes...)
}
