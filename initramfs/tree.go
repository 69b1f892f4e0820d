package initramfs

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/kguest/kguest/initramfs/hostfile"
)

// Entry is one file of a Tree.
type Entry struct {
	Path     string      // slash-separated, from the root, without a leading slash
	Mode     fs.FileMode // type, setuid, setgid, sticky and permission bits
	UID      uint32
	GID      uint32
	Target   string // of a symbolic link
	Major    uint32 // of a device
	Minor    uint32
	Content  Content  // of a regular file
	LinkTo   string   // path of the regular file that this is a further name of
	Source   string   // where the content came from: a path in the folder of the host that was asked for, an import path
	Reason   string   // why it is there
	NeededBy []string // paths, as Path, of the files that it is there for

	claim  claim
	brings bool // what it needs to run comes with it
	runs   bool // the boot runs it
}

// claim is how firm a folder's mode and owner are.
type claim int

const (
	firm    claim = iota
	yields        // to a folder of the image's own
	implied       // by what is in it
)

// Content is the bytes of a regular file.
type Content interface {
	// Open returns a reader of exactly size bytes.
	Open() (r io.ReadCloser, size int64, err error)
}

// Bytes is content that is in memory.
type Bytes []byte

// Open implements Content.
func (b Bytes) Open() (io.ReadCloser, int64, error) {
	return bytesReader{bytes.NewReader(b)}, int64(len(b)), nil
}

// digested is content that may know its SHA-256 without being read; where it
// does not, that is empty.
type digested interface{ SHA256() string }

// bytesReader is an io.ReaderAt too.
type bytesReader struct{ *bytes.Reader }

func (bytesReader) Close() error { return nil }

// HostFile is the content of a file of the host, read when it is written. It
// need not be there before.
type HostFile string

// Open implements Content.
func (f HostFile) Open() (io.ReadCloser, int64, error) {
	r, info, err := hostfile.Open(string(f))
	if err != nil {
		return nil, 0, readError(err)
	}
	if err := checkHostFile(string(f), info); err != nil {
		return nil, 0, errors.Join(err, r.Close())
	}
	return r, info.Size(), nil
}

// Tree is the files of an image. The zero value is an empty one.
type Tree struct {
	ModTime int64 // of every file, in seconds since 1970
	entries map[string]Entry
}

// Add adds e, and the folders that it is in where they are missing. It is an
// error to add a path twice, but for a folder with the same mode and owner, or
// one that is content with those that are there.
func (t *Tree) Add(e Entry) error {
	if !fs.ValidPath(e.Path) || e.Path == "." {
		return fmt.Errorf("%s: /%s is not a clean path", e.Reason, e.Path)
	}
	if have, ok := t.entries[e.Path]; ok {
		if !have.Mode.IsDir() || !e.Mode.IsDir() {
			return conflict(have, e)
		}
		return t.addFolderAgain(have, e)
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

// addFolderAgain has the firmer one of two of a folder.
func (t *Tree) addFolderAgain(have, e Entry) error {
	same := e.Mode == have.Mode && e.UID == have.UID && e.GID == have.GID
	switch {
	case have.claim > e.claim:
		t.entries[e.Path] = e
	case same || e.claim > have.claim || e.claim == implied:
	default:
		return conflict(have, e)
	}
	return nil
}

func conflict(have, e Entry) error {
	if have.Mode.IsDir() && !e.Mode.IsDir() {
		return fmt.Errorf("%s: /%s is a folder (%s); give the file's own name too", e.Reason, Clip(e.Path), have.Reason)
	}
	if have.Mode.IsDir() && e.Mode.IsDir() {
		return fmt.Errorf("%s: /%s is in the image already, as a folder of mode %04o and owner %d:%d (%s), not %04o and %d:%d; give both the same",
			e.Reason, Clip(e.Path), bits(have.Mode), have.UID, have.GID, have.Reason, bits(e.Mode), e.UID, e.GID)
	}
	return fmt.Errorf("%s: /%s is in the image already, as a %s (%s); choose another path", e.Reason, Clip(e.Path), hostfile.Kind(have.Mode), have.Reason)
}

func (t *Tree) addParents(e Entry) error {
	dir := path.Dir(e.Path)
	if dir == "." {
		return nil
	}
	if have, ok := t.entries[dir]; ok {
		if !have.Mode.IsDir() {
			return fmt.Errorf("%s: /%s is a %s (%s), not a folder that could hold /%s; choose another path",
				e.Reason, Clip(dir), hostfile.Kind(have.Mode), have.Reason, Clip(e.Path))
		}
		return nil
	}
	return t.Add(Entry{Path: dir, Mode: fs.ModeDir | 0o755, Reason: e.Reason, claim: implied})
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

// maxLinks is the kernel's bound of symbolic links on the way to one file
// (path_resolution(7)).
const maxLinks = 40

// follow returns the path that p, from the root without a leading slash, leads
// to by t's symbolic links. What is not there leads to itself. It is false for
// links that lead round in a circle.
func (t *Tree) follow(p string) (string, bool) {
	done, rest := "", p
	for links := 0; rest != ""; {
		var name string
		name, rest, _ = strings.Cut(rest, "/")
		done = path.Join(done, name)
		e := t.entries[done]
		if e.Mode&fs.ModeSymlink == 0 {
			continue
		}
		if links++; links > maxLinks {
			return "", false
		}
		to := e.Target
		if !path.IsAbs(to) {
			to = path.Join(path.Dir(done), to)
		}
		done, rest = "", path.Join(path.Join("/", to), rest)[1:]
	}
	return done, true
}

// lookup returns what is at p, by t's symbolic links.
func (t *Tree) lookup(p string) (Entry, bool) {
	at, ok := t.follow(strings.TrimPrefix(path.Join("/", p), "/"))
	if !ok {
		return Entry{}, false
	}
	e, ok := t.entries[at]
	return e, ok
}
