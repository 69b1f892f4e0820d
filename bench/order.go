package main

import (
	"bytes"
	"context"
	"debug/elf"
	"debug/gosym"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/kguest/kguest/bench/rig"
)

// order returns the functions that kguest's program calls as it boots and while
// the workload runs, by name, as they are first called: on the kernel of m's rig,
// on that of builtIn, and then what answers a host.
func (m *measurer) order(ctx context.Context, builtIn rig.Rig, dir string) ([]string, error) {
	in, err := builtIn.In(ctx, dir)
	if err != nil {
		return nil, err
	}
	b := measurer{rig: in, progress: m.progress}
	idle := rig.Guest{Arguments: []string{"idle", "60"}}
	channel := rig.Guest{Arguments: []string{"channel"}}
	var names []string
	for _, step := range []struct {
		on    *measurer
		init  string
		guest rig.Guest
		o     rig.Options
	}{
		{m, rig.Kguest, rig.Guest{}, rig.Options{}},
		{&b, rig.Kguest, rig.Guest{}, rig.Options{}},
		{m, rig.Rescue, rig.Guest{}, rig.Options{}},
		{m, rig.Kguest, idle, rig.Options{Sleeps: true}},
		{m, rig.Kguest, channel, rig.Options{IDM: ping()}},
	} {
		called, err := step.on.called(ctx, step.init, step.guest, step.o)
		if err != nil {
			return nil, err
		}
		names = append(names, called...)
	}
	return unique(names), nil
}

// unique leaves of each name the first.
func unique(names []string) []string {
	seen := make(map[string]bool, len(names))
	return slices.DeleteFunc(names, func(name string) bool {
		again := seen[name]
		seen[name] = true
		return again
	})
}

// called returns the functions of process 1 that a boot calls.
func (m *measurer) called(ctx context.Context, init string, g rig.Guest, o rig.Options) ([]string, error) {
	archive, err := m.rig.Archive(ctx, init, "-keep-tracebacks")
	if err != nil {
		return nil, err
	}
	functions, err := functionsOf(ctx, archive)
	if err != nil {
		return nil, fmt.Errorf("read functions of /init of %s: %w", filepath.Base(archive), err)
	}
	if o.Config, err = m.rig.Config(ctx, g); err != nil {
		return nil, err
	}
	o.Code = true
	m.say("booting %s", strings.Join(append([]string{init}, g.Arguments...), " "))
	b, err := m.rig.Boot(ctx, archive, o)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, at := range b.Code {
		if f := functions.PCToFunc(at); f != nil {
			names = append(names, f.Name)
		}
	}
	return names, nil
}

// functionsOf returns the table of functions of the archive's /init.
func functionsOf(ctx context.Context, archive string) (*gosym.Table, error) {
	program, err := initOf(ctx, archive)
	if err != nil {
		return nil, err
	}
	f, err := elf.NewFile(bytes.NewReader(program))
	if err != nil {
		return nil, err
	}
	text, table := f.Section(".text"), f.Section(".gopclntab")
	if text == nil || table == nil {
		return nil, errors.New("it has no .text or no .gopclntab")
	}
	data, err := table.Data()
	if err != nil {
		return nil, err
	}
	return gosym.NewTable(nil, gosym.NewLineTable(data, text.Addr))
}
