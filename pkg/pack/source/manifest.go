package source

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/kguest/kguest/pkg/ociproc"
)

// Media types of Docker's registries.
const (
	dockerManifest = "application/vnd.docker.distribution.manifest.v2+json"
	dockerIndex    = "application/vnd.docker.distribution.manifest.list.v2+json"
	dockerConfig   = "application/vnd.docker.container.image.v1+json"
)

// maxIndexes is how deep indexes may be in indexes.
const maxIndexes = 4

// maxLayers is how many layers an image may have.
const maxLayers = 1000

// openManifest opens the image that root, a manifest or an index, is.
func (img *Image) openManifest(ctx context.Context, s store, root v1.Descriptor, want platform) error {
	d := root
	for range maxIndexes {
		what := "manifest " + short(d.Digest)
		raw, err := readBlob(ctx, s, d, maxDocument, what)
		if err != nil {
			return err
		}
		var doc document
		if err := json.Unmarshal(raw, &doc); err != nil {
			return fmt.Errorf("%s: not JSON as a manifest is: %w", what, err)
		}
		if !doc.isIndex() {
			img.Manifest = string(d.Digest)
			return img.useManifest(ctx, s, doc.Manifest, want)
		}
		if d, err = choose(doc.Manifests, want); err != nil {
			return err
		}
	}
	return fmt.Errorf("has indexes in indexes, more than %d deep", maxIndexes)
}

// document is a manifest or an index.
type document struct {
	v1.Manifest
	Manifests []v1.Descriptor `json:"manifests"`
}

func (d document) isIndex() bool {
	return d.MediaType == v1.MediaTypeImageIndex || d.MediaType == dockerIndex ||
		d.MediaType == "" && d.Manifests != nil && d.Layers == nil
}

func (img *Image) useManifest(ctx context.Context, s store, m v1.Manifest, want platform) error {
	switch {
	case m.MediaType != "" && m.MediaType != v1.MediaTypeImageManifest && m.MediaType != dockerManifest:
		return fmt.Errorf("manifest is of type %q, which is no image's", clip(m.MediaType))
	case m.SchemaVersion != 2:
		return fmt.Errorf("manifest has schema version %d; only 2 is known", m.SchemaVersion)
	case m.Config.MediaType != v1.MediaTypeImageConfig && m.Config.MediaType != dockerConfig:
		return fmt.Errorf("is no image: its configuration is of type %q", clip(m.Config.MediaType))
	case len(m.Layers) > maxLayers:
		return fmt.Errorf("has %d layers, more than %d", len(m.Layers), maxLayers)
	}
	config, err := readBlob(ctx, s, m.Config, ociproc.MaxImageConfig, "configuration "+short(m.Config.Digest))
	if err != nil {
		return err
	}
	diffIDs, err := img.useConfig(config, want)
	if err != nil {
		return err
	}
	if len(diffIDs) != len(m.Layers) {
		return fmt.Errorf("manifest has %d layers, and the configuration has %d", len(m.Layers), len(diffIDs))
	}
	for i, d := range m.Layers {
		if strings.HasSuffix(d.MediaType, "+encrypted") {
			return fmt.Errorf("layer %d is encrypted", i+1)
		}
		if _, err := newHash(d.Digest); err != nil {
			return fmt.Errorf("layer %d: %w", i+1, err)
		}
		img.Layers = append(img.Layers, &layer{
			store: s, desc: d, diffID: diffIDs[i],
			name: fmt.Sprintf("layer %d of %d (%s)", i+1, len(m.Layers), short(d.Digest)),
		})
	}
	return nil
}

// useConfig takes the configuration and returns the layers' diff IDs.
func (img *Image) useConfig(config []byte, want platform) ([]digest.Digest, error) {
	if _, err := ociproc.DecodeImage(config); err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	var doc struct {
		v1.Platform
		RootFS v1.RootFS `json:"rootfs"`
	}
	if err := json.Unmarshal(config, &doc); err != nil {
		return nil, fmt.Errorf("configuration: rootfs: %w", err)
	}
	for _, d := range doc.RootFS.DiffIDs {
		if _, err := newHash(d); err != nil {
			return nil, fmt.Errorf("configuration: rootfs.diff_ids: %w", err)
		}
	}
	has := platformOf(doc.Platform)
	switch {
	case has.os == "" && has.arch == "", want.takes(has):
	case want.asked:
		return nil, fmt.Errorf("no image for %s; there is %s", want, has)
	default:
		img.Warnings = append(img.Warnings, fmt.Sprintf("the image is for %s, and not for %s", has, want))
	}
	img.Config, img.ID, img.Platform = config, string(digest.FromBytes(config)), has.String()
	return doc.RootFS.DiffIDs, nil
}

// noConfig is for a source that has a file tree only.
func (img *Image) noConfig(want platform) error {
	if want.os != "linux" {
		return errors.New("a file tree is for linux only")
	}
	config, err := json.Marshal(v1.Image{
		Platform: v1.Platform{OS: want.os, Architecture: want.arch, Variant: want.variant},
		RootFS:   v1.RootFS{Type: "layers", DiffIDs: []digest.Digest{}},
	})
	img.Config, img.Platform = append(config, '\n'), want.String()
	return err
}

// tagged returns the descriptor of list that tag names, or the only one.
func tagged(list []v1.Descriptor, tag string, want platform) (v1.Descriptor, error) {
	var tags []string
	for _, d := range list {
		name := d.Annotations[v1.AnnotationRefName]
		if tag != "" && (name == tag || string(d.Digest) == tag) {
			return d, nil
		}
		if name != "" {
			tags = append(tags, name)
		}
	}
	slices.Sort(tags)
	switch {
	case tag != "":
		return v1.Descriptor{}, fmt.Errorf("no image with the tag %q; there are %s", clip(tag), orNone(tags))
	case len(list) == 1:
		return list[0], nil
	case len(list) == 0:
		return v1.Descriptor{}, errors.New("has no image in it")
	case len(tags) == 0:
		return choose(list, want)
	}
	return v1.Descriptor{}, fmt.Errorf("has several images; give one of the tags %s after a colon", orNone(tags))
}
