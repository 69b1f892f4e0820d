package modules

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kguest/kguest/pkg/nearest"
)

// Ask is one entry of a list of modules. Dashes and underscores are the same.
type Ask struct {
	// Name is a module's name, a pattern of names (virtio_*), an alias
	// (fs-overlay, pci:v00001AF4d00001000...), or any of the first two after
	// a minus: what other entries bring of these is left out.
	Name     string
	From     string // where it was asked: "-modules", "-vmm qemu"
	Optional bool   // left out where the kernel has none
	Preset   bool   // nobody named it: an entry with a minus may leave it out
}

// leaves returns the entries with a minus, as a map from the module left out
// to the entry.
func (x *Index) leaves(asks []Ask) (map[string]string, error) {
	left := make(map[string]string)
	for _, ask := range asks {
		pattern, ok := strings.CutPrefix(ask.Name, "-")
		if !ok {
			continue
		}
		names := x.named(pattern)
		if len(names) == 0 {
			return nil, x.missing(Ask{Name: pattern, From: ask.From + ": " + ask.Name})
		}
		for _, name := range names {
			left[name] = ask.Name
		}
	}
	return left, nil
}

// Brings reports whether an entry names the module, or has a pattern for it,
// and none leaves it out.
func Brings(asks []Ask, module string) bool {
	brought := false
	for _, ask := range asks {
		pattern, left := strings.CutPrefix(ask.Name, "-")
		if !match(foldAlias(pattern), fold(module)) {
			continue
		}
		if left {
			return false
		}
		brought = true
	}
	return brought
}

// named returns the modules whose names the pattern matches, built in or not,
// sorted.
func (x *Index) named(pattern string) []string {
	pattern = foldAlias(pattern)
	if !strings.ContainsAny(pattern, wild) {
		if x.has(pattern) {
			return []string{pattern}
		}
		return nil
	}
	return slices.DeleteFunc(x.names(), func(name string) bool { return !match(pattern, name) })
}

// meaning is the modules that an entry stands for.
type meaning struct {
	names   []string // built in or not
	brought bool     // by a pattern, an alias or a preset, not by name
}

// expand returns what the entry, one without a minus, stands for in this
// kernel; nothing for an optional one that it has not.
func (r *resolver) expand(ask Ask) (meaning, error) {
	name := foldAlias(ask.Name)
	own, builtin := aliasTable{modules: r.mp.aliases}.find(r.x, func(p string) bool { return match(p, name) })
	if names := slices.Concat(own, builtin); len(names) > 0 {
		return meaning{names, true}, nil
	}
	if r.x.has(name) {
		return meaning{[]string{name}, ask.Preset}, nil
	}
	names := r.x.named(name)
	if len(names) == 0 {
		var err error
		if names, err = r.aliasNames(name); err != nil {
			return meaning{}, err
		}
	}
	allowed := slices.DeleteFunc(slices.Clone(names), r.blacklisted)
	switch {
	case len(allowed) > 0:
		return meaning{allowed, true}, nil
	case len(names) > 0:
		return meaning{}, fmt.Errorf("%s: %s is module %s alone, which %s blacklists; ask for it by its name, or leave it out",
			ask.From, ask.Name, names[0], r.mp.blacklist[names[0]])
	case ask.Optional:
		return meaning{}, nil
	}
	return meaning{}, r.x.missing(ask)
}

func (r *resolver) blacklisted(name string) bool {
	_, ok := r.mp.blacklist[name]
	return ok
}

// aliasNames returns the modules that have the alias name or, where that is a
// pattern, an alias that it matches.
func (r *resolver) aliasNames(name string) ([]string, error) {
	table, err := r.x.aliases()
	if err != nil {
		return nil, err
	}
	loadable, builtin := table.find(r.x, func(pattern string) bool { return match(pattern, name) })
	if len(loadable)+len(builtin) == 0 && strings.ContainsAny(name, wild) {
		loadable, builtin = table.find(r.x, func(pattern string) bool { return match(name, pattern) })
	}
	return append(loadable, builtin...), nil
}

// missing is the error of an entry that this kernel has nothing for.
func (x *Index) missing(ask Ask) error {
	what := "module"
	if strings.ContainsAny(ask.Name, wild) {
		what = "module or alias like"
	} else if strings.Contains(ask.Name, ":") {
		what = "module with the alias"
	}
	remedy := x.nearest(ask.Name)
	if remedy == "" {
		remedy = "; leave it out, or give the modules folder of a kernel that has it"
	}
	err := fmt.Errorf("%s: kernel %s has no %s %s, neither in %s nor built in%s", ask.From, x.Version, what, ask.Name, x.Dir, remedy)
	if x.builtin == nil {
		return fmt.Errorf("%w (there is no modules.builtin: where the kernel has it built in, use -modules none)", err)
	}
	return err
}

// nearest returns a hint at the name, or for a pattern at the pattern, that
// has modules.
func (x *Index) nearest(want string) string {
	names := x.names()
	if table, err := x.aliases(); err == nil {
		for _, a := range table.modules {
			if !strings.ContainsAny(a.pattern, wild) {
				names = append(names, a.pattern)
			}
		}
	}
	i := strings.IndexAny(want, wild)
	if i < 0 {
		return nearest.Hint(want, names)
	}
	var starts []string
	for _, name := range names {
		if len(name) >= i {
			starts = append(starts, name[:i])
		}
	}
	if near := nearest.Name(want[:i], starts); near != "" && len(x.named(near+want[i:])) > 0 {
		return fmt.Sprintf("; did you mean %q?", near+want[i:])
	}
	return ""
}
