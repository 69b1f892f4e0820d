package erofs

import (
	"math"

	"github.com/kguest/kguest/pkg/pack/flatten"
)

// maxInline is how much content at most stands behind its inode: more would
// leave larger gaps before the next block than it saves.
const maxInline = blockSize / 2

// file is an inode with its place in the image.
type file struct {
	ino    *flatten.Inode
	node   *flatten.Node // of a directory
	parent *file         // of a directory
	number uint32        // counts from 1
	xattrs []byte        // as they are behind the inode
	size   int64         // bytes of content
	offset int64         // of the inode
	inline int           // how much of the content's end stands behind xattrs
	block  int64         // where the rest begins
}

// nid is the inode number.
func (f *file) nid() uint64 { return uint64(f.offset / slotSize) } //nolint:gosec // offset is a place in the file

// plan says where everything in the image is.
type plan struct {
	files   []*file // in the order of offset
	byInode map[*flatten.Inode]*file
	blocks  int64
}

func newPlan(t *flatten.Tree) (*plan, error) {
	p := &plan{byInode: map[*flatten.Inode]*file{}}
	if err := p.add(t.Root, nil); err != nil {
		return nil, err
	}
	end := int64(inodesOffset)
	for _, f := range p.files {
		end = f.place(end)
	}
	p.blocks = blocksOf(end)
	for _, f := range p.files {
		if whole := f.size - int64(f.inline); whole > 0 {
			f.block = p.blocks
			p.blocks += blocksOf(whole)
		}
	}
	if p.blocks > math.MaxUint32 {
		return nil, errTooLarge
	}
	return p, nil
}

func blocksOf(size int64) int64 { return (size + blockSize - 1) / blockSize }

// add lists the inode of n, once, and what is below it.
func (p *plan) add(n *flatten.Node, parent *file) error {
	if p.byInode[n.Inode] != nil {
		return nil
	}
	f := &file{ino: n.Inode, number: uint32(len(p.files) + 1)} //nolint:gosec // the flattener bounds the number of files
	var err error
	if f.xattrs, err = encodeXattrs(n.Inode.Xattrs); err != nil {
		return err
	}
	p.files = append(p.files, f)
	p.byInode[n.Inode] = f
	switch n.Inode.Kind {
	case flatten.Regular:
		f.size = n.Inode.Size
	case flatten.Symlink:
		f.size = int64(len(n.Inode.Target))
	case flatten.Directory:
		return p.addDir(n, f, parent)
	default: // devices have no content
	}
	return nil
}

func (p *plan) addDir(n *flatten.Node, f, parent *file) error {
	if parent == nil {
		parent = f // the root is its own
	}
	f.node, f.parent = n, parent
	children := n.Children()
	f.size = directorySize(children)
	for _, c := range children {
		if err := p.add(c, f); err != nil {
			return err
		}
	}
	return nil
}

// place puts the inode at or after at and returns where it ends, a slot's
// boundary. Neither it nor the content behind it crosses a block's.
func (f *file) place(at int64) int64 {
	head := inodeSize + len(f.xattrs)
	tail := int(f.size % blockSize)
	if tail <= maxInline && head%blockSize+tail <= blockSize && head <= blockSize {
		f.inline = tail
	}
	atomic := inodeSize // bytes that stand in one block
	if f.inline > 0 {
		atomic = head + f.inline
	}
	if at%blockSize+int64(atomic) > blockSize {
		at = blocksOf(at) * blockSize
	}
	f.offset = at
	return (at + int64(head+f.inline) + slotSize - 1) / slotSize * slotSize
}
