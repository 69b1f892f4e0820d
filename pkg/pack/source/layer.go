package source

import (
	"bufio"
	"context"
	"errors"
	"io"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

// layer is a layer in a store.
type layer struct {
	store  store
	desc   v1.Descriptor // without a digest where only diffID is known
	diffID digest.Digest
	name   string
}

func (l *layer) Name() string { return l.name }

func (l *layer) Size() int64 { return l.desc.Size }

// Open returns the archive. It ends with an error where the blob or what it
// unpacks to has another digest.
func (l *layer) Open(ctx context.Context) (io.ReadCloser, error) {
	blob, err := l.store.blob(ctx, l.desc)
	if err != nil {
		return nil, err
	}
	open := &openLayer{blob: blob}
	if err := open.start(l); err != nil {
		return nil, errors.Join(err, open.Close())
	}
	return open, nil
}

// openLayer reads blob through packed, a decompressor, and content.
type openLayer struct {
	blob    io.Closer
	packed  *checked // nil where its digest is not known
	unpack  io.ReadCloser
	content *checked
}

func (o *openLayer) start(l *layer) error {
	r, ok := o.blob.(io.Reader)
	if !ok {
		return errors.New("blob cannot be read")
	}
	var err error
	if l.desc.Digest != "" {
		if o.packed, err = newChecked(r, l.desc.Digest, l.desc.Size, "blob"); err != nil {
			return err
		}
		r = o.packed
	}
	if o.unpack, err = decompressLayer(bufio.NewReaderSize(r, 256<<10)); err != nil {
		return o.cause(err)
	}
	o.content, err = newChecked(o.unpack, l.diffID, -1, "content")
	return err
}

func (o *openLayer) Read(p []byte) (int, error) {
	n, err := o.content.Read(p)
	if err != nil {
		err = o.cause(err)
	}
	return n, err
}

// cause is err, or what is wrong with the blob that err comes from.
func (o *openLayer) cause(err error) error {
	if o.packed == nil {
		return err
	}
	if wrong := o.packed.drain(); wrong != nil {
		return wrong
	}
	return err
}

func (o *openLayer) Close() error {
	if o.unpack != nil {
		defer o.unpack.Close() // it says again what Read has said
	}
	return o.blob.Close()
}
