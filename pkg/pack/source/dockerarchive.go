package source

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/kguest/kguest/pkg/ociproc"
)

// saved is one image in the manifest.json of docker save.
type saved struct {
	Config   string
	RepoTags []string
	Layers   []string
}

func (img *Image) openDockerArchive(ctx context.Context, n Name, want platform, o Options) error {
	a, err := img.openArchive(ctx, n.Path, o)
	if err != nil {
		return err
	}
	raw, err := readFile(a, "manifest.json", maxDocument)
	if errors.Is(err, fs.ErrNotExist) {
		return errors.New("is not what docker save writes: it has no manifest.json")
	}
	if err != nil {
		return err
	}
	var list []saved
	if err := json.Unmarshal(raw, &list); err != nil {
		return fmt.Errorf("manifest.json: not JSON as docker save writes it: %w", err)
	}
	m, err := pick(list, n.Tag)
	if err != nil {
		return err
	}
	return img.useSaved(a, m, want)
}

// pick returns the image of list with the tag ref, or the only one.
func pick(list []saved, ref string) (saved, error) {
	var tags []string
	for _, m := range list {
		for _, tag := range m.RepoTags {
			if ref != "" && sameImage(tag, ref) {
				return m, nil
			}
			tags = append(tags, tag)
		}
	}
	slices.Sort(tags)
	switch {
	case ref != "":
		return saved{}, fmt.Errorf("no image with the tag %q; there are %s", clip(ref), orNone(tags))
	case len(list) == 1:
		return list[0], nil
	case len(list) == 0:
		return saved{}, errors.New("has no image in it")
	}
	return saved{}, fmt.Errorf("has several images; give one of the tags %s after a colon", orNone(tags))
}

// sameImage reports whether a and b name one image: skopeo saves debian as
// docker.io/library/debian:latest.
func sameImage(a, b string) bool {
	first, err := name.ParseReference(a)
	if err != nil {
		return a == b
	}
	second, err := name.ParseReference(b)
	return err == nil && first.Name() == second.Name()
}

func (img *Image) useSaved(a *archive, m saved, want platform) error {
	config, err := readFile(a, m.Config, ociproc.MaxImageConfig)
	if err != nil {
		return fmt.Errorf("configuration: %w", err)
	}
	diffIDs, err := img.useConfig(config, want)
	if err != nil {
		return err
	}
	// The file's name is the digest, without or with a suffix.
	said := strings.TrimSuffix(path.Base(m.Config), ".json")
	if sum, err := hex.DecodeString(said); err == nil && len(sum) == 32 && "sha256:"+said != img.ID {
		return fmt.Errorf("configuration is not what its name says: it is %s, and not sha256:%s", img.ID, said)
	}
	if len(diffIDs) != len(m.Layers) {
		return fmt.Errorf("manifest.json has %d layers, and the configuration has %d", len(m.Layers), len(diffIDs))
	}
	for i, file := range m.Layers {
		_, size, err := a.open(file) // closing a member closes nothing
		if err != nil {
			return fmt.Errorf("layer %d: %w", i+1, err)
		}
		img.Layers = append(img.Layers, &layer{
			store: savedLayer{a, file}, desc: v1.Descriptor{Size: size}, diffID: diffIDs[i],
			name: fmt.Sprintf("layer %d of %d (%s)", i+1, len(m.Layers), clip(path.Base(file))),
		})
	}
	return nil
}

// savedLayer is a store of one blob.
type savedLayer struct {
	archive *archive
	file    string
}

func (s savedLayer) blob(context.Context, v1.Descriptor) (io.ReadCloser, error) {
	r, _, err := s.archive.open(s.file)
	return r, err
}
