package source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

// registry is a repository, whose blobs are kept in a folder once they have
// been fetched.
type registry struct {
	repository name.Repository
	options    []remote.Option
	root       v1.Descriptor // of rootBytes
	rootBytes  []byte
	dir        string
	progress   func(string)
}

// openRegistry asks for the manifest of ref. Who the user is comes from the
// files of docker login and podman login.
func (img *Image) openRegistry(ctx context.Context, ref string, o Options) (store, v1.Descriptor, error) {
	parsed, err := parseReference(ref)
	if err != nil {
		return nil, v1.Descriptor{}, oneLine(err)
	}
	dir, err := os.MkdirTemp(o.Temp, ".blobs-*")
	if err != nil {
		return nil, v1.Descriptor{}, err
	}
	img.closers = append(img.closers, func() error { return os.RemoveAll(dir) })
	r := &registry{
		repository: parsed.Context(),
		options:    []remote.Option{remote.WithContext(ctx), remote.WithAuthFromKeychain(authn.DefaultKeychain)},
		dir:        dir,
		progress:   o.Progress,
	}
	o.Progress("asking " + r.repository.RegistryStr())
	d, err := remote.Get(parsed, r.options...)
	if err != nil {
		return nil, v1.Descriptor{}, oneLine(err)
	}
	r.rootBytes = d.Manifest
	r.root = v1.Descriptor{MediaType: string(d.MediaType), Digest: digest.Digest(d.Digest.String()), Size: d.Size}
	return r, r.root, nil
}

// parseReference says what is wrong with ref, which name.ParseReference does not.
func parseReference(ref string) (name.Reference, error) {
	if strings.Contains(ref, "@") {
		return name.NewDigest(ref)
	}
	return name.NewTag(ref)
}

// oneLine makes one line of a registry's answer.
func oneLine(err error) error {
	return errors.New(clip(strings.Join(strings.Fields(err.Error()), " ")))
}

func (r *registry) blob(ctx context.Context, d v1.Descriptor) (io.ReadCloser, error) {
	if d.Digest == r.root.Digest {
		return io.NopCloser(strings.NewReader(string(r.rootBytes))), nil
	}
	path := filepath.Join(r.dir, d.Digest.Encoded())
	if f, err := os.Open(path); err == nil {
		return f, nil
	}
	body, err := r.get(d)
	if err != nil {
		return nil, oneLine(err)
	}
	defer body.Close()
	if err := r.keep(ctx, body, d, path); err != nil {
		return nil, fmt.Errorf("fetch: %w", err)
	}
	return os.Open(path)
}

// get asks for a blob, or for a manifest, which registries keep apart.
func (r *registry) get(d v1.Descriptor) (io.ReadCloser, error) {
	ref := r.repository.Digest(string(d.Digest))
	if isManifest(d.MediaType) {
		m, err := remote.Get(ref, r.options...)
		if err != nil {
			return nil, err
		}
		return io.NopCloser(strings.NewReader(string(m.Manifest))), nil
	}
	r.progress("fetching " + short(d.Digest))
	l, err := remote.Layer(ref, r.options...)
	if err != nil {
		return nil, err
	}
	return l.Compressed()
}

func isManifest(mediaType string) bool {
	switch mediaType {
	case v1.MediaTypeImageManifest, v1.MediaTypeImageIndex, dockerManifest, dockerIndex:
		return true
	}
	return false
}

// keep writes a blob to path, checked.
func (r *registry) keep(ctx context.Context, body io.Reader, d v1.Descriptor, path string) error {
	c, err := newChecked(untilDone{ctx, body}, d.Digest, d.Size, "blob")
	if err != nil {
		return err
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, c)
	return errors.Join(err, f.Close())
}
