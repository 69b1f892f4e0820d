package initramfs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"github.com/kguest/kguest/initramfs/modules"
	"github.com/kguest/kguest/initramfs/multicall"
	"github.com/kguest/kguest/pkg/scratch"
)

// Builder makes images. Its zero value is of use.
type Builder struct {
	Dir      string // folder whose module the commands are looked up in; the working directory where empty
	CacheDir string // where compiled programs are kept for the next build; empty keeps none
	TempDir  string // where a folder is made and removed; os.TempDir where empty
	Output   string // the file that the image is written to, for checks; empty where that is not known
	Version  string // of this program, for the manifest; empty leaves it out

	Progress func(msg string) // told of each step
	// Room is told how many bytes will be written at least, before any is;
	// its error ends the build. For an archive that is not packed that is its
	// size.
	Room func(size int64) error
}

// Report is what went into an image.
type Report struct {
	Commands []string
	Modules  []string // in load order
	Builtin  []string // modules asked for that the kernel has built in
	Missing  []string // optional modules that the kernel does not have

	Signatures string   // "cut" or "kept", and why, of the modules; empty without modules
	NoModules  string   // why there are none though some were asked for
	Warnings   []string // one line each
}

// Build writes the image that s asks for to w. What can be told to be wrong
// without compiling anything is told first.
func (b *Builder) Build(ctx context.Context, s *Spec, c Compression, w io.Writer) (Report, error) {
	var r Report
	err := b.inWork(s, func(work string) (err error) {
		r, err = b.build(ctx, work, s, c, w)
		return err
	})
	return r, err
}

// inWork checks s and has do work in a folder that is removed afterwards.
func (b *Builder) inWork(s *Spec, do func(work string) error) error {
	if err := s.Check(); err != nil {
		return err
	}
	work, err := scratch.Make(b.TempDir, "mkinitramfs-")
	if err != nil {
		return fmt.Errorf("make work folder: %w; set TMPDIR to a folder that has space and can be written", err)
	}
	if err = b.checkApart(s, work.Path); err == nil {
		err = do(work.Path)
	}
	if rmErr := work.Remove(); err == nil && rmErr != nil {
		err = fmt.Errorf("remove work folder: %w", rmErr)
	}
	return err
}

func (b *Builder) checkApart(s *Spec, work string) error {
	list := []writes{{work, "what is compiled", "set TMPDIR to a folder elsewhere"}}
	if b.Output != "" {
		list = append(list, writes{filepath.Dir(b.Output), "the image itself", "write it elsewhere"})
	}
	return s.checkApart(list...)
}

func (b *Builder) build(ctx context.Context, work string, s *Spec, c Compression, w io.Writer) (Report, error) {
	if err := s.checkCompression(c); err != nil {
		return Report{}, err
	}
	img, err := b.image(ctx, work, s)
	if err != nil {
		return Report{}, err
	}
	if b.Room != nil {
		err = b.Room(img.least(c))
	}
	if err == nil {
		b.step("writing the image")
		err = img.write(&cancelWriter{ctx, w}, c)
	}
	if err := errors.Join(err, img.close()); err != nil {
		return Report{}, err
	}
	return img.report, nil
}

// image is all that is written of an image.
type image struct {
	*layout
	record *record // nil for no manifest
	bases  []baseFile
	cmds   multicall.Set
	report Report
}

func (img *image) close() error { return errors.Join(closeBases(img.bases), img.cmds.Close()) }

// image finds out what is in the image that s asks for, and compiles it. It is to be
// closed.
func (b *Builder) image(ctx context.Context, work string, s *Spec) (*image, error) {
	bases, err := s.openBases(ctx)
	if err != nil {
		return nil, err
	}
	img := &image{bases: bases}
	if err := b.fill(ctx, work, s, img); err != nil {
		return nil, errors.Join(err, img.close())
	}
	img.report.Warnings = append(img.report.Warnings, img.hidden()...)
	return img, nil
}

// fill finds out all but the bases.
func (b *Builder) fill(ctx context.Context, work string, s *Spec, img *image) error {
	set, err := s.kernelModules(b.CacheDir)
	if err != nil {
		return err
	}
	b.step("looking up the commands")
	img.cmds, err = multicall.Maker{Dir: b.Dir, Cache: b.CacheDir, KeepTracebacks: s.KeepTracebacks}.Resolve(ctx, s.Arch, s.asks())
	if err != nil {
		return err
	}
	img.report = report(img.cmds.Commands(), set)
	t, err := s.tree(uncompiled(img.cmds), set, img.bases)
	if err != nil {
		return err
	}
	if err := s.checkNoShell(t, img.bases); err != nil {
		return err
	}
	if n := img.cmds.Uncompiled(); n > 0 {
		b.step(fmt.Sprintf("compiling %d commands for %s", n, s.Arch))
	}
	if err := img.cmds.Build(ctx, work); err != nil {
		return err
	}
	img.report.Warnings = append(img.report.Warnings, img.cmds.Warnings()...)
	if img.layout, err = t.layout(); err != nil {
		return err
	}
	if !s.NoManifest {
		img.record = s.record(b.Version)
	}
	return nil
}

// uncompiled returns the programs, which need not be compiled yet.
func uncompiled(cmds multicall.Set) []program {
	var list []program
	for _, p := range cmds {
		list = append(list, program{p.Name, p.Commands, p})
	}
	return list
}

// write writes the bases and then the image's own archive.
func (img *image) write(w io.Writer, c Compression) error {
	for _, base := range img.bases {
		if err := base.write(w); err != nil {
			return fmt.Errorf("%s: %w", Clip(base.From), err)
		}
	}
	return img.layout.write(w, img.record, c)
}

// least returns the fewest bytes that the image may have when it is packed
// with c.
func (img *image) least(c Compression) int64 {
	size := img.basesSize()
	if c.Name() == string(None) {
		size += img.size()
	}
	return size
}

func (b *Builder) step(msg string) {
	if b.Progress != nil {
		b.Progress(msg)
	}
}

// asks returns kguest's own commands and those that s asks for.
func (s *Spec) asks() []multicall.Ask {
	var asks []multicall.Ask
	for _, name := range multicall.Own() {
		asks = append(asks, multicall.Ask{Name: name, From: "every image's commands"})
	}
	return append(asks, s.Commands...)
}

// kernelModules returns the modules that s asks for.
func (s *Spec) kernelModules(cacheDir string) (*modules.Set, error) {
	return modules.Collect(modules.Request{
		Dir: s.ModulesDir, Arch: s.Arch, Asks: s.Modules, Config: s.KernelConfig,
		ModprobeDirs: s.ModprobeDirs, FirmwareDirs: s.FirmwareDirs, KeepSignatures: s.KeepSignatures,
		CacheDir: cacheDir, Builder: multicall.BuilderID(),
	})
}

func report(cmds []multicall.Command, set *modules.Set) Report {
	r := Report{Builtin: set.Builtin, Missing: set.Missing, Signatures: set.Signatures, Warnings: set.Warnings, NoModules: set.None}
	for _, c := range cmds {
		r.Commands = append(r.Commands, c.Name)
	}
	for _, m := range set.Modules {
		r.Modules = append(r.Modules, m.Name)
	}
	return r
}

// cancelWriter ends a long write when ctx is done.
type cancelWriter struct {
	ctx context.Context
	w   io.Writer
}

func (c *cancelWriter) Write(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.w.Write(p)
}
