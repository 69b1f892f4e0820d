package modules

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kguest/kguest/initramfs/nearest"
)

// maxDepth bounds a chain of dependencies; real ones are some ten long.
const maxDepth = 256

// Ask is one module that somebody asked for.
type Ask struct {
	Name     string // dashes and underscores are the same
	From     string // where it was asked: "-modules", "-vmm qemu"
	Optional bool   // left out where the kernel has none
}

// Module is one module to be loaded.
type Module struct {
	Name   string
	Path   string // below the modules folder, with its suffix
	Reason string // who asked, and for which module where it is a dependency
}

// Plan is what a kernel needs for what was asked.
type Plan struct {
	Modules []Module // in load order
	Builtin []string // asked for, and in the kernel itself
	Missing []string // asked for as optional, and nowhere
}

// Resolve returns the modules asked for with all that they need, in load
// order. What is built in is not loaded.
func (x *Index) Resolve(asks []Ask) (Plan, error) {
	r := resolver{x: x, state: make(map[string]state)}
	for _, ask := range asks {
		name := fold(ask.Name)
		_, loadable := x.deps[name]
		switch {
		case loadable:
			if err := r.visit(name, ask.From); err != nil {
				return Plan{}, fmt.Errorf("%s: %w", ask.From, err)
			}
		case x.builtin[name]:
			r.plan.Builtin = appendNew(r.plan.Builtin, name)
		case ask.Optional:
			r.plan.Missing = appendNew(r.plan.Missing, name)
		default:
			return Plan{}, x.missing(ask)
		}
	}
	return r.plan, nil
}

func appendNew(list []string, name string) []string {
	if slices.Contains(list, name) {
		return list
	}
	return append(list, name)
}

func (x *Index) missing(ask Ask) error {
	remedy := nearest.Hint(ask.Name, x.names())
	if remedy == "" {
		remedy = "; leave it out, or give the modules folder of a kernel that has it"
	}
	err := fmt.Errorf("%s: kernel %s has no module %s, neither in %s nor built in%s", ask.From, x.Version, ask.Name, x.Dir, remedy)
	if x.builtin == nil {
		return fmt.Errorf("%w (there is no modules.builtin: where the kernel has it built in, use -modules none)", err)
	}
	return err
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
	plan  Plan
	state map[string]state
	stack []string // the modules being visited, outermost first
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
	if err := r.visitNeeds(name, reason); err != nil {
		return err
	}
	r.stack = r.stack[:len(r.stack)-1]
	r.state[name] = done
	r.plan.Modules = append(r.plan.Modules, Module{Name: name, Path: r.x.deps[name].path, Reason: reason})
	return r.visitSoft(r.x.soft[name].post, name, reason)
}

// visitNeeds adds what must be loaded before the module. modules.dep has the
// first to be loaded last.
func (r *resolver) visitNeeds(name, reason string) error {
	if err := r.visitSoft(r.x.soft[name].pre, name, reason); err != nil {
		return err
	}
	for _, need := range slices.Backward(r.x.deps[name].needs) {
		if err := r.visit(need, neededBy(reason, name)); err != nil {
			return err
		}
	}
	return nil
}

// visitSoft adds the soft dependencies that the kernel has. One that is being
// visited already is a circle that the kernel copes with.
func (r *resolver) visitSoft(names []string, of, reason string) error {
	for _, soft := range names {
		for _, name := range r.x.providers(soft) {
			if r.state[name] == visiting {
				continue
			}
			if err := r.visit(name, neededBy(reason, of)); err != nil {
				return err
			}
		}
	}
	return nil
}

func neededBy(reason, name string) string {
	ask, _, _ := strings.Cut(reason, ", needed by ")
	return ask + ", needed by " + name
}

// providers returns the modules to be loaded for a soft dependency, which is a
// module's name or an alias such as crc32c. Of several with that alias the
// generic one is taken: it loads on every machine.
func (x *Index) providers(soft string) []string {
	if _, ok := x.deps[soft]; ok {
		return []string{soft}
	}
	if x.builtin[soft] || x.builtinAlias[soft] {
		return nil
	}
	var have []string
	for _, name := range x.alias[soft] {
		if x.builtin[name] || strings.HasSuffix(name, "_generic") && x.has(name) {
			return x.only(name)
		}
		if x.has(name) {
			have = appendNew(have, name)
		}
	}
	return have
}

func (x *Index) has(name string) bool {
	_, ok := x.deps[name]
	return ok
}

// only returns the loadable module of that name, or nothing.
func (x *Index) only(name string) []string {
	if x.has(name) {
		return []string{name}
	}
	return nil
}
