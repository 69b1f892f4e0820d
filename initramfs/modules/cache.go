package modules

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// maxAge is how long a kept module stays that no image takes.
const maxAge = 30 * 24 * time.Hour

// cache keeps unpacked modules in files of a folder, since xz unpacks some ten
// megabytes a second. Each file has the digest of its contents first: one that
// is damaged or cut short is as if it were not there.
type cache struct {
	dir string // empty for no cache
}

// cacheIn returns the cache in a folder that has others too.
func cacheIn(dir string) cache {
	if dir == "" {
		return cache{}
	}
	return cache{filepath.Join(dir, "modules")}
}

// key names a file's contents by its path, size and time of change.
func (cache) key(file string, info fs.FileInfo) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\x00%d\x00%d", file, info.Size(), info.ModTime().UnixNano()))
	return hex.EncodeToString(sum[:])
}

// load returns the contents kept under key.
func (c cache) load(key string) ([]byte, bool) {
	if c.dir == "" {
		return nil, false
	}
	file := filepath.Join(c.dir, key)
	data, err := os.ReadFile(file)
	if err != nil || len(data) < sha256.Size {
		return nil, false
	}
	now := time.Now()
	_ = os.Chtimes(file, now, now) // for maxAge; one that is not mine to change may go early
	sum := sha256.Sum256(data[sha256.Size:])
	return data[sha256.Size:], bytes.Equal(sum[:], data[:sha256.Size])
}

// store keeps data under key, and removes what nobody took for maxAge. What
// cannot be kept is unpacked again next time.
func (c cache) store(key string, data []byte) {
	if c.dir == "" || os.MkdirAll(c.dir, 0o755) != nil {
		return
	}
	c.removeOld()
	f, err := os.CreateTemp(c.dir, "new-")
	if err != nil {
		return
	}
	sum := sha256.Sum256(data)
	_, err = f.Write(append(sum[:], data...))
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(f.Name(), filepath.Join(c.dir, key))
	}
	if err != nil {
		_ = os.Remove(f.Name()) // one that stays is old some day
	}
}

func (c cache) removeOld() {
	entries, err := os.ReadDir(c.dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		if info, err := e.Info(); err == nil && time.Since(info.ModTime()) > maxAge {
			_ = os.Remove(filepath.Join(c.dir, e.Name())) // tried again next time
		}
	}
}
