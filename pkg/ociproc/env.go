package ociproc

import (
	"slices"
	"strings"
)

// The values that are given where neither the image nor the host has any. TERM
// is the original init's: the consoles are serial lines.
const (
	defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
	defaultTerm = "vt100"
)

// env is an environment of which each name is set once.
type env struct {
	list  []string // NAME=value
	index map[string]int
}

// environment is the image's in its order, with the host's values in the places
// of those they replace, and what is new after it by name. KRATA_CONTAINER is
// always ours. Entries that are not NAME=value are left out.
func environment(image []string, host map[string]string, home string) env {
	const most = 4 // of ours
	e := env{
		list:  make([]string, 0, len(image)+len(host)+most),
		index: make(map[string]int, len(image)+len(host)+most),
	}
	for _, entry := range image {
		if name, value, ok := strings.Cut(entry, "="); ok && name != "" {
			e.set(name, value)
		}
	}
	added := make([]string, 0, len(host)+4)
	for name, value := range host {
		if _, ok := e.index[name]; ok {
			e.set(name, value)
		} else {
			added = append(added, name)
		}
	}
	slices.Sort(added)
	for _, name := range added {
		e.set(name, host[name])
	}
	e.setDefault("HOME", home)
	e.set("KRATA_CONTAINER", "1")
	e.setDefault("PATH", defaultPath)
	e.setDefault("TERM", defaultTerm)
	return e
}

func (e *env) set(name, value string) {
	entry := name + "=" + value
	if i, ok := e.index[name]; ok {
		e.list[i] = entry
		return
	}
	e.index[name] = len(e.list)
	e.list = append(e.list, entry)
}

func (e *env) setDefault(name, value string) {
	if _, ok := e.index[name]; !ok {
		e.set(name, value)
	}
}

func (e *env) value(name string) string {
	i, ok := e.index[name]
	if !ok {
		return ""
	}
	return e.list[i][len(name)+1:]
}
