package inspect

import (
	"fmt"

	"github.com/kguest/kguest/initramfs/inspect/archive"
)

// node is an inode of the guest's first root.
type node struct {
	mode     uint32
	uid, gid uint32
	modTime  uint32
	major    uint32
	minor    uint32
	target   string
	links    int // names that lead to it
	entry    int // the last entry that made or changed it; -1 for none
	body     int // the entry with its content; -1 for an empty file
	size     int64
	length   int // of a folder's path, in bytes
	children map[string]*node
}

func (n *node) typ() uint32 { return n.mode & archive.TypeMask }
func (n *node) isDir() bool { return n.typ() == archive.TypeDir }

// isLink reports whether n is a symbolic link. The kernel makes one without a
// target too, which leads to the folder that it is in.
func (n *node) isLink() bool { return n.typ() == archive.TypeSymlink }

// inodeKey is what the kernel finds the first name of a hard link by.
type inodeKey struct{ major, minor, inode, typ uint32 }

// tree is the guest's first root while the kernel unpacks into it.
type tree struct {
	root   *node
	inodes map[inodeKey]string // names, as in the archive
	text   int64               // bytes of all paths that were made
}

// newTree returns what is there before the first entry: every kernel brings an
// archive of its own with these (usr/default_cpio_list).
func newTree() *tree {
	t := &tree{root: newDir(0o755)}
	t.set(place{t.root, "dev"}, newDir(0o755))
	t.set(place{t.root, "root"}, newDir(0o700))
	t.endArchive()
	return t
}

func newDir(perm uint32) *node {
	return &node{mode: archive.TypeDir | perm, links: 1, entry: -1, body: -1, children: make(map[string]*node)}
}

func (t *tree) endArchive() { t.inodes = make(map[inodeKey]string) }

// apply does what do_name and do_symlink of the kernel do with an entry. It
// returns why there is no file of it.
func (t *tree) apply(i int, e *archive.Entry) string {
	if e.Type() != archive.TypeReg && e.Type() != archive.TypeSymlink && e.Size > 0 {
		return fmt.Sprintf("a body of %d bytes, and no regular file", e.Size)
	}
	p, reason := t.place(e.Name)
	if reason != "" {
		t.remember(e)
		return reason
	}
	switch e.Type() {
	case archive.TypeReg:
		return t.file(i, e, p)
	case archive.TypeDir:
		return t.dir(i, e, p)
	case archive.TypeSymlink:
		return t.symlink(i, e, p)
	case archive.TypeChar, archive.TypeBlock, archive.TypeFIFO, archive.TypeSocket:
		return t.special(i, e, p)
	}
	return fmt.Sprintf("mode %#o has no type", e.Mode)
}

// file makes a regular file, or writes into the one that is there: the other
// names of that see it too.
func (t *tree) file(i int, e *archive.Entry, p place) string {
	linked, reason := t.link(e, p)
	if reason != "" {
		return reason
	}
	if reason := p.clear(archive.TypeReg); reason != "" {
		return reason
	}
	n := p.node()
	if n == nil {
		n = &node{mode: e.Mode, links: 1, body: -1}
		t.set(p, n)
	}
	n.take(i, e)
	if !linked || e.Size > 0 {
		n.body, n.size = i, int64(e.Size)
	}
	if n.size == 0 {
		n.body = -1
	}
	return ""
}

func (n *node) take(i int, e *archive.Entry) {
	n.entry, n.mode, n.uid, n.gid, n.modTime = i, e.Mode, e.UID, e.GID, e.ModTime
}

// remember returns the first name of e's inode in the archive. Where e is the
// first of several, its name is kept, even if no file comes of it.
func (t *tree) remember(e *archive.Entry) (old string, ok bool) {
	if e.Links < 2 || e.Type() == archive.TypeDir || e.Type() == archive.TypeSymlink {
		return "", false
	}
	key := inodeKey{e.Major, e.Minor, e.Inode, e.Type()}
	if old, ok = t.inodes[key]; !ok {
		t.inodes[key] = e.Name
	}
	return old, ok
}

// link makes p a name of an inode that the archive has named before.
func (t *tree) link(e *archive.Entry, p place) (linked bool, reason string) {
	old, ok := t.remember(e)
	if !ok {
		return false, ""
	}
	if reason := p.clear(0); reason != "" {
		return false, reason
	}
	from, reason := t.place(old)
	if reason == "" && from.node() == nil {
		reason = "is not there"
	}
	if reason != "" {
		return false, fmt.Sprintf("a hard link to %q: %s", old, reason)
	}
	n := from.node()
	if n.isDir() {
		return false, fmt.Sprintf("a hard link to %q, which is a folder", old)
	}
	n.links++
	t.set(p, n)
	return true, ""
}

func (t *tree) dir(i int, e *archive.Entry, p place) string {
	if reason := p.clear(archive.TypeDir); reason != "" {
		return reason
	}
	n := p.node()
	if n == nil {
		n = newDir(0)
		t.set(p, n)
	}
	n.take(i, e)
	return ""
}

func (t *tree) symlink(i int, e *archive.Entry, p place) string {
	if reason := p.clear(0); reason != "" {
		return reason
	}
	n := &node{links: 1, body: -1, target: e.Target, size: int64(len(e.Target))}
	n.take(i, e)
	t.set(p, n)
	return ""
}

// special makes a device, FIFO or socket. One that is there stays, with new
// owners and mode.
func (t *tree) special(i int, e *archive.Entry, p place) string {
	linked, reason := t.link(e, p)
	if linked || reason != "" {
		return reason
	}
	if reason := p.clear(e.Type()); reason != "" {
		return reason
	}
	n := p.node()
	if n == nil {
		n = &node{links: 1, body: -1, major: e.RMajor, minor: e.RMinor}
		t.set(p, n)
	}
	n.take(i, e)
	return ""
}
