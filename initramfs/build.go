package initramfs

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/kguest/kguest/initramfs/modules"
	"github.com/kguest/kguest/initramfs/multicall"
)

// Builder makes images. Its fields may be empty, but for Source.
type Builder struct {
	Source   multicall.Source
	TempDir  string           // where a folder is made and removed; os.TempDir where empty
	Progress func(msg string) // told of each step
}

// Report is what went into an image.
type Report struct {
	Commands []string
	Modules  []string // in load order
	Builtin  []string // modules asked for that the kernel has built in
	Missing  []string // optional modules that the kernel does not have
}

// Build writes the image that s asks for to w. What can be told to be wrong
// without compiling anything is told first.
func (b *Builder) Build(ctx context.Context, s *Spec, c Compression, w io.Writer) (Report, error) {
	if err := s.Check(); err != nil {
		return Report{}, err
	}
	work, err := os.MkdirTemp(b.TempDir, "mkinitramfs-")
	if err != nil {
		return Report{}, fmt.Errorf("make work folder: %w; set TMPDIR to a folder that has space and can be written", err)
	}
	report, err := b.build(ctx, work, s, c, w)
	if rmErr := os.RemoveAll(work); err == nil && rmErr != nil {
		err = fmt.Errorf("remove work folder: %w", rmErr)
	}
	return report, err
}

func (b *Builder) build(ctx context.Context, work string, s *Spec, c Compression, w io.Writer) (Report, error) {
	x, plan, err := s.plan()
	if err != nil {
		return Report{}, err
	}
	b.step("looking up the commands")
	cmds, err := b.Source.Resolve(ctx, s.Arch, s.asks())
	if err != nil {
		return Report{}, err
	}
	t, err := s.tree(filepath.Join(work, "bb"), cmds, x, plan)
	if err != nil {
		return Report{}, err
	}
	b.step(fmt.Sprintf("compiling %d commands for %s", len(cmds), s.Arch))
	if _, err := b.Source.Build(ctx, work, s.Arch, cmds); err != nil {
		return Report{}, err
	}
	b.step("writing the image")
	if err := Write(&cancelWriter{ctx, w}, t, c); err != nil {
		return Report{}, err
	}
	return report(cmds, plan), nil
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

// plan resolves the modules. The index is nil where s has no modules folder.
func (s *Spec) plan() (*modules.Index, modules.Plan, error) {
	if s.ModulesDir == "" {
		return nil, modules.Plan{}, nil
	}
	x, err := modules.Open(s.ModulesDir)
	if err != nil {
		return nil, modules.Plan{}, err
	}
	plan, err := x.Resolve(s.Modules)
	return x, plan, err
}

func report(cmds []multicall.Command, plan modules.Plan) Report {
	r := Report{Builtin: plan.Builtin, Missing: plan.Missing}
	for _, c := range cmds {
		r.Commands = append(r.Commands, c.Name)
	}
	for _, m := range plan.Modules {
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
