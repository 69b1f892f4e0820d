package flatten

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
)

// Contents calls visit for each regular file that is not empty, once however
// many names it has. The content is read from r, of ino.Size bytes. The order
// is that of the layers.
func (t *Tree) Contents(ctx context.Context, visit func(ino *Inode, r io.Reader) error) error {
	for i, layer := range t.layers {
		if len(t.contents[i]) == 0 {
			continue
		}
		t.progress(fmt.Sprintf("packing layer %d of %d", i+1, len(t.layers)))
		if err := t.layerContents(ctx, layer, t.contents[i], visit); err != nil {
			return layerError(ctx, layer, err)
		}
	}
	return nil
}

func (t *Tree) layerContents(ctx context.Context, layer Layer, wanted []*Inode, visit func(*Inode, io.Reader) error) error {
	f, err := t.limits.open(ctx, layer)
	if err != nil {
		return err
	}
	defer f.Close()
	archive := tar.NewReader(f)
	for number := 0; len(wanted) > 0; number++ {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return errChanged
		}
		if err != nil {
			return tarError(f, err)
		}
		ino := wanted[0]
		if ino.entry != number {
			continue
		}
		if h.Size != ino.Size {
			return errChanged
		}
		wanted = wanted[1:]
		if err := visit(ino, archive); err != nil {
			return err
		}
	}
	_, err = io.Copy(io.Discard, f)
	return err
}

var errChanged = errors.New("changed while it was read")
