package multicall

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"golang.org/x/mod/module"
)

// The names of an image's programs.
const (
	OwnProgram   = "kguest" // has kguest's commands, kinit among them
	OtherProgram = "bb"     // has all others
)

// Set is the programs of one image: that of kguest's commands, that of the
// others where there are any, and one for each module apart.
type Set []*Program

// Resolve finds the commands asked for, as Source.Resolve does. For a program
// without a change since it was kept it runs no go command. The set is to be
// closed.
func (m Maker) Resolve(ctx context.Context, arch string, asks []Ask) (Set, error) {
	var err error
	if m.Dir, err = filepath.Abs(m.Dir); err != nil {
		return nil, fmt.Errorf("find working directory: %w", err)
	}
	if m.Cache != "" {
		if m.Cache, err = filepath.Abs(m.Cache); err != nil {
			return nil, fmt.Errorf("find working directory: %w", err)
		}
	}
	groups, err := split(asks)
	if err != nil {
		return nil, err
	}
	var s Set
	for _, g := range groups {
		s = append(s, m.newProgram(ctx, arch, g))
	}
	err = s.resolve(ctx, m.Dir)
	if err == nil {
		_, err = unique(s.all())
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// group is what goes into one program.
type group struct {
	name  string // of the program
	apart ModuleDir
	asks  []Ask
}

// split parts the asks for kguest's own commands from the others, and those
// from the ones of each module apart.
func split(asks []Ask) ([]group, error) {
	own, others := group{name: OwnProgram}, group{name: OtherProgram}
	apart := make(map[string]*group) // by the module's path
	for _, ask := range asks {
		switch g := apart[ask.Apart.Path]; {
		case isOwn(ask.Name):
			own.asks = append(own.asks, ask)
		case ask.Apart == ModuleDir{}:
			others.asks = append(others.asks, ask)
		case g == nil:
			apart[ask.Apart.Path] = &group{apart: ask.Apart, asks: []Ask{ask}}
		case g.apart != ask.Apart:
			return nil, fmt.Errorf("%s: module %s is in two folders, %s and %s; give commands of one", ask.From, ask.Apart.Path, g.apart.Dir, ask.Apart.Dir)
		default:
			g.asks = append(g.asks, ask)
		}
	}
	var all []group
	for _, g := range []group{own, others} {
		if len(g.asks) > 0 {
			all = append(all, g)
		}
	}
	taken := make(map[string]int)
	for _, path := range slices.Sorted(maps.Keys(apart)) {
		g := apart[path]
		g.name = nameApart(path)
		if taken[g.name]++; taken[g.name] > 1 {
			g.name += fmt.Sprintf("-%d", taken[g.name])
		}
		all = append(all, *g)
	}
	return all, nil
}

// nameApart names the program of the module path: the place where that is says
// nothing of the image.
func nameApart(path string) string {
	if prefix, _, ok := module.SplitPathVersion(path); ok {
		path = prefix
	}
	return OtherProgram + "-" + filepath.Base(path)
}

// isOwn reports a command of the first process's program, by name or import path.
func isOwn(name string) bool {
	bareName, byPath := strings.CutPrefix(name, Module+"/cmds/")
	return bareName != OwnShell && (byPath || slices.Contains(allOwn(), name))
}

// resolve finds the commands of the programs that were not kept, for a builder
// that runs in the folder wd.
func (s Set) resolve(ctx context.Context, wd string) error {
	find := sync.OnceValues(func() (Source, error) { return Find(ctx, wd) })
	return s.each(func(p *Program) error {
		if p.Kept() {
			return nil
		}
		look := find
		if p.apart {
			look = func() (Source, error) { return within(ctx, p.maker.Dir) }
		}
		src, err := look()
		if cannotMake(err) && p.restoreLast() {
			return nil
		}
		if err != nil {
			return err
		}
		return p.resolve(ctx, src)
	})
}

// each calls do for all programs at once and returns the first one's error.
func (s Set) each(do func(p *Program) error) error {
	errs := make([]error, len(s))
	var wg sync.WaitGroup
	for i, p := range s {
		wg.Go(func() { errs[i] = do(p) })
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func (s Set) all() []Command {
	var list []Command
	for _, p := range s {
		list = append(list, p.Commands...)
	}
	return list
}

// Commands returns the commands of all programs, sorted by name.
func (s Set) Commands() []Command {
	list := s.all()
	slices.SortFunc(list, func(a, b Command) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// Uncompiled returns how many commands Build compiles.
func (s Set) Uncompiled() int {
	n := 0
	for _, p := range s {
		if !p.Kept() {
			n += len(p.Commands)
		}
	}
	return n
}

// Close closes the files of the programs that were kept: nothing can be read of
// them any more.
func (s Set) Close() error {
	var errs []error
	for _, p := range s {
		if p.kept != nil {
			errs = append(errs, p.kept.file.Close())
		}
	}
	return errors.Join(errs...)
}

// Warnings are those of the programs.
func (s Set) Warnings() []string {
	var list []string
	for _, p := range s {
		if p.Warning != "" {
			list = append(list, p.Warning)
		}
	}
	return list
}

// Build compiles, at once, the programs that were not kept, in the empty folder
// work.
func (s Set) Build(ctx context.Context, work string) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	err := s.each(func(p *Program) error {
		err := p.build(ctx, filepath.Join(work, p.Name))
		if err != nil {
			cancel(err) // the others would be of no use
		}
		return err
	})
	if err != nil {
		return cmp.Or(context.Cause(ctx), err)
	}
	return nil
}
