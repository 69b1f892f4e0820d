package kmod

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/kguest/kguest/pkg/dirnames"
)

// A Loader loads the modules of an image as they are needed. A nil one has no
// modules. It may be used by several goroutines.
type Loader struct {
	sys  string
	load func(Module) error

	mu      sync.Mutex
	modules []candidate // in load order
}

// candidate is a module that may be loaded.
type candidate struct {
	Module
	use
	name  string
	tried bool // to load it: it is there, or cannot be had
}

// Files are where the modules of an image are told, and the kernel's devices.
type Files struct {
	Order string // see ReadOrder
	Uses  string // what each is for; without it all are loaded at once
	Sys   string // mount point of sysfs
}

// Open reads the list of modules. Each is loaded by load: Module.Load, or one
// that prints. Without modules it is nil.
func (f Files) Open(load func(Module) error) (*Loader, error) {
	order, err := ReadOrder(f.Order)
	if err != nil || len(order) == 0 {
		return nil, err
	}
	uses, err := readUses(f.Uses)
	if err != nil {
		return nil, err
	}
	l := &Loader{sys: f.Sys, load: load, modules: make([]candidate, 0, len(order))}
	for _, m := range order {
		name := Name(m.File)
		u, ok := uses[name]
		if !ok || m.Params != "" && u.when != Needed { // who gives parameters wants it
			u.when = Always
		}
		l.modules = append(l.modules, candidate{Module: m, use: u, name: name})
	}
	return l, nil
}

// All loads every module; each error is of one.
func (l *Loader) All() []error {
	return l.some(func(candidate) bool { return true })
}

// Always loads what is loaded on every machine.
func (l *Loader) Always() []error {
	return l.some(func(c candidate) bool { return c.when == Always })
}

// FileSystem loads what a file system of that type needs.
func (l *Loader) FileSystem(fsType string) []error {
	return l.some(func(c candidate) bool { return c.isFileSystem(fsType) })
}

// Has reports a module that a file system of that type needs and that has not been
// loaded yet.
func (l *Loader) Has(fsType string) bool {
	if l == nil {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.ContainsFunc(l.modules, func(c candidate) bool { return !c.tried && c.isFileSystem(fsType) })
}

func (c candidate) isFileSystem(fsType string) bool {
	return c.when == Mount && slices.Contains(c.aliases, "fs-"+fsType)
}

// Devices loads the drivers, as when says Device or Network, of the devices that
// are there, and of those that appear with them.
func (l *Loader) Devices(when When) []error {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	var errs []error
	for {
		present := make(map[string][]string) // device aliases by bus
		began := l.untried()
		errs = append(errs, l.choose(func(c candidate) bool {
			return c.when == when && slices.ContainsFunc(c.aliases, func(pattern string) bool { return l.has(pattern, present) })
		})...)
		if l.untried() == began {
			return errs
		}
	}
}

func (l *Loader) untried() int {
	n := 0
	for _, c := range l.modules {
		if !c.tried {
			n++
		}
	}
	return n
}

// has reports whether a device has an alias of the pattern.
func (l *Loader) has(pattern string, present map[string][]string) bool {
	b := bus(pattern)
	aliases, ok := present[b]
	if !ok {
		aliases = deviceAliases(filepath.Join(l.sys, "bus", b, "devices"))
		present[b] = aliases
	}
	return slices.ContainsFunc(aliases, func(alias string) bool { return matches(pattern, alias) })
}

// deviceAliases returns the aliases of the devices in dir, each once.
func deviceAliases(dir string) []string {
	names, _ := dirnames.Read(dir) // none: no such bus
	var aliases []string
	text := make([]byte, os.Getpagesize()) // as much as sysfs has; os.ReadFile would take it for each, for good
	for _, name := range names {
		n, err := readInto(text, filepath.Join(dir, name, "modalias"))
		if alias := string(bytes.TrimSpace(text[:n])); err == nil && alias != "" && !slices.Contains(aliases, alias) {
			aliases = append(aliases, alias)
		}
	}
	return aliases
}

// some loads the modules that wanted chooses, and what they need.
func (l *Loader) some(wanted func(candidate) bool) []error {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.choose(wanted)
}

// choose is some, with mu held. It loads in load order, which has what a module
// needs before it.
func (l *Loader) choose(wanted func(candidate) bool) []error {
	chosen := make([]bool, len(l.modules))
	for i, c := range l.modules {
		if !c.tried && wanted(c) {
			l.mark(chosen, i)
		}
	}
	var errs []error
	for i := range l.modules {
		if c := &l.modules[i]; chosen[i] && !c.tried {
			c.tried = true
			if err := l.load(c.Module); err != nil {
				errs = append(errs, err)
			}
		}
	}
	return errs
}

// mark chooses module i and all that goes with it.
func (l *Loader) mark(chosen []bool, i int) {
	if chosen[i] {
		return
	}
	chosen[i] = true
	for _, need := range l.modules[i].needs {
		if at := slices.IndexFunc(l.modules, func(c candidate) bool { return c.name == need }); at >= 0 {
			l.mark(chosen, at)
		}
	}
}
