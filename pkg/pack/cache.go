package pack

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

const (
	// cacheBuilder changes with what is made of the same image.
	cacheBuilder = "2"
	// cacheBytes is how much all entries may have; the least recently used go.
	cacheBytes = 16 << 30
	// tmpPrefix begins the name of what is being written, which stays where a
	// process was killed, and goes after tmpAge.
	tmpPrefix = ".tmp-"
	tmpAge    = time.Hour
)

// cache keeps the disk of one image. The zero value keeps nothing.
//
// An entry is a file KEY.disk and beside it KEY.json.
type cache struct {
	dir, key string
}

// cacheEntry is what KEY.json says.
type cacheEntry struct {
	Size     int64     `json:"size"`
	ModTime  time.Time `json:"modTime"` // another one: someone wrote to a disk
	Warnings []string  `json:"warnings,omitempty"`
}

// openCache returns the place of the image's disk, of which the digests of the
// layers' contents are the name: images that differ in their configuration have
// one. For images without a configuration there is no cache.
func (p *packer) openCache(ctx context.Context) (cache, error) {
	if p.Cache == "" || p.img.ID == "" {
		return cache{}, nil
	}
	if err := os.MkdirAll(p.Cache, 0o755); err != nil {
		return cache{}, fmt.Errorf("make cache: %w", err)
	}
	var config struct {
		RootFS v1.RootFS `json:"rootfs"`
	}
	if err := json.Unmarshal(p.img.Config, &config); err != nil {
		return cache{}, fmt.Errorf("configuration: %w", err)
	}
	tool, err := p.toolVersion(ctx)
	sum := sha256.Sum256(fmt.Appendf(nil, "%q", []any{cacheBuilder, config.RootFS.DiffIDs, p.Format, p.Compression, tool}))
	return cache{p.Cache, hex.EncodeToString(sum[:])}, err
}

// toolVersion is the first line that mksquashfs says of itself.
func (p *packer) toolVersion(ctx context.Context) (string, error) {
	if p.Format != Squashfs {
		return "", nil
	}
	path, err := find("mksquashfs")
	if err != nil {
		return "", nil //nolint:nilerr // who packs says so
	}
	out, err := exec.CommandContext(ctx, path, "-version").Output()
	if _, ok := errors.AsType[*exec.ExitError](err); err != nil && !ok { // 4.5.1 exits with 1 for -version
		return "", fmt.Errorf("mksquashfs: %w", err)
	}
	line, _, _ := strings.Cut(string(out), "\n")
	return line, nil
}

func (c cache) disk() string { return filepath.Join(c.dir, c.key+".disk") }

func (c cache) about() string { return filepath.Join(c.dir, c.key+".json") }

// take puts the disk at out, by place, and returns what was warned of when it was
// made.
func (c cache) take(out string, place func(from, to string) error) ([]string, bool) {
	if c.dir == "" {
		return nil, false
	}
	var entry cacheEntry
	raw, err := os.ReadFile(c.about())
	if err != nil || json.Unmarshal(raw, &entry) != nil {
		return nil, false
	}
	info, err := os.Lstat(c.disk())
	if err != nil || !info.Mode().IsRegular() || info.Size() != entry.Size || !info.ModTime().Equal(entry.ModTime) {
		return nil, false
	}
	if err := place(c.disk(), out); err != nil {
		return nil, false
	}
	now := time.Now()
	if err := os.Chtimes(c.about(), now, now); err != nil {
		return nil, false
	}
	return entry.Warnings, true
}

// put keeps the disk at path, by place.
func (c cache) put(path string, warnings []string, place func(from, to string) error) error {
	if c.dir == "" {
		return nil
	}
	tmp := filepath.Join(c.dir, tmpPrefix+rand.Text())
	if err := place(path, tmp); err != nil {
		return err
	}
	info, err := os.Stat(tmp)
	if err == nil {
		err = os.Rename(tmp, c.disk())
	}
	if err != nil {
		return errors.Join(err, os.Remove(tmp))
	}
	raw, err := json.Marshal(cacheEntry{info.Size(), info.ModTime(), warnings})
	if err != nil {
		return err
	}
	if err := os.WriteFile(tmp, raw, 0o644); err != nil {
		return err
	}
	if err := os.Rename(tmp, c.about()); err != nil {
		return err
	}
	return c.evict(cacheBytes)
}

// cached is an entry, for evict.
type cached struct {
	key  string
	used time.Time
	size int64
}

// evict removes entries that were not used for longest, but for c's own, until
// the rest has at most bytes.
func (c cache) evict(most int64) error {
	items, err := c.list()
	if err != nil {
		return err
	}
	var total int64
	for _, i := range items {
		total += i.size
	}
	slices.SortFunc(items, func(a, b cached) int { return a.used.Compare(b.used) })
	for _, i := range items {
		if total <= most || i.key == c.key {
			continue
		}
		total -= i.size
		old := cache{c.dir, i.key}
		if err := errors.Join(os.Remove(old.about()), os.Remove(old.disk())); err != nil {
			return err
		}
	}
	return nil
}

// list returns the entries, and removes what was left of some.
func (c cache) list() ([]cached, error) {
	files, err := os.ReadDir(c.dir)
	if err != nil {
		return nil, err
	}
	var items []cached
	for _, f := range files {
		about, err := f.Info()
		if err != nil {
			continue
		}
		if strings.HasPrefix(f.Name(), tmpPrefix) && time.Since(about.ModTime()) > tmpAge {
			_ = os.Remove(filepath.Join(c.dir, f.Name())) // tried again next time
		}
		key, ok := strings.CutSuffix(f.Name(), ".json")
		disk, err := os.Stat(filepath.Join(c.dir, key+".disk"))
		if ok && err == nil {
			items = append(items, cached{key, about.ModTime(), disk.Size()})
		}
	}
	return items, nil
}
