package main

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"
)

// superblockSize is in bytes; the tree begins with the block after it.
const superblockSize = 512

// superblock is the head of a hash tree's disk (cryptsetup's
// docs/on-disk-format and lib/verity/verity.c), little-endian. Nobody vouches for
// it: with a wrong one the root hash does not match.
type superblock struct {
	Signature     [8]byte
	Version       uint32
	HashType      uint32
	UUID          [16]byte
	Algorithm     [32]byte
	DataBlockSize uint32 // bytes
	HashBlockSize uint32 // bytes
	DataBlocks    uint64
	SaltSize      uint16
	_             [6]byte
	Salt          [256]byte
	_             [168]byte
}

func parseSuperblock(b []byte) (superblock, error) {
	var s superblock
	if _, err := binary.Decode(b, binary.LittleEndian, &s); err != nil {
		return s, fmt.Errorf("superblock of %d bytes, want %d", len(b), superblockSize)
	}
	algorithm := s.algorithm()
	switch {
	case string(s.Signature[:]) != "verity\x00\x00":
		return s, fmt.Errorf("no hash tree: veritysetup format makes one")
	case s.Version != 1:
		return s, fmt.Errorf("superblock version %d, want 1", s.Version)
	case algorithm == "" || strings.Trim(algorithm, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "":
		return s, fmt.Errorf("hash algorithm %q: not a name", algorithm)
	case !isBlockSize(s.DataBlockSize) || !isBlockSize(s.HashBlockSize):
		return s, fmt.Errorf("block sizes %d and %d: not powers of 2 from 512 to 65536", s.DataBlockSize, s.HashBlockSize)
	case s.DataBlocks == 0 || s.DataBlocks > maxBlocks:
		return s, fmt.Errorf("%d data blocks: want 1 to %d", s.DataBlocks, uint64(maxBlocks))
	case int(s.SaltSize) > len(s.Salt):
		return s, fmt.Errorf("salt of %d bytes, over %d", s.SaltSize, len(s.Salt))
	}
	return s, nil
}

// maxBlocks keeps sectors from an overflow.
const maxBlocks = 1 << 48

func isBlockSize(n uint32) bool { return n >= 512 && n <= 1<<16 && n&(n-1) == 0 }

func (s superblock) algorithm() string {
	name, _, _ := bytes.Cut(s.Algorithm[:], []byte{0})
	return string(name)
}

// sectors is the size of the verified device, in 512 bytes.
func (s superblock) sectors() uint64 { return s.DataBlocks * uint64(s.DataBlockSize/512) }

// table is the target's parameters (the kernel's
// Documentation/admin-guide/device-mapper/verity.rst).
func (s superblock) table(v volume) string {
	salt := "-"
	if s.SaltSize > 0 {
		salt = hex.EncodeToString(s.Salt[:s.SaltSize])
	}
	first := (superblockSize + s.HashBlockSize - 1) / s.HashBlockSize
	return fmt.Sprintf("%d %s %s %d %d %d %d %s %s %s", s.HashType, v.Disk, v.Tree,
		s.DataBlockSize, s.HashBlockSize, s.DataBlocks, first, s.algorithm(), v.RootHash, salt)
}
