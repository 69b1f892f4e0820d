package erofs

import (
	"encoding/binary"
	"slices"
	"strings"

	"github.com/kguest/kguest/pkg/pack/flatten"
)

const direntSize = 12

// dirent is an entry of a directory.
type dirent struct {
	name string
	nid  uint64
	kind uint8
}

// directory returns the content of the directory f.
func (p *plan) directory(f *file) []byte {
	dir := typeOf(flatten.Directory).dirent
	list := []dirent{{".", f.nid(), dir}, {"..", f.parent.nid(), dir}}
	for _, c := range f.node.Children() {
		list = append(list, dirent{c.Name, p.byInode[c.Inode].nid(), typeOf(c.Inode.Kind).dirent})
	}
	return encodeDirents(list)
}

// directorySize is how many bytes a directory has.
func directorySize(children []*flatten.Node) int64 {
	list := []dirent{{name: "."}, {name: ".."}}
	for _, c := range children {
		list = append(list, dirent{name: c.Name})
	}
	return int64(len(encodeDirents(list)))
}

// encodeDirents returns list in the order of strcmp(3), by which the kernel
// searches. Each block has entries, and then their names; the last is as long
// as it must be.
func encodeDirents(list []dirent) []byte {
	slices.SortFunc(list, func(a, b dirent) int { return strings.Compare(a.name, b.name) })
	var out []byte
	for len(list) > 0 {
		if fill := len(out) % blockSize; fill > 0 {
			out = append(out, make([]byte, blockSize-fill)...)
		}
		n := fitting(list)
		out = appendBlock(out, list[:n])
		list = list[n:]
	}
	return out
}

// fitting is how many of list go into one block.
func fitting(list []dirent) int {
	used := 0
	for i, d := range list {
		if used += direntSize + len(d.name); used > blockSize {
			return i
		}
	}
	return len(list)
}

func appendBlock(out []byte, list []dirent) []byte {
	nameAt := len(list) * direntSize
	for _, d := range list {
		out = binary.LittleEndian.AppendUint64(out, d.nid)
		out = binary.LittleEndian.AppendUint16(out, uint16(nameAt)) //nolint:gosec // within a block
		out = append(out, d.kind, 0)
		nameAt += len(d.name)
	}
	for _, d := range list {
		out = append(out, d.name...)
	}
	return out
}
