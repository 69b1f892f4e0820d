package pack

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"path"
	"path/filepath"
	"slices"

	"github.com/kguest/kguest/pkg/pack/flatten"
)

// memoryLayer is a layer of files that are made here.
type memoryLayer []byte

func (memoryLayer) Name() string { return "files" }

func (l memoryLayer) Size() int64 { return int64(len(l)) }

func (l memoryLayer) Open(context.Context) (io.ReadCloser, error) {
	return io.NopCloser(bytes.NewReader(l)), nil
}

// filesTree returns the tree of the given files, mode 0644, and of the
// directories that lead to them, all of root's and of 1970.
func filesTree(ctx context.Context, files map[string][]byte) (*flatten.Tree, error) {
	var b bytes.Buffer
	archive := tar.NewWriter(&b)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if !filepath.IsLocal(name) || path.Clean(name) == "." {
			return nil, fmt.Errorf("path %q leads out of the disk", name)
		}
		content := files[name]
		err := archive.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644, Size: int64(len(content))})
		if err != nil {
			return nil, err
		}
		if _, err := archive.Write(content); err != nil {
			return nil, err
		}
	}
	if err := archive.Close(); err != nil {
		return nil, err
	}
	return flatten.Flatten(ctx, []flatten.Layer{memoryLayer(b.Bytes())}, flatten.Limits{}, nil)
}
