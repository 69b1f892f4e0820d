package modules

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// maxDepth bounds a chain of dependencies; real ones are some ten long.
const maxDepth = 256

// Module is one module to be loaded.
type Module struct {
	Name   string
	Path   string   // below the modules folder, with its suffix
	Params string   // "a=1 b=2"
	Reason string   // who asked, and for which module where it is a dependency
	SoftOf []string // names of the modules that it is a soft dependency of
	Asked  bool     // it was asked for; others are only needed
	Named  bool     // somebody asked for it, and not only a preset
}

// Plan is what a kernel needs for what was asked.
type Plan struct {
	Modules []Module // in load order
	Builtin []string // asked for, and in the kernel itself
	Missing []string // asked for as optional, and nowhere
}

// Resolve returns the modules asked for with all that they need, in load
// order. What is built in is not loaded. mp, which may be nil, has options and
// dependencies that the kernel's own files do not.
func (x *Index) Resolve(asks []Ask, mp *Modprobe) (Plan, error) {
	if mp == nil {
		mp = new(Modprobe)
	}
	left, err := x.leaves(asks)
	if err != nil {
		return Plan{}, err
	}
	r := resolver{
		x: x, mp: mp, left: left, state: make(map[string]state), softOf: make(map[string][]string),
		asked: make(map[string]bool), named: make(map[string]bool),
	}
	for _, ask := range asks {
		if strings.HasPrefix(ask.Name, "-") {
			continue
		}
		if err := r.take(ask); err != nil {
			return Plan{}, err
		}
	}
	if err := r.checkInstalls(); err != nil {
		return Plan{}, err
	}
	for i := range r.plan.Modules {
		m := &r.plan.Modules[i]
		m.SoftOf, m.Asked, m.Named = r.softOf[m.Name], r.asked[m.Name], r.named[m.Name]
	}
	return r.plan, nil
}

// take adds what the entry stands for.
func (r *resolver) take(ask Ask) error {
	m, err := r.expand(ask)
	if err != nil {
		return err
	}
	if len(m.names) == 0 {
		r.plan.Missing = appendNew(r.plan.Missing, fold(ask.Name))
	}
	for _, name := range m.names {
		minus, left := r.left[name]
		switch {
		case left && m.brought:
			continue
		case left:
			return fmt.Errorf("%s: %s is asked for and left out (%s); say one of the two", ask.From, ask.Name, minus)
		case !r.x.loadable(name):
			r.plan.Builtin = appendNew(r.plan.Builtin, name)
			continue
		}
		r.asked[name], r.named[name] = true, r.named[name] || !ask.Preset
		if err := r.load(name, ask.From); err != nil {
			return fmt.Errorf("%s: %w", ask.From, err)
		}
	}
	return nil
}

func appendNew(list []string, name string) []string {
	if slices.Contains(list, name) {
		return list
	}
	return append(list, name)
}

type state int

const (
	unseen state = iota
	visiting
	done
)

// resolver walks the dependencies depth first.
type resolver struct {
	x     *Index
	mp    *Modprobe
	left  map[string]string // modules left out, and the entry that says so
	plan  Plan
	state map[string]state
	stack []string // the modules being visited, outermost first
	later []soft   // to be visited when the stack is empty

	softOf map[string][]string // by a module, those that it is a soft dependency of
	asked  map[string]bool
	named  map[string]bool // of asked, those that not only presets ask for
}

// soft is a module to load if that can be, and why.
type soft struct{ name, reason string }

// load adds the module with all that it needs.
func (r *resolver) load(name, reason string) error {
	if err := r.visit(name, reason); err != nil {
		return err
	}
	for len(r.later) > 0 {
		s := r.later[0]
		r.later = r.later[1:]
		if err := r.visit(s.name, s.reason); err != nil {
			return err
		}
	}
	return nil
}

// visit adds what the module needs and then the module itself.
func (r *resolver) visit(name, reason string) error {
	switch r.state[name] {
	case done:
		return nil
	case visiting:
		from := slices.Index(r.stack, name)
		return fmt.Errorf("modules need each other in a circle: %s", strings.Join(append(r.stack[from:], name), ", "))
	case unseen:
	}
	if len(r.stack) >= maxDepth {
		return fmt.Errorf("modules need each other in a chain of more than %d, from %s on", maxDepth, r.stack[0])
	}
	r.state[name] = visiting
	r.stack = append(r.stack, name)
	s := r.x.softdeps(name).and(r.mp.softdeps(name))
	if err := r.visitNeeds(name, reason, s); err != nil {
		return err
	}
	r.stack = r.stack[:len(r.stack)-1]
	r.state[name] = done
	r.plan.Modules = append(r.plan.Modules, Module{Name: name, Path: r.x.deps[name].path, Params: r.mp.params(name), Reason: reason})
	return r.visitSoft(s.post, name, reason)
}

// visitNeeds adds what must be loaded before the module. modules.dep has the
// first to be loaded last. Weak dependencies are what the kernel would ask
// modprobe for, which the guest has not: they are loaded.
func (r *resolver) visitNeeds(name, reason string, s softdep) error {
	if err := r.visitSoft(append(s.pre, s.weak...), name, reason); err != nil {
		return err
	}
	for _, need := range slices.Backward(r.x.deps[name].needs) {
		if minus, ok := r.left[need]; ok {
			return fmt.Errorf("module %s needs %s, which %s leaves out; leave out neither or %s too", name, need, minus, name)
		}
		if err := r.visit(need, neededBy(reason, name)); err != nil {
			return err
		}
	}
	return nil
}

// visitSoft adds the soft dependencies that the kernel has and nobody leaves
// out. One that needs a module which is being visited comes after that.
func (r *resolver) visitSoft(names []string, of, reason string) error {
	for _, wanted := range names {
		providers, err := r.providers(wanted)
		if err != nil {
			return err
		}
		for _, name := range providers {
			r.softOf[name] = appendNew(r.softOf[name], of)
			s := soft{name, neededBy(reason, of)}
			switch needs := r.needs(name); {
			case slices.ContainsFunc(needs, r.isLeft), r.state[name] != unseen:
			case slices.ContainsFunc(needs, r.isVisiting):
				r.later = append(r.later, s)
			default:
				if err := r.visit(s.name, s.reason); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (r *resolver) isLeft(name string) bool     { return r.left[name] != "" }
func (r *resolver) isVisiting(name string) bool { return r.state[name] == visiting }

// needs returns the module and all that it needs.
func (r *resolver) needs(name string) []string {
	seen := map[string]bool{name: true}
	todo := []string{name}
	for len(todo) > 0 {
		next := todo[0]
		todo = todo[1:]
		for _, need := range r.x.deps[next].needs {
			if !seen[need] {
				seen[need] = true
				todo = append(todo, need)
			}
		}
	}
	return slices.Sorted(maps.Keys(seen))
}

func neededBy(reason, name string) string {
	ask, _, _ := strings.Cut(reason, ", needed by ")
	return ask + ", needed by " + name
}

func (x *Index) softdeps(name string) softdep {
	return x.soft[name].and(softdep{weak: x.weak[name]})
}

// providers returns the modules to be loaded for a soft dependency, which is a
// module's name or an alias such as crc32c. Of several with that alias the
// generic one is taken: it loads on every machine.
func (r *resolver) providers(wanted string) ([]string, error) {
	if r.x.loadable(wanted) {
		return []string{wanted}, nil
	}
	if r.x.builtin[wanted] {
		return nil, nil
	}
	table, err := r.x.aliases()
	if err != nil {
		return nil, err
	}
	names, builtin := table.find(r.x, func(pattern string) bool { return match(pattern, wanted) })
	if len(builtin) > 0 {
		return nil, nil
	}
	names = slices.DeleteFunc(names, r.blacklisted)
	for _, name := range names {
		if strings.HasSuffix(name, "_generic") {
			return []string{name}, nil
		}
	}
	return names, nil
}

// checkInstalls refuses a module that modprobe.d would load by a command of
// its own.
func (r *resolver) checkInstalls() error {
	for _, m := range r.plan.Modules {
		if at, ok := r.mp.installs[m.Name]; ok {
			return fmt.Errorf("%s: %s has an install command for module %s, and the guest loads it without; leave the module (-%s) or the line out",
				m.Reason, at, m.Name, m.Name)
		}
	}
	return nil
}
