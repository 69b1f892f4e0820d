package pack

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

// layout builds an OCI image layout in dir.
type layout struct {
	t   *testing.T
	dir string
}

func newLayout(t *testing.T) *layout {
	t.Helper()
	return &layout{t, t.TempDir()}
}

func (l *layout) write(name string, data []byte) {
	l.t.Helper()
	path := filepath.Join(l.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		l.t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o644); err != nil {
		l.t.Fatal(err)
	}
}

func (l *layout) blobFile(d digest.Digest) string {
	return filepath.Join("blobs", d.Algorithm().String(), d.Encoded())
}

func (l *layout) blob(mediaType string, data []byte) v1.Descriptor {
	l.t.Helper()
	d := digest.FromBytes(data)
	l.write(l.blobFile(d), data)
	return v1.Descriptor{MediaType: mediaType, Digest: d, Size: int64(len(data))}
}

func (l *layout) json(mediaType string, doc any) v1.Descriptor {
	l.t.Helper()
	data, err := json.Marshal(doc)
	if err != nil {
		l.t.Fatal(err)
	}
	return l.blob(mediaType, data)
}

// manifest is an image of plain layers, for linux and arch.
func (l *layout) manifest(arch string, layers ...[]byte) v1.Manifest {
	l.t.Helper()
	config := v1.Image{Platform: v1.Platform{OS: "linux", Architecture: arch}, RootFS: v1.RootFS{Type: "layers"}}
	config.Config.Cmd = []string{"/hello"}
	m := v1.Manifest{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: v1.MediaTypeImageManifest}
	for _, layer := range layers {
		config.RootFS.DiffIDs = append(config.RootFS.DiffIDs, digest.FromBytes(layer))
		m.Layers = append(m.Layers, l.blob(v1.MediaTypeImageLayer, layer))
	}
	m.Config = l.json(v1.MediaTypeImageConfig, config)
	return m
}

func (l *layout) index(list ...v1.Descriptor) v1.Index {
	return v1.Index{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: v1.MediaTypeImageIndex, Manifests: list}
}

// finish writes index.json and returns the source.
func (l *layout) finish(list ...v1.Descriptor) string {
	l.t.Helper()
	index, err := json.Marshal(l.index(list...))
	if err != nil {
		l.t.Fatal(err)
	}
	l.write("index.json", index)
	l.write("oci-layout", []byte(`{"imageLayoutVersion":"1.0.0"}`))
	return "oci:" + l.dir
}

func tagged(d v1.Descriptor, tag string) v1.Descriptor {
	d.Annotations = map[string]string{v1.AnnotationRefName: tag}
	return d
}

// tarOf is a layer of files with their content.
func tarOf(t *testing.T, files ...[2]string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, f := range files {
		if err := w.WriteHeader(&tar.Header{Name: f[0], Mode: 0o755, Size: int64(len(f[1]))}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(f[1])); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func gzipped(t *testing.T, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func zstded(t *testing.T, data []byte) []byte {
	t.Helper()
	w, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	return w.EncodeAll(data, nil)
}
