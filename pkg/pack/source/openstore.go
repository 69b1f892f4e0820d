package source

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

// openStore opens where n's blobs are and finds its manifest or index.
func (img *Image) openStore(ctx context.Context, n Name, want platform, o Options) (store, v1.Descriptor, error) {
	var s layoutStore
	switch n.Scheme {
	case Docker:
		return img.openRegistry(ctx, n.Path, o)
	case OCIArchive:
		a, err := img.openArchive(ctx, n.Path, o)
		if err != nil {
			return nil, v1.Descriptor{}, err
		}
		s.files = a
	default:
		s.files = folder(n.Path)
	}
	root, err := s.find(n.Tag, want)
	return s, root, err
}

// files are those of a layout, in a folder or in an archive.
type files interface {
	// open returns a regular file and its size; path is slash-separated.
	open(path string) (io.ReadCloser, int64, error)
}

// layoutStore is an OCI image layout.
type layoutStore struct{ files files }

// find returns the descriptor in index.json that tag names.
func (s layoutStore) find(tag string, want platform) (v1.Descriptor, error) {
	raw, err := readFile(s.files, "index.json", maxDocument)
	if errors.Is(err, fs.ErrNotExist) {
		return v1.Descriptor{}, errors.New("is no OCI image layout: it has no index.json")
	}
	if err != nil {
		return v1.Descriptor{}, err
	}
	var index v1.Index
	if err := json.Unmarshal(raw, &index); err != nil {
		return v1.Descriptor{}, fmt.Errorf("index.json: not JSON as an index is: %w", err)
	}
	return tagged(index.Manifests, tag, want)
}

// readFile returns the whole of a small file.
func readFile(f files, path string, most int64) ([]byte, error) {
	r, size, err := f.open(path)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	if size > most {
		return nil, fmt.Errorf("%s has %d bytes, more than %d", path, size, most)
	}
	return io.ReadAll(io.LimitReader(r, most))
}

func (s layoutStore) blob(_ context.Context, d v1.Descriptor) (io.ReadCloser, error) {
	r, size, err := s.files.open(blobPath(d.Digest))
	switch {
	case errors.Is(err, fs.ErrNotExist) && len(d.URLs) > 0:
		return nil, errors.New("is not in the layout; the manifest says to fetch it from elsewhere")
	case errors.Is(err, fs.ErrNotExist):
		return nil, errors.New("is not in the layout")
	case err != nil:
		return nil, err
	case size != d.Size:
		return nil, errors.Join(fmt.Errorf("blob has %d bytes, where its size is given as %d", size, d.Size), r.Close())
	}
	return r, nil
}

// blobPath is where a layout has the blob d, which must be well formed.
func blobPath(d digest.Digest) string {
	return "blobs/" + d.Algorithm().String() + "/" + d.Encoded()
}

// folder is a layout that is unpacked.
type folder string

func (f folder) open(path string) (io.ReadCloser, int64, error) {
	return openRegular(filepath.Join(string(f), filepath.FromSlash(path)))
}

// openRegular opens a file without waiting for the writer of a FIFO.
func openRegular(path string) (*os.File, int64, error) {
	f, err := openFile(path)
	if err != nil {
		return nil, 0, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is not a regular file (%s)", path, info.Mode().Type())
	}
	if err != nil {
		return nil, 0, errors.Join(err, f.Close())
	}
	return f, info.Size(), nil
}

// isLayout reports whether dir looks like a layout.
func isLayout(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "index.json"))
	return err == nil
}
