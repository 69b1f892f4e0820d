package multicall

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

// The names of an image's programs.
const (
	OwnProgram   = "kguest" // has kguest's commands, kinit among them
	OtherProgram = "bb"     // has all others
)

// Set is the programs of one image: that of kguest's commands, and that of the
// others where there are any.
type Set []*Program

// Resolve finds the commands asked for, as Source.Resolve does. For a program
// without a change since it was kept it runs no go command.
func (m Maker) Resolve(ctx context.Context, arch string, asks []Ask) (Set, error) {
	var err error
	if m.Dir, err = filepath.Abs(m.Dir); err != nil {
		return nil, fmt.Errorf("find working directory: %w", err)
	}
	own, others := split(asks)
	var s Set
	if len(own) > 0 {
		s = append(s, m.newProgram(ctx, OwnProgram, arch, own))
	}
	if len(others) > 0 {
		s = append(s, m.newProgram(ctx, OtherProgram, arch, others))
	}
	if err := s.resolve(ctx, m.Dir); err != nil {
		return nil, err
	}
	if _, err := unique(s.all()); err != nil {
		return nil, err
	}
	return s, nil
}

// split parts the asks for kguest's own commands from the others.
func split(asks []Ask) (own, others []Ask) {
	for _, ask := range asks {
		if slices.Contains(allOwn(), ask.Name) || strings.HasPrefix(ask.Name, Module+"/cmds/") {
			own = append(own, ask)
		} else {
			others = append(others, ask)
		}
	}
	return own, others
}

// resolve finds the commands of the programs that were not kept, for a builder
// that runs in the folder wd.
func (s Set) resolve(ctx context.Context, wd string) error {
	if !slices.ContainsFunc(s, func(p *Program) bool { return !p.Kept() }) {
		return nil
	}
	src, err := Find(ctx, wd)
	if cannotMake(err) && !slices.ContainsFunc(s, func(p *Program) bool { return !p.Kept() && !p.restoreLast() }) {
		return nil
	}
	if err != nil {
		return err
	}
	return s.each(func(p *Program) error {
		if p.Kept() {
			return nil
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
