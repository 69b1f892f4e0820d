package modules

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/kguest/kguest/initramfs/hostfile"
)

const (
	// maxAge is how long a kept module stays that no image takes: those of an
	// older builder, too.
	maxAge = 7 * 24 * time.Hour
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
	builder string // tells this program from others, which may cut in another way; not empty
}

// cacheIn returns the cache in a folder that has others too.
func cacheIn(dir, builder string) cache {
	if dir == "" || builder == "" {
		return cache{}
	}
	return cache{filepath.Join(dir, "modules"), builder}
}

// key names what becomes of a file with that digest, which suffix says how to
// unpack.
func (c cache) key(f form, suffix string, sum [sha256.Size]byte) string {
	builder := ""
	if f.cut {
		builder = c.builder
	}
	key := sha256.Sum256(fmt.Appendf(nil, "%q %q %q %x", builder, f.arch, suffix, sum))
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

// Kept is a module as images have it, in the cache. It was whole.
type Kept struct {
	cache  cache
	key    string
	size   int64
	sha256 [sha256.Size]byte
}

// scratch is the memory of a kept module while it is used: all of an image's would
// take more of it than the rest of a build does.
type scratch struct{ buf, data []byte }

var scratches sync.Pool

// scratchSize is more than most modules have, in bytes. What is not used of it
// costs nothing.
const scratchSize = 1 << 20

// load returns what is kept under key, to be used until it is released.
func (c cache) load(key string) (*Kept, *scratch, bool) {
	file := filepath.Join(c.dir, key)
	s, ok := scratches.Get().(*scratch)
	if !ok {
		s = &scratch{buf: make([]byte, 0, scratchSize)}
	}
	sum, ok := s.read(file, key)
	if !ok {
		s.release()
		return nil, nil, false
	}
	now := time.Now()
	if info, err := os.Stat(file); err == nil && now.Sub(info.ModTime()) > touchAfter {
		_ = os.Chtimes(file, now, now) // for maxAge; one that is not mine to change may go early
	}
	return &Kept{c, key, int64(len(s.data)), sum}, s, true
}

// read reads what is kept under key in the file. It is false where that is not
// whole.
func (s *scratch) read(file, key string) (sum [sha256.Size]byte, ok bool) {
	buf, err := hostfile.ReadInto(file, maxModule+sealSize, s.buf)
	if err != nil || len(buf) < sealSize {
		return sum, false
	}
	s.buf, s.data = buf, buf[sealSize:]
	sum = sha256.Sum256(s.data)
	return sum, bytes.Equal(seal(key, sum), buf[:sealSize])
}

func (s *scratch) release() { scratches.Put(s) }

// SHA256 returns the digest of the module, in hexadecimal.
func (k *Kept) SHA256() string { return hex.EncodeToString(k.sha256[:]) }

// Open returns a reader of the module, which has size bytes.
func (k *Kept) Open() (r io.ReadCloser, size int64, err error) { return &keptReader{k: k}, k.size, nil }

// keptReader reads a module from the cache when it is first asked for some of it.
type keptReader struct {
	k    *Kept
	s    *scratch
	rest []byte
}

// Read implements io.Reader.
func (r *keptReader) Read(b []byte) (int, error) {
	if r.s == nil {
		k, s, ok := r.k.cache.load(r.k.key)
		if !ok {
			return 0, errChanged
		}
		r.s, r.rest = s, s.data
		if k.sha256 != r.k.sha256 {
			return 0, errChanged
		}
	}
	if len(r.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(b, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

var errChanged = errors.New("the kept module was changed after it was found; run this again")

// Close implements io.Closer.
func (r *keptReader) Close() error {
	if r.s != nil {
		r.s.release()
		r.s, r.rest = nil, nil
	}
	return nil
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
