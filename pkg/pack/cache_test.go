package pack

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

// small is a layout of one small image.
func small(t *testing.T, content string) (string, v1.Manifest) {
	t.Helper()
	l := newLayout(t)
	m := l.manifest(runtime.GOARCH, zstdLayer(t, l, content))
	return l.finish(l.json(v1.MediaTypeImageManifest, m)), m
}

func zstdLayer(t *testing.T, _ *layout, content string) []byte {
	t.Helper()
	return tarOf(t, [2]string{"hello", content})
}

func packed(t *testing.T, r Request) *Result {
	t.Helper()
	if r.Dir == "" {
		r.Dir = t.TempDir()
	}
	result, err := Pack(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

func TestCache(t *testing.T) {
	cache := filepath.Join(t.TempDir(), "made/when/needed")
	src, m := small(t, "one")
	for _, format := range []string{Squashfs, Erofs} {
		first := packed(t, Request{Source: src, Format: format, Cache: cache})
		second := packed(t, Request{Source: src, Format: format, Cache: cache})
		if first.Cached || !second.Cached {
			t.Errorf("%s: from the cache: %t, then %t; want false, then true", format, first.Cached, second.Cached)
		}
		one, err := sumOf(first.Image)
		two, err2 := sumOf(second.Image)
		if one != two || err != nil || err2 != nil || first.ImageSize != second.ImageSize {
			t.Errorf("%s: disks differ: %s, %s", format, one, two)
		}
	}
	if r := packed(t, Request{Source: src, Compression: "zstd", Cache: cache}); r.Cached {
		t.Error("another compression came out of the cache")
	}
	// The layers are not needed again.
	dir := strings.TrimPrefix(src, "oci:")
	if err := os.Remove(filepath.Join(dir, (&layout{}).blobFile(m.Layers[0].Digest))); err != nil {
		t.Fatal(err)
	}
	if r := packed(t, Request{Source: src, Cache: cache}); !r.Cached {
		t.Error("a disk without its layers did not come out of the cache")
	}
	if _, err := Pack(t.Context(), Request{Source: src, Dir: t.TempDir()}); err == nil {
		t.Error("without a cache there is a disk without layers")
	}
}

// Images that differ in their configuration alone have one disk, others not.
func TestCacheByLayers(t *testing.T) {
	cache := t.TempDir()
	for _, tt := range []struct {
		content, cmd string
		want         bool
	}{{"one", "/hello", false}, {"one", "/other", true}, {"two", "/hello", false}, {"two", "/other", true}} {
		l := newLayout(t)
		m := l.manifest(runtime.GOARCH, tarOf(t, [2]string{"hello", tt.content}))
		config, err := os.ReadFile(filepath.Join(l.dir, l.blobFile(m.Config.Digest)))
		if err != nil {
			t.Fatal(err)
		}
		m.Config = l.blob(v1.MediaTypeImageConfig, []byte(strings.Replace(string(config), "/hello", tt.cmd, 1)))
		r := packed(t, Request{Source: l.finish(l.json(v1.MediaTypeImageManifest, m)), Cache: cache})
		if r.Cached != tt.want || r.OCI.Config.Cmd[0] != tt.cmd {
			t.Errorf("%+v: cached %t, command %q", tt, r.Cached, r.OCI.Config.Cmd)
		}
	}
}

// A disk is its user's own: what is written to it is not in the cache.
func TestCacheApart(t *testing.T) {
	cache := t.TempDir()
	src, _ := small(t, "one")
	first := packed(t, Request{Source: src, Cache: cache})
	second := packed(t, Request{Source: src, Cache: cache})
	want, err := sumOf(second.Image)
	if err != nil {
		t.Fatal(err)
	}
	for _, disk := range []string{first.Image, second.Image} {
		if err := os.WriteFile(disk, []byte("spoiled"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	third := packed(t, Request{Source: src, Cache: cache})
	if got, err := sumOf(third.Image); !third.Cached || got != want || err != nil {
		t.Errorf("after others were written to: cached %t, %s, %v, want that of %s", third.Cached, got, err, want)
	}
}

// A disk that nobody writes to may be the cache's own, which does not come back
// where somebody did.
func TestCacheShared(t *testing.T) {
	cache, out := t.TempDir(), t.TempDir()
	src, _ := small(t, "one")
	shared := Request{Source: src, Dir: out, Cache: cache, ReadOnly: true}
	r := packed(t, shared)
	want, err := sumOf(r.Image)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(r.Image, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	later := time.Now().Add(time.Hour)
	_, err = f.WriteAt([]byte("spoiled"), 100)
	if err := errors.Join(err, f.Close(), os.Chtimes(r.Image, later, later)); err != nil {
		t.Fatal(err)
	}
	r = packed(t, shared)
	if got, err := sumOf(r.Image); r.Cached || got != want || err != nil {
		t.Errorf("after the disk was written to: cached %t, %s, want a new one of %s", r.Cached, got, want)
	}
	if r = packed(t, shared); !r.Cached {
		t.Error("the new one is not in the cache")
	}
}

// A copy has the holes of the file, and none of its writes.
func TestCopyDisk(t *testing.T) {
	const size = 64 << 20
	dir := t.TempDir()
	from, to := filepath.Join(dir, "from"), filepath.Join(dir, "to")
	f, err := os.Create(from)
	if err != nil {
		t.Fatal(err)
	}
	for _, at := range []int64{0, 1 << 20, size / 2} {
		if _, err := f.WriteAt([]byte("content"), at); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(f.Truncate(size), f.Close(), copyDisk(from, to)); err != nil {
		t.Fatal(err)
	}
	want, err := sumOf(from)
	got, err2 := sumOf(to)
	if got != want || err != nil || err2 != nil {
		t.Errorf("copy is %s, want %s (%v, %v)", got, want, err, err2)
	}
	info, err := os.Stat(to)
	if err != nil {
		t.Fatal(err)
	}
	if used := info.Sys().(*syscall.Stat_t).Blocks * 512; used > size/16 { //nolint:errcheck // of Linux
		t.Errorf("copy takes %d bytes of the disk", used)
	}
	if err := copyDisk(from, to); !errors.Is(err, os.ErrExist) {
		t.Errorf("copy over a file = %v, want %v", err, os.ErrExist)
	}
}

func TestCacheEvict(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(t.TempDir(), "disk")
	if err := os.WriteFile(file, make([]byte, 1000), 0o644); err != nil {
		t.Fatal(err)
	}
	for i, key := range []string{"old", "used", "new"} {
		if err := (cache{dir, key}).put(file, nil, copyDisk); err != nil {
			t.Fatal(err)
		}
		when := time.Now().Add(time.Duration(i-10) * time.Hour)
		if err := os.Chtimes((cache{dir, key}).about(), when, when); err != nil {
			t.Fatal(err)
		}
	}
	left := filepath.Join(dir, tmpPrefix+"left")
	when := time.Now().Add(-2 * tmpAge)
	if err := errors.Join(os.WriteFile(left, nil, 0o644), os.Chtimes(left, when, when)); err != nil {
		t.Fatal(err)
	}
	if _, ok := (cache{dir, "old"}).take(filepath.Join(t.TempDir(), "x"), copyDisk); !ok {
		t.Fatal("nothing in the cache")
	}
	if err := (cache{dir, "new"}).evict(2000); err != nil {
		t.Fatal(err)
	}
	if left := contents(t, dir); len(left) != 4 {
		t.Errorf("cache has %d files, want two entries of two", len(left))
	}
	for key, want := range map[string]bool{"old": true, "used": false, "new": true} {
		if _, ok := (cache{dir, key}).take(filepath.Join(t.TempDir(), "x"), copyDisk); ok != want {
			t.Errorf("%s is in the cache: %t, want %t", key, ok, want)
		}
	}
}

// An interrupt leaves nothing, whenever it comes.
func TestInterrupt(t *testing.T) {
	src, _ := small(t, strings.Repeat("much ", 1<<20))
	for _, at := range []string{"packing the configuration", "reading layer 1 of 1", "packing layer 1 of 1"} {
		for _, format := range []string{Squashfs, Erofs} {
			out, cache := t.TempDir(), t.TempDir()
			ctx, cancel := context.WithCancel(t.Context())
			reached := false
			_, err := Pack(ctx, Request{Source: src, Dir: out, Format: format, Cache: cache, Progress: func(step string) {
				if step == at {
					reached = true
					cancel()
				}
			}})
			if !errors.Is(err, context.Canceled) || !reached {
				t.Errorf("%s, canceled when %s: %v, want %v", format, at, err, context.Canceled)
			}
			if left := contents(t, out); len(left)+len(contents(t, cache)) != 0 {
				t.Errorf("%s, canceled when %s: left %d files", format, at, len(left))
			}
		}
	}
}

// Where no tool is, an erofs can be made, and both of its disks.
func TestNoTools(t *testing.T) {
	src, _ := small(t, "one")
	if _, err := os.Stat("/usr/sbin/mksquashfs"); err == nil {
		t.Skip("needs mksquashfs elsewhere than in /usr/sbin, where it is looked for without PATH")
	}
	t.Setenv("PATH", t.TempDir())
	_, err := Pack(t.Context(), Request{Source: src, Dir: t.TempDir()})
	if want := src + ": mksquashfs is not installed (Debian package squashfs-tools); -format erofs needs no tool"; err == nil || err.Error() != want {
		t.Errorf("squashfs without mksquashfs: %v, want %s", err, want)
	}
	r := packed(t, Request{Source: src, Format: AnyFormat()})
	if r.ImageSize == 0 || r.ConfigSize == 0 || filepath.Base(r.Config) != "config.erofs" {
		t.Errorf("Pack = %+v, want two disks", r)
	}
}

func TestBadRequest(t *testing.T) {
	src, _ := small(t, "one")
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "image.squashfs"), 0o755); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		r    Request
		want string
	}{
		{Request{Source: src, Dir: dir}, "image.squashfs exists and is no regular file"},
		{Request{Source: src, Dir: file}, "pack into " + file + ": is no folder"},
		{Request{Source: src, Dir: "/proc/self/fdinfo/x"}, "pack into /proc/self/fdinfo/x: make it: "},
		{Request{Source: src, Dir: file + "/x"}, "pack into " + file + "/x: not a directory"},
		{Request{Source: src, Dir: file + "x/y"}, "pack into " + file + "x/y: there is no folder " + file + "x; make it first"},
		{Request{Source: src + "x", Dir: file + "x"}, "has no index.json"},
		{Request{Source: src, Dir: ".", Format: "ext4"}, `unknown format "ext4" (known: squashfs erofs)`},
		{Request{Source: src, Dir: ".", Compression: "lzo"}, `unknown compression "lzo" of a squashfs`},
		{Request{Source: src, Dir: ".", Compression: "lz4", Format: Erofs}, `unknown compression "lz4" of an erofs`},
		{Request{Source: src, Dir: ".", Platform: "linux"}, `platform "linux": want os/arch or os/arch/variant`},
		{Request{Source: src, Dir: ".", Platform: "linux/nine"}, "no image for linux/nine; there is linux/" + runtime.GOARCH},
		{Request{Source: "x", Dir: "."}, `source "x" has no scheme`},
	}
	for _, tt := range tests {
		_, err := Pack(t.Context(), tt.r)
		if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("Pack(%+v) = %v, want one line with %s", tt.r, err, tt.want)
		}
	}
	if _, err := os.Stat(file + "x"); err == nil {
		t.Error("the folder that was made is left")
	}
	if r := packed(t, Request{Source: src, Dir: file + "x/"}); r.Image != filepath.Join(file+"x", "image.squashfs") {
		t.Errorf("image is %s", r.Image)
	}
	bad := "a b"
	r := Request{Source: "nothing is read", Dir: "."}
	r.Launch.Hostname = &bad
	if _, err := Pack(t.Context(), r); err == nil || !strings.HasPrefix(err.Error(), `launch.json: hostname: "a b": `) {
		t.Errorf("Pack with a bad host name: %v", err)
	}
	r.Launch.Hostname, r.Launch.Stop.Signal = nil, "SIGWHAT"
	if _, err := Pack(t.Context(), r); err == nil || !strings.HasPrefix(err.Error(), `launch.json: stop.signal: "SIGWHAT": not a signal`) {
		t.Errorf("Pack with a bad signal: %v", err)
	}
}
