package pack

import (
	"runtime"
	"testing"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

// TestLayerCompressions packs one image whose layers are compressed by
// whatever layers are, said rightly or not.
func TestLayerCompressions(t *testing.T) {
	want := ""
	plain := [][]byte{tarOf(t, [2]string{"hello", "one"}), tarOf(t, [2]string{"b", "two"})}
	for _, c := range []struct {
		name, mediaType string
		pack            func(*testing.T, []byte) []byte
	}{
		{"plain", v1.MediaTypeImageLayer, func(_ *testing.T, b []byte) []byte { return b }},
		{"gzip", v1.MediaTypeImageLayerGzip, gzipped},
		{"zstd", v1.MediaTypeImageLayerZstd, zstded},
		{"zstd of many frames, the first empty", v1.MediaTypeImageLayerZstd, func(t *testing.T, b []byte) []byte {
			t.Helper()
			skippable := []byte{0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3}
			return append(append(skippable, zstded(t, b[:700])...), zstded(t, b[700:])...)
		}},
		{"gzip of two members", v1.MediaTypeImageLayerGzip, func(t *testing.T, b []byte) []byte {
			t.Helper()
			return append(gzipped(t, b[:700]), gzipped(t, b[700:])...)
		}},
		{"gzip of Docker", "application/vnd.docker.image.rootfs.diff.tar.gzip", gzipped},
		{"gzip that says plain", v1.MediaTypeImageLayer, gzipped},
		{"gzip that forbids to spread", "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", gzipped},
	} {
		l := newLayout(t)
		m := l.manifest(runtime.GOARCH, plain...)
		for i := range m.Layers {
			m.Layers[i] = l.blob(c.mediaType, c.pack(t, plain[i]))
		}
		r := packed(t, Request{Source: l.finish(l.json(v1.MediaTypeImageManifest, m))})
		got, err := sumOf(r.Image)
		if err != nil {
			t.Fatal(err)
		}
		if want == "" {
			want = got
		}
		if got != want {
			t.Errorf("%s: image %s, want %s", c.name, got, want)
		}
	}
}
