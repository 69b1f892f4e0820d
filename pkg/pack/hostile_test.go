package pack

import (
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

// bad returns a layout whose one image change has changed.
func bad(t *testing.T, change func(l *layout, m *v1.Manifest)) string {
	t.Helper()
	l := newLayout(t)
	m := l.manifest(runtime.GOARCH, tarOf(t, [2]string{"hello", "one"}), tarOf(t, [2]string{"b", "two"}))
	change(l, &m)
	return l.finish(l.json(v1.MediaTypeImageManifest, m))
}

// badLayer returns one with a second layer of one entry.
func badLayer(t *testing.T, name string) string {
	t.Helper()
	l := newLayout(t)
	m := l.manifest(runtime.GOARCH, tarOf(t, [2]string{"hello", "one"}), tarOf(t, [2]string{name, "x"}))
	return l.finish(l.json(v1.MediaTypeImageManifest, m))
}

// badConfig returns one with a configuration of this text.
func badConfig(t *testing.T, text string) string {
	t.Helper()
	return bad(t, func(l *layout, m *v1.Manifest) {
		m.Layers = nil
		m.Config = l.blob(v1.MediaTypeImageConfig, []byte(text))
	})
}

// badIndex returns one with an index.json of this text.
func badIndex(t *testing.T, text string) string {
	t.Helper()
	l := newLayout(t)
	l.write("index.json", []byte(text))
	return "oci:" + l.dir
}

// badFile returns a file of this content.
func badFile(t *testing.T, scheme, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	return scheme + ":" + path
}

// change gives the blob of d another content.
func (l *layout) change(d v1.Descriptor, to func([]byte) []byte) {
	l.t.Helper()
	data, err := os.ReadFile(filepath.Join(l.dir, l.blobFile(d.Digest)))
	if err != nil {
		l.t.Fatal(err)
	}
	l.write(l.blobFile(d.Digest), to(data))
}

func flip(data []byte) []byte {
	data[600] ^= 1
	return data
}

func cut(data []byte) []byte { return data[:len(data)/2] }

// gzipLayer makes the second layer one by gzip, which spoil then changes.
func gzipLayer(t *testing.T, l *layout, m *v1.Manifest, spoil func([]byte) []byte) {
	t.Helper()
	packed := gzipped(t, tarOf(t, [2]string{"b", "two"}))
	d := l.blob(v1.MediaTypeImageLayerGzip, packed)
	m.Layers[1] = d
	if spoil != nil {
		l.write(l.blobFile(d.Digest), spoil(packed))
	}
}

func platforms(t *testing.T) string {
	t.Helper()
	l := newLayout(t)
	var list []v1.Descriptor
	for _, p := range []v1.Platform{{OS: "linux", Architecture: "s390x"}, {OS: "linux", Architecture: "arm", Variant: "v7"}, {OS: "unknown", Architecture: "unknown"}} {
		d := l.json(v1.MediaTypeImageManifest, l.manifest(p.Architecture, tarOf(t, [2]string{"hello", p.Architecture})))
		d.Platform = &p
		list = append(list, d)
	}
	return l.finish(l.json(v1.MediaTypeImageIndex, l.index(list...)))
}

func indexes(t *testing.T) string {
	t.Helper()
	l := newLayout(t)
	d := l.json(v1.MediaTypeImageManifest, l.manifest(runtime.GOARCH))
	for range 6 {
		d.Platform = &v1.Platform{OS: "linux", Architecture: runtime.GOARCH}
		d = l.json(v1.MediaTypeImageIndex, l.index(d))
	}
	return l.finish(d)
}

// Each hostile image gives one line, and nothing is written.
func TestHostile(t *testing.T) {
	type image func(t *testing.T) string
	badly := func(change func(l *layout, m *v1.Manifest)) image {
		return func(t *testing.T) string { t.Helper(); return bad(t, change) }
	}
	entry := func(name string) image { return func(t *testing.T) string { t.Helper(); return badLayer(t, name) } }
	config := func(text string) image { return func(t *testing.T) string { t.Helper(); return badConfig(t, text) } }
	index := func(text string) image { return func(t *testing.T) string { t.Helper(); return badIndex(t, text) } }
	file := func(scheme, text string) image {
		return func(t *testing.T) string { t.Helper(); return badFile(t, scheme, text) }
	}
	tests := []struct {
		name  string
		image image
		want  string
	}{
		{"path out", entry("../../etc/passwd"), `layer 2 of 2 (sha256:`},
		{"path out", entry("../../etc/passwd"), `: entry "../../etc/passwd": path has .., which could lead out of the image`},
		{"whiteout of the root", entry(".wh.."), `: entry ".wh..": is a whiteout of a whole directory`},
		{"layer with another content", badly(func(l *layout, m *v1.Manifest) { l.change(m.Layers[1], flip) }), `): blob is not what its digest says: it is sha256:`},
		{"layer cut", badly(func(l *layout, m *v1.Manifest) { l.change(m.Layers[0], cut) }), "): blob has 1024 bytes, where its size is given as 2048"},
		{"layer too long", badly(func(l *layout, m *v1.Manifest) { l.change(m.Layers[0], func(b []byte) []byte { return append(b, 0) }) }), "): blob has 2049 bytes, where its size is given as 2048"},
		{"gzip with another content", badly(func(l *layout, m *v1.Manifest) { gzipLayer(t, l, m, func(b []byte) []byte { b[20] ^= 1; return b }) }), "): blob is not what its digest says"},
		{"gzip cut, size as well", badly(func(l *layout, m *v1.Manifest) {
			gzipLayer(t, l, m, cut)
			m.Layers[1].Size /= 2
		}), "): blob is not what its digest says"},
		{"gzip cut, digest as well", badly(func(l *layout, m *v1.Manifest) {
			m.Layers[1] = l.blob(v1.MediaTypeImageLayerGzip, cut(gzipped(t, tarOf(t, [2]string{"b", "two"}))))
		}), "): ends in the middle of an entry"},
		{"gzip is another layer", badly(func(l *layout, m *v1.Manifest) {
			m.Layers[1] = l.blob(v1.MediaTypeImageLayerGzip, gzipped(t, tarOf(t, [2]string{"b", "other"})))
		}), "): content is not what its digest says"},
		{"layers in another order", badly(func(_ *layout, m *v1.Manifest) { m.Layers[0], m.Layers[1] = m.Layers[1], m.Layers[0] }), "): content is not what its digest says"},
		{"layer missing", badly(func(l *layout, m *v1.Manifest) {
			if err := os.Remove(filepath.Join(l.dir, l.blobFile(m.Layers[1].Digest))); err != nil {
				t.Fatal(err)
			}
		}), "): is not in the layout"},
		{"layer is a link", badly(func(l *layout, m *v1.Manifest) {
			path := filepath.Join(l.dir, l.blobFile(m.Layers[1].Digest))
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			if err := syscall.Mkfifo(path, 0o644); err != nil {
				t.Fatal(err)
			}
		}), "is not a regular file (p"},
		{"digest with a path", badly(func(_ *layout, m *v1.Manifest) { m.Layers[0].Digest = "sha256:../../../../etc/passwd" }), `layer 1: digest "sha256:../../../../etc/passwd" is malformed`},
		{"digest of the configuration", badly(func(_ *layout, m *v1.Manifest) { m.Config.Digest = "md5:00" }), `: digest "md5:00": unknown algorithm; known are sha256 and sha512`},
		{"one layer too few", badly(func(_ *layout, m *v1.Manifest) { m.Layers = m.Layers[:1] }), "manifest has 1 layers, and the configuration has 2"},
		{"xz", badly(func(l *layout, m *v1.Manifest) {
			m.Layers[1] = l.blob(v1.MediaTypeImageLayer, []byte("\xfd7zXZ\x00..."))
		}), "is compressed by xz or bzip2; a layer is by gzip or zstd, or not at all"},
		{"encrypted", badly(func(_ *layout, m *v1.Manifest) { m.Layers[0].MediaType += "+encrypted" }), "layer 1 is encrypted"},
		{"negative size", badly(func(_ *layout, m *v1.Manifest) { m.Config.Size = -1 }), "has -1 bytes"},
		{"huge configuration", badly(func(_ *layout, m *v1.Manifest) { m.Config.Size = 1 << 40 }), "has 1099511627776 bytes, more than 16777216"},
		{"artifact", badly(func(_ *layout, m *v1.Manifest) { m.Config.MediaType = "application/vnd.cncf.helm.config.v1+json" }), `is no image: its configuration is of type "application/vnd.cncf.helm`},
		{"schema 1", badly(func(_ *layout, m *v1.Manifest) { m.SchemaVersion = 1 }), "manifest has schema version 1; only 2 is known"},
		{"config of wrong type", config(`{"os":"linux","config":{"Env":"A=B"}}`), `configuration: config.Env: "A=B": has a string where an array of strings belongs`},
		{"config of wrong value", config(`{"os":"linux","config":{"StopSignal":"SIGWHAT"}}`), `configuration: config.StopSignal: "SIGWHAT": not a signal`},
		{"config is no JSON", config("no"), "configuration: line 1, column 2: not JSON"},
		{"config for another machine", config(`{"os":"windows","architecture":"amd64","rootfs":{"diff_ids":["x"]}}`), `configuration: rootfs.diff_ids: digest "x": unknown algorithm`},
		{"no such platform", platforms, "no image for linux/" + runtime.GOARCH + "; there are linux/arm/v7, linux/s390x"},
		{"indexes in indexes", indexes, "has indexes in indexes, more than 4 deep"},
		{"index is no JSON", index("{"), "index.json: not JSON as an index is: unexpected end of JSON input"},
		{"index of wrong type", index(`{"manifests":{}}`), "index.json: not JSON as an index is"},
		{"index of nothing", index(`{"manifests":[]}`), "has no image in it"},
		{"index to nothing", index(`{"manifests":[{"digest":"sha256:` + strings.Repeat("0", 64) + `","size":5}]}`), "manifest sha256:000000000000: is not in the layout"},
		{"archive of nothing", file("oci-archive", ""), "is no OCI image layout: it has no index.json"},
		{"archive of nonsense", file("oci-archive", strings.Repeat("nonsense", 200)), "is not a tar archive, or a damaged one"},
		{"docker archive of nothing", file("docker-archive", ""), "is not what docker save writes: it has no manifest.json"},
		{"tar of nonsense", file("tar", strings.Repeat("nonsense", 200)), "archive: is not a tar archive, or a damaged one"},
		{"tar by broken gzip", file("tar", "\x1f\x8bnonsense"), "archive: gzip: invalid header"},
		{"tar by broken zstd", file("tar", "\x28\xb5\x2f\xfdnonsense"), "archive: "},
	}
	for _, format := range []string{Squashfs, Erofs} {
		for _, tt := range tests {
			t.Run(format+"/"+tt.name, func(t *testing.T) {
				src, out, cache := tt.image(t), t.TempDir(), t.TempDir()
				if err := os.WriteFile(filepath.Join(out, "image."+format), []byte("of before"), 0o644); err != nil {
					t.Fatal(err)
				}
				_, err := Pack(t.Context(), Request{Source: src, Dir: out, Format: format, Cache: cache})
				if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "\n") {
					t.Errorf("Pack = %v, want one line with %s", err, tt.want)
				}
				if diff := cmp.Diff(map[string]string{"image." + format: "of before"}, contents(t, out)); diff != "" {
					t.Errorf("written (-want +got):\n%s", diff)
				}
				if left := contents(t, cache); len(left) != 0 {
					t.Errorf("in the cache: %q", left)
				}
			})
		}
	}
}

// contents returns the files of dir, hidden ones too.
func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, e := range list {
		data, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		got[e.Name()] = string(data)
	}
	return got
}

// A config with what encoding/json folds must be what the guest reads.
func TestConfigIsKept(t *testing.T) {
	text := "{ \"os\":\"linux\",\n\t\"architecture\":\"" + runtime.GOARCH + "\", \"config\":{\"Cmd\":[\"<&>\"]}, \"other\": [1.50] }\n"
	src := badConfig(t, text)
	r, err := Pack(t.Context(), Request{Source: src, Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	if got := output(t, "unsquashfs", "-cat", r.Config, "image/config.json"); got != text {
		t.Errorf("config.json = %q, want %q", got, text)
	}
	if want := digest.FromString(text).String(); r.ID != want {
		t.Errorf("ID = %s, want %s", r.ID, want)
	}
	var launch map[string]any
	if err := json.Unmarshal([]byte(output(t, "unsquashfs", "-cat", r.Config, "launch.json")), &launch); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]any{"hostname": nil, "network": nil, "env": map[string]any{}, "run": nil}, launch); diff != "" {
		t.Errorf("launch.json (-want +got):\n%s", diff)
	}
}
