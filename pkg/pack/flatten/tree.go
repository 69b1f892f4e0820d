package flatten

import (
	"maps"
	"slices"
	"strings"
)

// Kind is the type of a file.
type Kind uint8

// Kinds of files.
const (
	Regular Kind = iota
	Directory
	Symlink
	CharDevice
	BlockDevice
	FIFO
)

// Xattr is one extended attribute, by its full name.
type Xattr struct{ Name, Value string }

// Inode is a file without its names. Those of hard links share it.
type Inode struct {
	Kind         Kind
	Mode         uint16 // permissions and set-id bits, as chmod(2) has them
	UID, GID     uint32
	Seconds      int64 // of the modification time, since 1970
	Nanoseconds  uint32
	Size         int64  // bytes of a regular file
	Target       string // of a symbolic link
	Major, Minor uint32 // of a device
	Xattrs       []Xattr
	Nlink        uint32 // names in the tree; of a directory those in it and its parent's

	layer, entry int // where its content is: Tree.layers[layer], header number entry
}

// Node is a name in a directory.
type Node struct {
	Name  string // empty for the root
	Inode *Inode

	children map[string]*Node // of a directory; may be nil
	layer    int              // that gave it, last
	pathLen  int              // bytes of the path from the root
}

// Children returns the entries of a directory, by name as strcmp(3) orders.
func (n *Node) Children() []*Node {
	list := slices.Collect(maps.Values(n.children))
	slices.SortFunc(list, func(a, b *Node) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// isDir reports whether n can have children.
func (n *Node) isDir() bool { return n.Inode.Kind == Directory }

// put makes child an entry of the directory n.
func (n *Node) put(child *Node) {
	if n.children == nil {
		n.children = map[string]*Node{}
	}
	child.pathLen = n.pathLen + 1 + len(child.Name)
	n.children[child.Name] = child
}

// Tree is the file tree of an image. Its contents stay in the layers.
type Tree struct {
	Root *Node
	// Warnings are about what the image has and a disk cannot have, a line each.
	Warnings []string

	layers   []Layer
	contents [][]*Inode // regular files by layer, in the layer's order
	limits   Limits
	progress func(string)
}

// Walk calls visit for every node but the root, a directory before what is in
// it, in the order of names. Paths have no leading slash.
func (t *Tree) Walk(visit func(path string, n *Node) error) error {
	return walk("", t.Root, visit)
}

func walk(prefix string, dir *Node, visit func(path string, n *Node) error) error {
	for _, child := range dir.Children() {
		path := prefix + child.Name
		if err := visit(path, child); err != nil {
			return err
		}
		if child.isDir() {
			if err := walk(path+"/", child, visit); err != nil {
				return err
			}
		}
	}
	return nil
}

// finish counts links, and lists the regular files that are left.
func (t *Tree) finish() {
	t.contents = make([][]*Inode, len(t.layers))
	t.count(t.Root)
	for _, list := range t.contents {
		slices.SortFunc(list, func(a, b *Inode) int { return a.entry - b.entry })
	}
}

func (t *Tree) count(dir *Node) {
	dir.Inode.Nlink = 2
	for _, child := range dir.children {
		ino := child.Inode
		if child.isDir() {
			dir.Inode.Nlink++
			t.count(child)
			continue
		}
		ino.Nlink++
		if ino.Nlink == 1 && ino.Kind == Regular && ino.Size > 0 {
			t.contents[ino.layer] = append(t.contents[ino.layer], ino)
		}
	}
}
