package pack

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/kguest/kguest/pkg/launch"
	"github.com/kguest/kguest/pkg/ociproc"
	"github.com/kguest/kguest/pkg/pack/flatten"
	"github.com/kguest/kguest/pkg/pack/source"
	"github.com/kguest/kguest/pkg/scratch"
)

// workPrefix begins the name of a folder in which disks are made, beside where
// they belong.
const workPrefix = ".pack-"

// DefaultMaxRatio is that of a Request.
const DefaultMaxRatio = flatten.DefaultRatio

// Request is what Pack is to make. Source and Dir alone must be given.
type Request struct {
	// Source names the image: see package source for the forms.
	Source string
	// Dir gets the disks, image.FORMAT and config.FORMAT. It is made where the
	// folder that it is in is there.
	Dir string
	// Format is Squashfs (default) or Erofs, which needs no tool.
	Format string
	// Compression of a squashfs: see Options. An erofs has none.
	Compression string
	// Platform is os/arch[/variant] of an image that has several; default
	// linux and the architecture of this machine.
	Platform string
	// Launch is what goes into launch.json. It is checked before anything is written.
	Launch launch.Config
	// Cache is a folder that keeps image disks by digest; empty: none.
	Cache string
	// ReadOnly is that nobody writes to the disks: the image's may be the cache's
	// own file.
	ReadOnly bool
	// MaxRatio is how many times larger than its archive a layer's content may
	// be beyond the first GiB; 0: DefaultMaxRatio.
	MaxRatio int
	// Progress is told each step; nil: nobody.
	Progress func(step string)
}

// Result is what Pack made.
type Result struct {
	Image, Config         string // paths of the disks
	ImageSize, ConfigSize int64  // bytes
	// Manifest is the digest of the image's manifest, empty where the source
	// has none.
	Manifest string
	// ID is the digest of the image's configuration, empty where the source
	// has none.
	ID       string
	Platform string   // os/arch[/variant]
	Cached   bool     // the image disk came out of the cache
	Warnings []string // a line each
	// OCI is the image's configuration, without what launch.json overrides.
	OCI *ociproc.Image
}

// Pack writes the disks of an image. Both are complete, or nothing has changed.
func Pack(ctx context.Context, r Request) (*Result, error) {
	launchJSON, name, err := r.check()
	if err != nil {
		return nil, err
	}
	err = os.Mkdir(r.Dir, 0o777)
	if err != nil && !errors.Is(err, os.ErrExist) {
		return nil, fmt.Errorf("pack into %s: make it: %w", r.Dir, cause(err))
	}
	made := err == nil
	result, err := r.pack(ctx, name, launchJSON)
	if err != nil && made {
		err = errors.Join(err, os.Remove(r.Dir))
	}
	return result, err
}

// pack writes the disks into a folder that is there.
func (r Request) pack(ctx context.Context, name source.Name, launchJSON []byte) (*Result, error) {
	work, err := scratch.Make(r.Dir, workPrefix)
	if err != nil {
		return nil, fmt.Errorf("pack into %s: %w", r.Dir, cause(err))
	}
	defer work.Remove() //nolint:errcheck // nothing is lost with it
	img, err := source.Open(ctx, name, source.Options{Platform: r.Platform, Temp: work.Path, MaxRatio: r.MaxRatio, Progress: r.Progress})
	if err != nil {
		return nil, err
	}
	defer img.Close() //nolint:errcheck // what it holds goes with work
	p := packer{Request: r, img: img, work: work.Path}
	if err := p.pack(ctx, launchJSON); err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if err := p.place(); err != nil {
		return nil, err
	}
	return &p.result, nil
}

// check fills what was left out, and returns what can be wrong without a look
// at the image.
func (r *Request) check() ([]byte, source.Name, error) {
	if r.Format == "" {
		r.Format = Squashfs
	}
	if r.MaxRatio == 0 {
		r.MaxRatio = DefaultMaxRatio
	}
	if r.Progress == nil {
		r.Progress = func(string) {}
	}
	if err := r.checkFormat(); err != nil {
		return nil, source.Name{}, err
	}
	launchJSON, err := Launch(&r.Launch)
	if err != nil {
		return nil, source.Name{}, fmt.Errorf("launch.json: %w", err)
	}
	name, err := source.Parse(r.Source)
	if err != nil {
		return nil, source.Name{}, err
	}
	return launchJSON, name, r.checkDir()
}

func (r *Request) checkFormat() error {
	switch r.Format {
	case Squashfs:
		_, err := squashfsFormat(r.Compression)
		return err
	case Erofs:
		if r.Compression != "" && r.Compression != "none" {
			return fmt.Errorf("unknown compression %q of an erofs (known: none)", r.Compression)
		}
		return nil
	}
	return fmt.Errorf("unknown format %q (known: %s %s)", r.Format, Squashfs, Erofs)
}

func (r *Request) checkDir() error {
	info, err := os.Stat(r.Dir)
	if err != nil {
		return r.checkNew(err)
	}
	if !info.IsDir() {
		return fmt.Errorf("pack into %s: is no folder", r.Dir)
	}
	for _, name := range []string{r.disk("image"), r.disk("config")} {
		if info, err := os.Lstat(name); err == nil && !info.Mode().IsRegular() {
			return fmt.Errorf("pack into %s: %s exists and is no regular file", r.Dir, name)
		}
	}
	return nil
}

// checkNew checks whether the folder, which err says is not there, can be made.
func (r *Request) checkNew(err error) error {
	if !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("pack into %s: %w", r.Dir, cause(err))
	}
	in := filepath.Dir(filepath.Clean(r.Dir))
	if info, err := os.Stat(in); err != nil || !info.IsDir() {
		return fmt.Errorf("pack into %s: there is no folder %s; make it first", r.Dir, in)
	}
	return nil
}

// disk is the path of a disk.
func (r *Request) disk(name string) string { return filepath.Join(r.Dir, name+"."+r.Format) }

// packer is one Pack.
type packer struct {
	Request
	img    *source.Image
	work   string // folder of this one alone
	result Result
}

// pack writes the disks into work.
func (p *packer) pack(ctx context.Context, launchJSON []byte) error {
	oci, err := ociproc.DecodeImage(p.img.Config)
	if err != nil {
		return fmt.Errorf("configuration: %w", err)
	}
	p.result = Result{
		Image: p.disk("image"), Config: p.disk("config"), OCI: oci,
		Manifest: p.img.Manifest, ID: p.img.ID, Platform: p.img.Platform, Warnings: p.img.Warnings,
	}
	p.Progress("packing the configuration")
	config := ConfigDisk{p.Format, p.Compression, p.img.Config, launchJSON}
	if err := config.Write(ctx, p.inWork("config")); err != nil {
		return err
	}
	return p.packImage(ctx)
}

// packImage writes the image's disk, or takes it out of the cache.
func (p *packer) packImage(ctx context.Context) error {
	c, err := p.openCache(ctx)
	if err != nil {
		return err
	}
	if warnings, ok := c.take(p.inWork("image"), p.copier()); ok {
		p.result.Cached = true
		p.result.Warnings = append(p.result.Warnings, warnings...)
		return nil
	}
	tree, err := flatten.Flatten(ctx, p.img.Layers, flatten.Limits{Ratio: p.MaxRatio}, p.Progress)
	if err != nil {
		return err
	}
	if err := writeTree(ctx, tree, p.inWork("image"), p.Format, p.Compression); err != nil {
		return err
	}
	p.result.Warnings = append(p.result.Warnings, tree.Warnings...)
	if err := c.put(p.inWork("image"), tree.Warnings, p.copier()); err != nil {
		p.result.Warnings = append(p.result.Warnings, fmt.Sprintf("not kept in the cache: %v", err))
	}
	return nil
}

// copier is how a disk gets into the cache and out of it.
func (p *packer) copier() func(from, to string) error {
	if p.ReadOnly {
		return link
	}
	return copyDisk
}

func (p *packer) inWork(name string) string { return filepath.Join(p.work, name) }

// place moves the disks from work to where they belong. Where the second
// cannot be, the first is as it was.
func (p *packer) place() error {
	for name, size := range map[string]*int64{"image": &p.result.ImageSize, "config": &p.result.ConfigSize} {
		info, err := os.Stat(p.inWork(name))
		if err != nil {
			return fmt.Errorf("pack into %s: %w", p.Dir, err)
		}
		*size = info.Size()
	}
	old := p.inWork("old")
	kept := os.Link(p.result.Image, old) == nil
	if err := os.Rename(p.inWork("image"), p.result.Image); err != nil {
		return fmt.Errorf("pack into %s: %w", p.Dir, cause(err))
	}
	err := os.Rename(p.inWork("config"), p.result.Config)
	if err == nil {
		return nil
	}
	undo := os.Remove(p.result.Image)
	if kept {
		undo = os.Rename(old, p.result.Image)
	}
	return fmt.Errorf("pack into %s: %w", p.Dir, errors.Join(cause(err), undo))
}

// cause is err without the paths in it, for a message that has them.
func cause(err error) error {
	if e, ok := errors.AsType[*os.PathError](err); ok {
		return e.Err
	}
	if e, ok := errors.AsType[*os.LinkError](err); ok {
		return e.Err
	}
	return err
}
