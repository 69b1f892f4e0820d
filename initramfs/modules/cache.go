package modules

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/kguest/kguest/initramfs/hostfile"
)

const (
	// maxAge is how long a kept module stays that no image takes.
	maxAge = 30 * 24 * time.Hour
	// touchAfter is how old the time of a kept module's last use may get.
	touchAfter = time.Hour
)

// form is what an image has of a module.
type form struct {
	arch string // GOARCH of the guest
	cut  bool   // as Cut does
	kept cache
}

// cache keeps modules as images have them in files of a folder: xz unpacks some
// ten megabytes a second, and cutting takes longer than all else of a build. A file
// that is damaged, cut short or another's is as if it were not there.
type cache struct {
	dir     string // empty for no cache
	builder string // tells this program from others, which may cut in another way
}

// cacheIn returns the cache in a folder that has others too.
func cacheIn(dir, builder string) cache {
	if dir == "" || builder == "" {
		return cache{}
	}
	return cache{filepath.Join(dir, "modules"), builder}
}

// contents are a file's, with their SHA-256 in hexadecimal where it is known.
type contents struct {
	data   []byte
	sha256 string
}

// key names what becomes of a file with that digest, which suffix says how to
// unpack.
func (c cache) key(f form, suffix string, sum [sha256.Size]byte) string {
	key := sha256.Sum256(fmt.Appendf(nil, "%q %q %t %q %x", c.builder, f.arch, f.cut, suffix, sum))
	return hex.EncodeToString(key[:])
}

// sealSize is that of a seal and a digest.
const sealSize = 2 * sha256.Size

// seal returns what stands before contents of that digest in the file key: a
// digest of both, and theirs.
func seal(key string, sum [sha256.Size]byte) []byte {
	both := sha256.Sum256(append([]byte(key), sum[:]...))
	return append(both[:], sum[:]...)
}

// load returns the contents kept under key.
func (c cache) load(key string) (contents, bool) {
	if c.dir == "" {
		return contents{}, false
	}
	file := filepath.Join(c.dir, key)
	data, err := hostfile.Read(file, maxModule+sealSize)
	if err != nil || len(data) < sealSize {
		return contents{}, false
	}
	sum := sha256.Sum256(data[sealSize:])
	if !bytes.Equal(seal(key, sum), data[:sealSize]) {
		return contents{}, false
	}
	now := time.Now()
	if info, err := os.Stat(file); err == nil && now.Sub(info.ModTime()) > touchAfter {
		_ = os.Chtimes(file, now, now) // for maxAge; one that is not mine to change may go early
	}
	return contents{data[sealSize:], hex.EncodeToString(sum[:])}, true
}

// store keeps data under key, and removes what nobody took for maxAge. What
// cannot be kept is made again next time.
func (c cache) store(key string, data []byte) {
	if c.dir == "" || os.MkdirAll(c.dir, 0o755) != nil {
		return
	}
	c.removeOld()
	f, err := os.CreateTemp(c.dir, "new-")
	if err != nil {
		return
	}
	_, err = f.Write(append(seal(key, sha256.Sum256(data)), data...))
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
