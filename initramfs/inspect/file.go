package inspect

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/kguest/kguest/initramfs/inspect/archive"
	"github.com/kguest/kguest/initramfs/manifest"
)

// File is one path of the guest's first root.
type File struct {
	Path    string        `json:"path"` // from the root, without a leading slash; "." is the root
	Type    manifest.Type `json:"type"`
	Mode    manifest.Perm `json:"mode"`
	UID     uint32        `json:"uid"`
	GID     uint32        `json:"gid"`
	Size    int64         `json:"size"`  // of a regular file's content or a link's target, in bytes
	ModTime int64         `json:"mtime"` // seconds since 1970
	Links   int           `json:"links"` // names of the same file
	Target  string        `json:"target,omitempty"`
	Major   uint32        `json:"major,omitempty"`
	Minor   uint32        `json:"minor,omitempty"`
	Archive int           `json:"archive"` // index of the archive that made or last changed it

	node *node
}

// typeOf names the type bits of a mode.
func typeOf(mode uint32) manifest.Type {
	switch mode & archive.TypeMask {
	case archive.TypeReg:
		return manifest.Regular
	case archive.TypeDir:
		return manifest.Directory
	case archive.TypeSymlink:
		return manifest.Symlink
	case archive.TypeChar:
		return manifest.Char
	case archive.TypeBlock:
		return manifest.Block
	case archive.TypeFIFO:
		return manifest.FIFO
	case archive.TypeSocket:
		return manifest.Socket
	}
	return ""
}

func (im *Image) file(name string, n *node) File {
	f := File{
		Path: name, Type: typeOf(n.mode), Mode: manifest.Perm(n.mode & 0o7777), UID: n.uid, GID: n.gid,
		Size: n.size, ModTime: int64(n.modTime), Links: n.links, Target: n.target, Major: n.major, Minor: n.minor, node: n,
	}
	if n.entry >= 0 {
		f.Archive = im.Entries[n.entry].Archive
	}
	return f
}

// Files returns the files in the order of their paths. The folders that every
// kernel has itself are among them only where the image has them.
func (im *Image) Files() []File {
	var list []File
	var add func(name string, n *node)
	add = func(name string, n *node) {
		if n.entry >= 0 {
			list = append(list, im.file(name, n))
		}
		for base, child := range n.children {
			add(path.Join(name, base), child)
		}
	}
	add(".", im.tree.root)
	slices.SortFunc(list, func(a, b File) int { return cmp.Compare(a.Path, b.Path) })
	return list
}

// Lstat returns the file at a path of the guest; links are followed but for
// the last.
func (im *Image) Lstat(name string) (File, error) {
	p, reason := im.tree.place(name)
	if reason == "" && p.node() != nil {
		return im.file(strings.Join(split(name), "/"), p.node()), nil
	}
	return File{}, im.notThere(name, reason)
}

func (im *Image) notThere(name, reason string) error {
	if reason != "" {
		reason = ": " + reason
	}
	return fmt.Errorf("%s: no file %q in it%s", im.Name, name, reason)
}

// Stat returns the file that a path of the guest leads to.
func (im *Image) Stat(name string) (File, error) {
	if n := im.tree.lookup(name); n != nil {
		return im.file(strings.Join(split(name), "/"), n), nil
	}
	return File{}, im.notThere(name, "")
}

// ReadFile returns the content of the regular file at a path, links followed,
// of at most limit bytes.
func (im *Image) ReadFile(name string, limit int64) ([]byte, error) {
	f, err := im.Stat(name)
	switch {
	case err != nil:
		return nil, err
	case f.Type != manifest.Regular:
		return nil, fmt.Errorf("read %s in %s: not a regular file", name, im.Name)
	case f.Size > limit:
		return nil, fmt.Errorf("read %s in %s: %d bytes, more than %d", name, im.Name, f.Size, limit)
	}
	return im.head(f, limit)
}

// head returns the first bytes of a regular file, n at most.
func (im *Image) head(f File, n int64) ([]byte, error) {
	var b bytes.Buffer
	err := im.Contents([]File{f}, func(_ File, body io.Reader) error {
		_, err := b.ReadFrom(io.LimitReader(body, n))
		return err
	})
	return b.Bytes(), err
}

// Contents calls visit with the content of each regular file that is not
// empty, in the order of the image, and once for all names of it that are
// among files.
func (im *Image) Contents(files []File, visit func(f File, content io.Reader) error) error {
	first := make(map[int]File)
	var entries []int
	for _, f := range files {
		if f.Type != manifest.Regular || f.node.body < 0 {
			continue
		}
		if _, ok := first[f.node.body]; !ok {
			first[f.node.body] = f
			entries = append(entries, f.node.body)
		}
	}
	return im.Bodies(entries, func(entry int, body io.Reader) error { return visit(first[entry], body) })
}

// EntryFiles returns the entries of all archives, those that are replaced or
// dropped too, as the files that each would make alone.
func (im *Image) EntryFiles() []File {
	list := make([]File, len(im.Entries))
	for i := range im.Entries {
		e := &im.Entries[i]
		list[i] = File{
			Path: e.Name, Type: typeOf(e.Mode), Mode: manifest.Perm(e.Mode & 0o7777), UID: e.UID, GID: e.GID,
			Size: int64(e.Size), ModTime: int64(e.ModTime), Links: int(e.Links), Target: e.Target,
			Major: e.RMajor, Minor: e.RMinor, Archive: e.Archive,
		}
	}
	return list
}
