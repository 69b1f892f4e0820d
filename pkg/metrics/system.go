package metrics

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
)

// memory is what is taken of /proc/meminfo, in bytes.
type memory struct{ total, free, available uint64 }

// parseMeminfo parses /proc/meminfo (proc_meminfo(5)).
func parseMeminfo(b []byte) (memory, error) {
	var m memory
	found := 0
	for line := range bytes.Lines(b) {
		key, value, _ := bytes.Cut(line, []byte{':'})
		var field *uint64
		switch string(key) {
		case "MemTotal":
			field = &m.total
		case "MemFree":
			field = &m.free
		case "MemAvailable":
			field = &m.available
		default:
			continue
		}
		n, err := parseKiB(value)
		if err != nil {
			return memory{}, fmt.Errorf("%s: %w", key, err)
		}
		*field = n
		found++
	}
	if found != 3 {
		return memory{}, errors.New("not one each of MemTotal, MemFree and MemAvailable")
	}
	return m, nil
}

// node counts as used what could not be given to a process that asks: caches
// do not count.
func (m memory) node() *Node {
	return branch("memory",
		size("total", m.total), size("used", m.total-min(m.total, m.available)), size("free", m.free))
}

// parseUptime parses the first number of /proc/uptime, seconds with two
// decimals, to ticks.
func parseUptime(b []byte) (uint64, error) {
	first, _ := cutField(b)
	whole, part, ok := bytes.Cut(first, []byte{'.'})
	if !ok || len(part) != 2 {
		return 0, fmt.Errorf("%q: no seconds with two decimals", first)
	}
	n, err := strconv.ParseUint(string(whole), 10, 56)
	if err != nil {
		return 0, err
	}
	hundredths, err := strconv.ParseUint(string(part), 10, 8)
	if err != nil {
		return 0, err
	}
	return n*ticks + hundredths, nil
}

// system has the memory, and counted, how many processes there are.
func (c *collection) system(counted *Node) *Node {
	m, ok := parsed(c, c.Proc, "meminfo", parseMeminfo)
	if !ok {
		return branch("system", counted)
	}
	return branch("system", m.node(), counted)
}
