package modules

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// uses returns what the guest is told of each module: a line of WHEN, its name,
// the modules that go with it, and its aliases, as package kmod reads them.
func (c *collector) uses(aliases map[string][]string) []byte {
	needs := make(map[string][]string)
	for i, m := range c.set.Modules {
		for _, other := range c.set.Modules {
			if slices.Contains(c.set.Files[i].NeededBy, c.x.GuestPath(other)) {
				needs[other.Name] = append(needs[other.Name], m.Name)
			}
		}
	}
	var b bytes.Buffer
	for _, m := range c.set.Modules {
		when, list := use(m, aliases[m.Name])
		together := "-"
		if names := needs[m.Name]; len(names) > 0 {
			together = strings.Join(names, ",")
		}
		fmt.Fprintln(&b, strings.Join(append([]string{when, m.Name, together}, list...), " "))
	}
	return b.Bytes()
}

// use says when a module is loaded, and of its aliases those that tell. What a
// person asked for is loaded on every machine, as is what nothing tells.
func use(m Module, aliases []string) (when string, tell []string) {
	if !m.Asked {
		return "needed", nil
	}
	if m.Named {
		return "always", nil
	}
	var devices, mounts []string
	for _, a := range aliases {
		switch {
		case strings.ContainsAny(a, " \t\n"):
		case strings.HasPrefix(a, "fs-"):
			mounts = append(mounts, a)
		case isDevice(a):
			devices = append(devices, a)
		}
	}
	switch {
	case len(mounts) > 0:
		return "mount", mounts
	case len(devices) == 0:
		return "always", nil
	case strings.HasPrefix(m.Path, "kernel/drivers/net/"):
		return "network", devices
	}
	return "device", devices
}

// isDevice reports an alias that a device of a guest has in its modalias.
func isDevice(alias string) bool {
	kind, _, ok := strings.Cut(alias, ":")
	return ok && slices.Contains([]string{"acpi*", "of", "pci", "platform", "virtio", "xen"}, kind)
}
