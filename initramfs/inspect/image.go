// Package inspect tells what is in an initramfs, whoever made it: the files
// that the guest would see, their contents, the archives they come from, and
// what differs between two images.
//
// The files are those that the kernel would make of the entries, in order: a
// later entry takes the place of an earlier one, a name below a symbolic link
// is where the link leads, and an entry whose folder is not there is dropped
// (init/initramfs.c).
package inspect

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/kguest/kguest/initramfs/hostfile"
	"github.com/kguest/kguest/initramfs/inspect/archive"
)

// Image is an image file whose headers were read.
type Image struct {
	Name     string // the file's, for messages
	Size     int64  // of the file, in bytes
	Segments []archive.Segment
	Entries  []archive.Entry // all, in order
	Dropped  []Drop          // entries that make no file

	src    io.ReaderAt
	limits archive.Limits
	tree   *tree
	closer io.Closer
}

// Drop is an entry that the kernel passes over.
type Drop struct {
	Entry  int // index in Image.Entries
	Reason string
}

// Open reads the headers of the image in the file name. Bodies are read when
// they are asked for.
func Open(ctx context.Context, name string) (*Image, error) {
	f, info, err := hostfile.Open(name)
	if _, ok := errors.AsType[*hostfile.IrregularError](err); ok {
		return nil, fmt.Errorf("read image: %w, which can be read at any place; copy it to one", err)
	}
	if err != nil {
		return nil, fmt.Errorf("read image: %w", err)
	}
	im, err := New(name, readerAt{ctx, f}, info.Size(), archive.Limits{})
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	im.closer = f
	return im, nil
}

// readerAt ends the reading of a file when ctx is done.
type readerAt struct {
	ctx context.Context // of the Open that made it
	f   *os.File
}

func (r readerAt) ReadAt(p []byte, off int64) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.f.ReadAt(p, off)
}

// New reads the headers of an image of size bytes in src. Name is for
// messages.
func New(name string, src io.ReaderAt, size int64, limits archive.Limits) (*Image, error) {
	im := &Image{Name: name, Size: size, src: src, limits: limits, tree: newTree()}
	r, err := archive.NewReader(src, size, limits)
	if err != nil {
		return nil, im.readError(err)
	}
	defer r.Close()
	for {
		e, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, im.readError(err)
		}
		im.Entries = append(im.Entries, e)
	}
	im.Segments = r.Segments()
	if err := im.apply(); err != nil {
		return nil, im.readError(err)
	}
	return im, nil
}

// maxPathText bounds the bytes of all paths: links can make each of a million
// short names a long path.
const maxPathText = 512 << 20

// apply makes the tree of the entries. A hard link is to a name of the same
// archive, so inodes are forgotten where one ends.
func (im *Image) apply() error {
	for i := range im.Entries {
		if i > 0 && im.Entries[i].Archive != im.Entries[i-1].Archive {
			im.tree.endArchive()
		}
		if reason := im.tree.apply(i, &im.Entries[i]); reason != "" {
			im.Dropped = append(im.Dropped, Drop{i, reason})
		}
		if im.tree.text > maxPathText {
			return fmt.Errorf("more than %d bytes of paths", maxPathText)
		}
	}
	return nil
}

func (im *Image) readError(err error) error { return fmt.Errorf("read %s: %w", im.Name, err) }

// Close closes the file.
func (im *Image) Close() error {
	if im.closer == nil {
		return nil
	}
	return im.closer.Close()
}

// Bodies calls visit with a reader of the body of each of the entries, whose
// indexes are given, in the image's order.
func (im *Image) Bodies(entries []int, visit func(entry int, body io.Reader) error) error {
	want := slices.Clone(entries)
	slices.Sort(want)
	want = slices.Compact(want)
	for _, seg := range im.Segments {
		n, _ := slices.BinarySearch(want, seg.First+seg.Entries)
		if n == 0 {
			continue
		}
		if err := im.segmentBodies(seg, want[:n], visit); err != nil {
			return err
		}
		want = want[n:]
	}
	return nil
}

// segmentBodies is Bodies for one segment, of which want are entries.
func (im *Image) segmentBodies(seg archive.Segment, want []int, visit func(int, io.Reader) error) error {
	r := archive.OpenSegment(im.src, seg, im.limits)
	defer r.Close()
	for i := seg.First; len(want) > 0; i++ {
		if _, err := r.Next(); err != nil {
			return im.readError(err)
		}
		if i != want[0] {
			continue
		}
		body := &bodyReader{r: r}
		if err := visit(i, body); err != nil {
			return err
		}
		if body.err != nil {
			return im.readError(body.err)
		}
		want = want[1:]
	}
	return nil
}

// bodyReader keeps an error of the image apart from those of its user.
type bodyReader struct {
	r   *archive.Reader
	err error
}

func (b *bodyReader) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		b.err = err
	}
	return n, err
}
