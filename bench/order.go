package main

import (
	"bytes"
	"context"
	"debug/elf"
	"debug/gosym"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/kguest/kguest/bench/rig"
	"github.com/kguest/kguest/pkg/idm/client"
)

// order returns the functions that kguest's program calls as it boots and while
// the workload runs, by name, as they are first called: on the kernel of m's rig,
// on that of builtIn, then those that give its output on and tell how it ended, as
// `mkinitramfs boot` wants it, and those that answer a host.
// What was in the order before and still is a function stays, at the end: some are
// called in a boot that another timing or processor has.
func (m *measurer) order(ctx context.Context, builtIn rig.Rig, dir string, before []string) ([]string, error) {
	in, err := builtIn.In(ctx, dir)
	if err != nil {
		return nil, err
	}
	archive, err := m.rig.Archive(ctx, rig.Kguest, "-keep-tracebacks")
	if err != nil {
		return nil, err
	}
	bare, err := m.rig.Bare(ctx)
	if err != nil {
		return nil, err
	}
	b := measurer{rig: in, progress: m.progress}
	idle := rig.Guest{Arguments: []string{"idle", "60"}}
	channel := rig.Guest{Arguments: []string{"channel"}}
	exit := rig.Guest{Arguments: []string{"exit"}}
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
		{m, rig.Kguest, exit, rig.Options{IDM: questions(ctx), Output: true}},
		{m, rig.Kguest, exit, rig.Options{IDM: questions(ctx), Output: true, Image: bare}},
		{m, rig.Kguest, channel, rig.Options{IDM: questions(ctx)}},
		{m, rig.Kguest, channel, rig.Options{IDM: ping()}},
	} {
		called, err := step.on.called(ctx, step.init, step.guest, step.o)
		if err != nil {
			return nil, err
		}
		names = append(names, called...)
	}
	functions, err := functionsOf(ctx, archive)
	if err != nil {
		return nil, err
	}
	for _, name := range before {
		if functions.LookupFunc(name) != nil {
			names = append(names, name)
		}
	}
	return unique(names), nil
}

// questions are what a host asks: those of `mkinitramfs boot` and metrics.
func questions(ctx context.Context) []byte {
	said := &unanswered{closed: make(chan struct{})}
	c := client.New(ctx, said, client.Config{})
	defer c.Close() //nolint:errcheck // nothing is lost with it
	for _, ask := range []func(context.Context) error{
		c.Hello,
		c.Ping,
		func(ctx context.Context) error { _, err := c.Metrics(ctx); return err },
		func(ctx context.Context) error { _, err := c.BootReport(ctx); return err },
		func(ctx context.Context) error { _, err := c.Watch(ctx); return err },
	} {
		ctx, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
		_ = ask(ctx) // there is no answer
		cancel()
	}
	return said.bytes()
}

// unanswered is a connection that keeps what is said.
type unanswered struct {
	mu     sync.Mutex
	said   bytes.Buffer
	closed chan struct{}
}

func (u *unanswered) bytes() []byte {
	u.mu.Lock()
	defer u.mu.Unlock()
	return bytes.Clone(u.said.Bytes())
}

// Write implements io.Writer.
func (u *unanswered) Write(b []byte) (int, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.said.Write(b)
}

// Read implements io.Reader.
func (u *unanswered) Read([]byte) (int, error) {
	<-u.closed
	return 0, io.EOF
}

// Close implements io.Closer.
func (u *unanswered) Close() error {
	close(u.closed)
	return nil
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
