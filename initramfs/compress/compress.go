// Package compress packs archives as the kernel's decoders unpack them. What
// it writes depends on what is packed and how, not on the number of processors.
package compress

import (
	"fmt"
	"io"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/klauspost/pgzip"

	"github.com/kguest/kguest/pkg/nearest"
)

// Compression is how an archive is packed: NAME or NAME:LEVEL, a higher level
// being smaller and slower. The kernel must have been built with the same
// (CONFIG_RD_...).
type Compression string

// The compressions that NewWriter knows, at their default levels.
const (
	None Compression = "none"
	LZ4  Compression = "lz4"
	Zstd Compression = "zstd"
	Gzip Compression = "gzip"
	XZ   Compression = "xz"
)

// levels is what a compression takes as its level: each packs smaller than the
// one before. std is the one that is taken where none is given.
type levels struct {
	name Compression
	have []int
	std  int
}

func all() []levels {
	return []levels{
		{None, nil, 0},
		{LZ4, []int{1, 2, 3, 4, 5, 6}, 6},
		{Zstd, []int{1, 3, 7, 11}, 11}, // those of zstd(1) that the library has an encoder near to
		{Gzip, []int{1, 2, 3, 4, 5, 6, 7, 8, 9}, 9},
		{XZ, []int{0, 1, 2}, 1},
	}
}

// Levels returns what Check takes as levels of the compression name.
func Levels(name string) []int {
	for _, l := range all() {
		if string(l.name) == name {
			return l.have
		}
	}
	return nil
}

// text lists the levels for a person.
func (l levels) text() string {
	first, last := l.have[0], l.have[len(l.have)-1]
	if last-first == len(l.have)-1 {
		return fmt.Sprintf("%d to %d", first, last)
	}
	var each []string
	for _, n := range l.have {
		each = append(each, strconv.Itoa(n))
	}
	return strings.Join(each[:len(each)-1], ", ") + " or " + each[len(each)-1]
}

// Names returns the names of all of them.
func Names() []string {
	var names []string
	for _, l := range all() {
		names = append(names, string(l.name))
	}
	return names
}

// Name returns c without its level.
func (c Compression) Name() string {
	name, _, _ := strings.Cut(string(c), ":")
	return name
}

// Check returns an error where c is none of them, or has a level that it does
// not know.
func (c Compression) Check() error {
	_, err := c.level()
	return err
}

func (c Compression) level() (int, error) {
	name, level, given := strings.Cut(string(c), ":")
	for _, l := range all() {
		if string(l.name) != name {
			continue
		}
		if !given {
			return l.std, nil
		}
		if l.name == None {
			return 0, fmt.Errorf("compression %q: none has no levels; leave the level out", string(c))
		}
		n, err := strconv.Atoi(level)
		if err != nil || !slices.Contains(l.have, n) {
			return 0, fmt.Errorf("compression %q: want a level of %s", string(c), l.text())
		}
		return n, nil
	}
	return 0, fmt.Errorf("no compression %q; there are %s%s", name, strings.Join(Names(), ", "), nearest.Hint(name, Names()))
}

// gzipBlock is the bytes of input that one processor packs at a time.
const gzipBlock = 1 << 20

// NewWriter returns a writer that packs what is written to it into w. It must
// be closed, after an error too: it has goroutines.
func (c Compression) NewWriter(w io.Writer) (io.WriteCloser, error) {
	level, err := c.level()
	if err != nil {
		return nil, err
	}
	workers := runtime.GOMAXPROCS(0)
	switch Compression(c.Name()) {
	case LZ4:
		return newLZ4(w, level, workers), nil
	case Zstd:
		// One frame: the kernel begins anew after each.
		return zstd.NewWriter(w, zstd.WithEncoderLevel(zstd.EncoderLevelFromZstd(level)))
	case Gzip:
		zw, err := pgzip.NewWriterLevel(w, level)
		if err != nil {
			return nil, err
		}
		zw.ModTime = time.Unix(0, 0) // written as none
		return zw, zw.SetConcurrency(gzipBlock, max(workers, 2))
	case XZ:
		return newXZ(w, level, workers), nil
	default:
		return nopCloser{w}, nil
	}
}

type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }
