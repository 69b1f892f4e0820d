package multicall

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/kguest/kguest/initramfs/pclntab"
)

// Maker makes programs. Where it has a folder to keep them in, a program is
// compiled again only when something that it was made of has changed.
type Maker struct {
	Dir   string // folder whose module the commands are looked up in; the working directory where empty
	Cache string // folder that programs are kept in, made where missing; empty keeps none
	// KeepTracebacks leaves in kguest's own program what a traceback prints of
	// other functions than kguest's, and of files and lines.
	KeepTracebacks bool
}

// Program is a multicall program, to be compiled unless it was kept.
type Program struct {
	Name     string    // of its file: OwnProgram, OtherProgram, or OtherProgram-MODULE
	Commands []Command // sorted by name
	Warning  string    // what is not as it should be, though the program works; known once it is compiled

	arch  string
	apart bool // of a module apart, which maker.Dir is the folder of
	asks  []Ask
	kept  *keptProgram // nil where it was not kept
	data  []byte       // of one that was not, nil until it is compiled
	maker Maker
	key   string // of the kept program, empty to keep none
	src   Source
	found resolved
	start time.Time // before anything of it was read
}

// newProgram returns the program of g, which has its commands where it was
// kept.
func (m Maker) newProgram(ctx context.Context, arch string, g group) *Program {
	p := &Program{Name: g.name, arch: arch, asks: g.asks, maker: m, start: time.Now()}
	if g.apart != (ModuleDir{}) {
		p.apart, p.maker.Dir = true, g.apart.Dir
	}
	if m.Cache != "" {
		p.key = p.maker.key(ctx, g.name, arch, g.asks)
	}
	if p.key != "" {
		p.restore()
	}
	return p
}

// resolve finds the commands.
func (p *Program) resolve(ctx context.Context, s Source) (err error) {
	p.src = s
	p.src.cache = p.maker.Cache
	if p.found, err = s.resolve(ctx, p.arch, p.asks); err != nil {
		return err
	}
	p.Commands = p.found.cmds
	return nil
}

// Kept reports whether the program need not be compiled.
func (p *Program) Kept() bool { return p.kept != nil }

// Open returns a reader of the program, which has size bytes: none until it is
// compiled.
func (p *Program) Open() (r io.ReadCloser, size int64, err error) {
	if p.kept != nil {
		return p.kept.open(), p.kept.body.Size(), nil
	}
	return io.NopCloser(bytes.NewReader(p.data)), int64(len(p.data)), nil
}

// SHA256 returns the digest of what Open reads in hexadecimal, or nothing where
// it is not known.
func (p *Program) SHA256() string {
	if p.kept == nil {
		return ""
	}
	return p.kept.sha256
}

// build compiles the program, unless it was kept, in the folder work, which it
// makes.
func (p *Program) build(ctx context.Context, work string) error {
	if p.Kept() {
		return nil
	}
	if err := os.Mkdir(work, 0o700); err != nil {
		return fmt.Errorf("make work folder: %w", err)
	}
	var before watch
	if p.key != "" {
		before = p.src.watch(p.maker.Dir, p.found)
	}
	file, warning, err := p.src.Build(ctx, work, p.Name, p.arch, p.Commands)
	if err != nil {
		return err
	}
	p.Warning = warning
	if p.data, err = os.ReadFile(file); err != nil {
		return fmt.Errorf("read program: %w", err)
	}
	if p.data, err = p.cut(p.data); err != nil {
		return err
	}
	if p.key != "" && p.Warning == "" && before.keepable(p.start) {
		p.keep(before)
	}
	return nil
}

// cut makes kguest's own program smaller: process 1 stays in memory. Others may
// look up names and lines of their own, and one of a Go that is not known stays.
func (p *Program) cut(program []byte) ([]byte, error) {
	if p.Name != OwnProgram || p.maker.KeepTracebacks {
		return program, nil
	}
	small, err := pclntab.Cut(program, Module)
	switch {
	case errors.Is(err, pclntab.ErrVersion):
		return program, nil
	case err != nil:
		return nil, fmt.Errorf("%w; -keep-tracebacks leaves it whole", err)
	}
	return small, nil
}

// file is where the program is kept.
func (p *Program) file() string { return filepath.Join(p.maker.Cache, "programs", p.key) }
