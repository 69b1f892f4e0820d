// Package flatten makes one file tree of an image's layers.
//
// The layers are read twice: once for the tree of names and attributes, which
// is held in memory, and once for the contents of the files that are left in
// it, which are streamed. A layer's whiteouts act on the layers below it only,
// wherever in the layer they stand.
package flatten

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
)

// Layer is one layer of an image.
type Layer interface {
	// Name tells the layer in messages.
	Name() string
	// Size is how many bytes it has as it is kept, compressed where it is.
	Size() int64
	// Open returns its tar archive. Where that is not what was promised, the
	// reader ends with an error in place of io.EOF.
	Open(ctx context.Context) (io.ReadCloser, error)
}

// Limits bound what an image may ask for. Zero values stand for the defaults.
type Limits struct {
	// Ratio is how many times larger than its archive the content of a layer
	// may be beyond the first GiB.
	Ratio int
	// Entries is how many files all layers may have together.
	Entries int
	// NameBytes is how much memory names, link targets and attributes may take.
	NameBytes int64

	free int64 // bytes that may come out of any archive, however small
}

// The defaults of Limits.
const (
	DefaultRatio     = 1000
	DefaultEntries   = 4 << 20
	DefaultNameBytes = 512 << 20
	defaultFree      = 1 << 30
)

func (l Limits) withDefaults() Limits {
	if l.Ratio == 0 {
		l.Ratio = DefaultRatio
	}
	if l.Entries == 0 {
		l.Entries = DefaultEntries
	}
	if l.NameBytes == 0 {
		l.NameBytes = DefaultNameBytes
	}
	if l.free == 0 {
		l.free = defaultFree
	}
	return l
}

// Flatten reads the layers, the lowest first, and returns their tree. Each step
// is told to progress, unless that is nil.
func Flatten(ctx context.Context, layers []Layer, limits Limits, progress func(string)) (*Tree, error) {
	if progress == nil {
		progress = func(string) {}
	}
	t := &Tree{
		Root:     &Node{Inode: impliedDir(), layer: -1},
		layers:   layers,
		limits:   limits.withDefaults(),
		progress: progress,
	}
	r := reader{limits: t.limits, warned: map[string]bool{}}
	for i, layer := range layers {
		progress(fmt.Sprintf("reading layer %d of %d", i+1, len(layers)))
		r.layer = i
		entries, err := r.read(ctx, layer)
		if err == nil {
			err = newLevel(t.Root, i, entries).apply(entries)
		}
		if err != nil {
			return nil, layerError(ctx, layer, err)
		}
	}
	t.Warnings = r.warnings
	t.finish()
	return t, nil
}

// layerError names the layer that err is about.
func layerError(ctx context.Context, layer Layer, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = errors.New("ends in the middle of an entry")
	}
	return fmt.Errorf("%s: %w", layer.Name(), err)
}

// impliedDir is a directory that no layer lists, but has files in.
func impliedDir() *Inode { return &Inode{Kind: Directory, Mode: 0o755} }

// quote shows a name of the image in a message.
func quote(name string) string {
	const most = 200
	if len(name) > most {
		name = name[:most] + "..."
	}
	return strconv.Quote(name)
}
