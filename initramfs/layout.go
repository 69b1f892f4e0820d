package initramfs

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"

	"github.com/kguest/kguest/initramfs/cpio"
)

// node is one inode of an archive.
type node struct {
	Entry
	names  []string // all of them, sorted
	size   int64    // of the content, in bytes
	sha256 string   // in hexadecimal; of a regular file that was written
}

// layout is what an archive is written from.
type layout struct {
	modTime int64
	nodes   []*node          // in the order that they are written in
	entries map[string]Entry // by their paths: each name has a reason of its own
}

// layout returns what t's archive is written from. Each regular file with its
// further names is one node, and files of equal content, mode and owner are
// too, where nothing is lost by it. Every folder is before what it holds.
func (t *Tree) layout() (*layout, error) {
	byPath := make(map[string]*node)
	nodes := make([]*node, 0, len(t.entries))
	for _, e := range t.Entries() {
		if e.LinkTo != "" {
			continue
		}
		n := &node{Entry: e, names: []string{e.Path}}
		if e.Content != nil {
			var err error
			if n.size, err = sizeOf(e.Content); err != nil {
				return nil, fmt.Errorf("%s: %w", e.Reason, err)
			}
		}
		byPath[e.Path] = n
		nodes = append(nodes, n)
	}
	for _, e := range t.Entries() {
		if e.LinkTo != "" {
			n := byPath[e.LinkTo]
			n.names = append(n.names, e.Path)
		}
	}
	nodes, err := merge(nodes)
	if err != nil {
		return nil, err
	}
	for _, n := range nodes {
		slices.Sort(n.names)
	}
	// A node is written where its last name is: that name's folder, and all of
	// the others', are then before it.
	slices.SortFunc(nodes, func(a, b *node) int { return strings.Compare(a.last(), b.last()) })
	return &layout{modTime: t.ModTime, nodes: nodes, entries: t.entries}, nil
}

func (n *node) last() string { return n.names[len(n.names)-1] }

// sizeOf returns the bytes of c.
func sizeOf(c Content) (int64, error) {
	if b, ok := c.(Bytes); ok {
		return int64(len(b)), nil
	}
	r, size, err := c.Open()
	if err != nil {
		return 0, err
	}
	return size, r.Close()
}

// alike is what files have in common that may be one.
type alike struct {
	mode     fs.FileMode
	uid, gid uint32
	size     int64
	sha256   string
}

// merge makes one node of the files of equal content, mode and owner.
func merge(nodes []*node) ([]*node, error) {
	count := make(map[alike]int)
	for _, n := range nodes {
		if n.mergeable() {
			count[n.alike("")]++
		}
	}
	first := make(map[alike]*node)
	kept := nodes[:0]
	for _, n := range nodes {
		if !n.mergeable() || count[n.alike("")] < 2 {
			kept = append(kept, n)
			continue
		}
		sum, err := digest(n.Content)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", n.Reason, err)
		}
		if have, ok := first[n.alike(sum)]; ok {
			have.names = append(have.names, n.names...)
			continue
		}
		first[n.alike(sum)] = n
		kept = append(kept, n)
	}
	return kept, nil
}

func (n *node) alike(sum string) alike { return alike{n.Mode, n.UID, n.GID, n.size, sum} }

// mergeable reports whether n may share its content with others: a file that
// the guest is likely to write to must not change another.
func (n *node) mergeable() bool {
	if !n.Mode.IsRegular() || n.size == 0 {
		return false
	}
	for _, name := range n.names {
		top, _, _ := strings.Cut(name, "/")
		switch top {
		case "etc", "home", "root", "tmp", "var":
			return false
		}
	}
	return true
}

// digest returns the SHA-256 of c, in hexadecimal.
func digest(c Content) (string, error) {
	r, _, err := c.Open()
	if err != nil {
		return "", err
	}
	defer r.Close()
	h := sha256.New()
	if _, err := io.Copy(h, r); err != nil {
		return "", readError(err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// archived returns n as the archive has it.
func (n *node) archived(modTime int64) cpio.Entry {
	return cpio.Entry{
		Name: n.names[0], Links: n.names[1:], Mode: unixMode(n.Mode), UID: n.UID, GID: n.GID, ModTime: modTime,
		Size: n.size, Target: n.Target, Major: n.Major, Minor: n.Minor,
	}
}

// size returns the bytes of the archive.
func (l *layout) size() int64 {
	size := int64(cpio.TrailerSize)
	for _, n := range l.nodes {
		size += cpio.Written(n.archived(l.modTime))
	}
	return size
}

// What the kernel holds of an unpacked archive, in bytes. The root is a tmpfs
// or a ramfs; the structures are those of tmpfs in Linux 6.1 on 64 bits,
// shmem_inode_info and dentry, rounded up.
const (
	pageSize   = 4096
	inodeBytes = 768
	nameBytes  = 192
)

// memory returns what the guest holds of the unpacked archive, in bytes.
func (l *layout) memory() int64 {
	var total int64
	for _, n := range l.nodes {
		total += int64(len(n.Target))
		for i := range n.names {
			total += heldBytes(n.size, i == 0, len(n.names))
		}
	}
	return total
}

// heldBytes returns what the guest holds of one of the names of a file: its
// part of the structures, and whole pages of content where that counts.
func heldBytes(size int64, counts bool, names int) int64 {
	held := int64(nameBytes + inodeBytes/max(names, 1))
	if counts {
		held += (size + pageSize - 1) / pageSize * pageSize
	}
	return held
}
