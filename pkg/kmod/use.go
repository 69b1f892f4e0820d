package kmod

import (
	"fmt"
	"strings"

	"github.com/kguest/kguest/pkg/rawfile"
)

// When says what a module is loaded for.
type When string

// The uses. What is not Always is loaded too when a module needs it.
const (
	Always  When = "always"  // at once
	Needed  When = "needed"  // for others alone
	Device  When = "device"  // for a device that has its alias
	Network When = "network" // likewise: the driver of a network device
	Mount   When = "mount"   // for a file system, "fs-TYPE"
)

// use is what a module is for.
type use struct {
	when    When
	needs   []string
	aliases []string
}

// readUses reads the file at path: a line for each module, WHEN, its name, the
// modules that go with it ("a,b", "-" for none) and its aliases, between spaces.
// Without the file nothing is known of any module.
func readUses(path string) (map[string]use, error) {
	data, err := rawfile.ReadIfThere(path, maxList)
	if err != nil || data == nil {
		return nil, err
	}
	uses := make(map[string]use)
	for line := range strings.Lines(string(data)) {
		fields := strings.Fields(line)
		if len(fields) == 0 {
			continue
		}
		if len(fields) < 3 || !When(fields[0]).known() {
			return nil, fmt.Errorf("%s: %.100q: want WHEN MODULE NEEDS [ALIAS...]", path, strings.TrimSpace(line))
		}
		u := use{when: When(fields[0]), aliases: fields[3:]}
		if fields[2] != "-" {
			u.needs = strings.Split(fields[2], ",")
		}
		uses[fields[1]] = u
	}
	return uses, nil
}

func (w When) known() bool {
	switch w {
	case Always, Needed, Device, Network, Mount:
		return true
	}
	return false
}

// bus returns the bus, as /sys/bus has it, on which devices with that alias are.
func bus(alias string) string {
	kind, _, _ := strings.Cut(alias, ":")
	switch kind = strings.TrimRight(kind, "*"); kind {
	case "acpi", "of":
		return "platform"
	}
	return kind
}

// matches reports whether a device's alias is of the pattern: * stands for any
// row of bytes, ? for one, [a-f] for one of those.
func matches(pattern, alias string) bool {
	for len(pattern) > 0 {
		if pattern[0] == '*' {
			for at := range len(alias) + 1 {
				if matches(pattern[1:], alias[at:]) {
					return true
				}
			}
			return false
		}
		if alias == "" {
			return false
		}
		size, ok := matchByte(pattern, alias[0])
		if !ok {
			return false
		}
		pattern, alias = pattern[size:], alias[1:]
	}
	return alias == ""
}

// matchByte matches one byte, and returns the size of what in the pattern stood
// for it.
func matchByte(pattern string, b byte) (size int, ok bool) {
	if pattern[0] == '?' {
		return 1, true
	}
	end := strings.IndexByte(pattern, ']')
	if pattern[0] != '[' || end < 0 {
		return 1, pattern[0] == b
	}
	set := pattern[1:end]
	for len(set) > 0 {
		low, high, step := set[0], set[0], 1
		if len(set) > 2 && set[1] == '-' {
			high, step = set[2], 3
		}
		if low <= b && b <= high {
			return end + 1, true
		}
		set = set[step:]
	}
	return end + 1, false
}
