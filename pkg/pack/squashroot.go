package pack

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/kguest/kguest/pkg/pack/flatten"
)

// Offsets in a squashfs superblock, see the kernel's squashfs_fs.h.
const (
	superSize       = 96
	superMagic      = 0x73717368
	superCompressor = 20
	superIDs        = 26
	superRoot       = 32
	superIDTable    = 48
	superInodeTable = 64
)

// A metadata block of a squashfs.
const (
	metaSize       = 8192
	metaHeader     = 2
	metaPlain      = 0x8000 // in the header: it is not compressed
	inodeHeadBytes = 16     // of any inode: type, mode, owner, group, time, number
)

// setRoot gives the root directory of the squashfs at path its owner, mode and
// time. mksquashfs 4.5 has options for them, and with -tar heeds the one for
// the mode only: the time is that of its run. The tables of inodes and of ids
// must not be compressed.
func setRoot(path string, root *flatten.Inode) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	err = (&squashRoot{f}).set(root)
	return errors.Join(err, f.Close())
}

type squashRoot struct{ file *os.File }

func (s *squashRoot) set(root *flatten.Inode) error {
	super := make([]byte, superSize)
	if _, err := s.file.ReadAt(super, 0); err != nil {
		return fmt.Errorf("read superblock: %w", err)
	}
	if binary.LittleEndian.Uint32(super) != superMagic {
		return errors.New("mksquashfs wrote no squashfs")
	}
	ids, err := s.ids(super)
	if err != nil {
		return fmt.Errorf("read ids: %w", err)
	}
	ref := binary.LittleEndian.Uint64(super[superRoot:])
	block := int64(binary.LittleEndian.Uint64(super[superInodeTable:]) + ref>>16) //nolint:gosec // within the file, or the read fails
	at := int(ref & 0xffff)
	head, err := s.meta(block, at)
	if err != nil {
		return fmt.Errorf("read root inode: %w", err)
	}
	binary.LittleEndian.PutUint16(head[2:], root.Mode)
	for i, id := range []uint32{root.UID, root.GID} {
		index := slices.Index(ids, id)
		if index < 0 {
			return fmt.Errorf("the root directory is of %d:%d, who owns no other file: squashfs cannot have that; -format erofs can", root.UID, root.GID)
		}
		binary.LittleEndian.PutUint16(head[4+2*i:], uint16(index)) //nolint:gosec // a table of 16-bit indexes
	}
	binary.LittleEndian.PutUint32(head[8:], uint32(squashfsTime(root).Unix())) //nolint:gosec // squashfsTime is of 32 bits
	return s.patch(block, at, head)
}

// ids returns the table of owners and groups.
func (s *squashRoot) ids(super []byte) ([]uint32, error) {
	count := int(binary.LittleEndian.Uint16(super[superIDs:]))
	var ids []uint32
	for index := int64(0); len(ids) < count; index++ {
		pointer := make([]byte, 8)
		if _, err := s.file.ReadAt(pointer, int64(binary.LittleEndian.Uint64(super[superIDTable:]))+8*index); err != nil { //nolint:gosec // as above
			return nil, err
		}
		block := int64(binary.LittleEndian.Uint64(pointer)) //nolint:gosec // as above
		size, err := s.plain(block)
		if err != nil {
			return nil, err
		}
		content := make([]byte, size)
		if _, err := s.file.ReadAt(content, block+metaHeader); err != nil {
			return nil, err
		}
		for ; len(content) >= 4; content = content[4:] {
			ids = append(ids, binary.LittleEndian.Uint32(content))
		}
	}
	return ids, nil
}

// plain returns the size of the content of a metadata block.
func (s *squashRoot) plain(block int64) (int, error) {
	header := make([]byte, metaHeader)
	if _, err := s.file.ReadAt(header, block); err != nil {
		return 0, err
	}
	h := binary.LittleEndian.Uint16(header)
	if h&metaPlain == 0 {
		return 0, errors.New("the table is compressed")
	}
	return int(h &^ metaPlain), nil
}

// meta returns the head of the inode at offset at in the metadata block, which
// may go on in the next one.
func (s *squashRoot) meta(block int64, at int) ([]byte, error) {
	if _, err := s.plain(block); err != nil {
		return nil, err
	}
	head := make([]byte, inodeHeadBytes)
	first := min(metaSize-at, len(head))
	if _, err := s.file.ReadAt(head[:first], block+metaHeader+int64(at)); err != nil {
		return nil, err
	}
	_, err := s.file.ReadAt(head[first:], block+2*metaHeader+metaSize)
	if errors.Is(err, io.EOF) && first == len(head) {
		err = nil
	}
	return head, err
}

func (s *squashRoot) patch(block int64, at int, head []byte) error {
	first := min(metaSize-at, len(head))
	if _, err := s.file.WriteAt(head[:first], block+metaHeader+int64(at)); err != nil {
		return err
	}
	_, err := s.file.WriteAt(head[first:], block+2*metaHeader+metaSize)
	return err
}
