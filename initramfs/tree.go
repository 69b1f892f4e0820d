package initramfs

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
)

// Entry is one file of a Tree.
type Entry struct {
	Path    string      // slash-separated, from the root, without a leading slash
	Mode    fs.FileMode // type, setuid, setgid, sticky and permission bits
	UID     uint32
	GID     uint32
	Target  string // of a symbolic link
	Major   uint32 // of a device
	Minor   uint32
	Content Content // of a regular file
	Reason  string  // why it is there
}

// Content is the bytes of a regular file.
type Content interface {
	// Open returns a reader of exactly size bytes.
	Open() (r io.ReadCloser, size int64, err error)
}

// Bytes is content that is in memory.
type Bytes []byte

// Open implements Content.
func (b Bytes) Open() (io.ReadCloser, int64, error) {
	return io.NopCloser(bytes.NewReader(b)), int64(len(b)), nil
}

// HostFile is the content of a file of the host, read when it is written. It
// need not be there before.
type HostFile string

// Open implements Content.
func (f HostFile) Open() (io.ReadCloser, int64, error) {
	info, err := os.Stat(string(f))
	if err != nil {
		return nil, 0, readError(err)
	}
	if err := checkHostFile(string(f), info); err != nil {
		return nil, 0, err
	}
	r, err := os.Open(string(f))
	if err != nil {
		return nil, 0, readError(err)
	}
	return r, info.Size(), nil
}

// Tree is the files of an image. The zero value is an empty one.
type Tree struct {
	ModTime int64 // of every file, in seconds since 1970
	entries map[string]Entry
}

// Add adds e, and the folders that it is in where they are missing. It is an
// error to add a path twice, but for a folder with the same mode.
func (t *Tree) Add(e Entry) error {
	if !fs.ValidPath(e.Path) || e.Path == "." {
		return fmt.Errorf("%s: /%s is not a clean path", e.Reason, e.Path)
	}
	if have, ok := t.entries[e.Path]; ok {
		if have.Mode.IsDir() && e.Mode == have.Mode {
			return nil
		}
		return conflict(have, e)
	}
	if err := t.addParents(e); err != nil {
		return err
	}
	if t.entries == nil {
		t.entries = make(map[string]Entry)
	}
	t.entries[e.Path] = e
	return nil
}

func conflict(have, e Entry) error {
	if have.Mode.IsDir() && !e.Mode.IsDir() {
		return fmt.Errorf("%s: /%s is a folder (%s); give the file's own name too", e.Reason, Clip(e.Path), have.Reason)
	}
	return fmt.Errorf("%s: /%s is in the image already, as a %s (%s); choose another path", e.Reason, Clip(e.Path), kind(have.Mode), have.Reason)
}

func (t *Tree) addParents(e Entry) error {
	dir := path.Dir(e.Path)
	if dir == "." {
		return nil
	}
	if have, ok := t.entries[dir]; ok {
		if !have.Mode.IsDir() {
			return fmt.Errorf("%s: /%s is a %s (%s), not a folder that could hold /%s; choose another path",
				e.Reason, Clip(dir), kind(have.Mode), have.Reason, Clip(e.Path))
		}
		return nil
	}
	return t.Add(Entry{Path: dir, Mode: fs.ModeDir | 0o755, Reason: e.Reason})
}

// Entries returns t's entries in the order of their paths: a folder is before
// what it holds.
func (t *Tree) Entries() []Entry {
	list := make([]Entry, 0, len(t.entries))
	for _, name := range slices.Sorted(maps.Keys(t.entries)) {
		list = append(list, t.entries[name])
	}
	return list
}
