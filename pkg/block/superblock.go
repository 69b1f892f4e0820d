// Package block finds block devices, waits for them, and tells which file
// system is on one.
package block

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/kguest/kguest/pkg/rawfile"
)

// Super is what a superblock says.
type Super struct {
	FSType string // squashfs, erofs or ext4
	Label  string // volume name; squashfs has none
}

// ErrNoFileSystem means that no known superblock was found.
var ErrNoFileSystem = errors.New("not a file system: no squashfs, erofs or ext4 superblock")

// The superblocks lie in the first 2048 bytes.
const superSize = 2048

// ReadSuper reads the superblock of the device or file at path. The error is
// ErrNoFileSystem or an *fs.PathError.
func ReadSuper(path string) (Super, error) {
	head, err := rawfile.Head(path, superSize)
	if err != nil {
		return Super{}, err
	}
	return ParseSuper(head)
}

// ParseSuper recognizes a file system by the first 2048 bytes of its device;
// fewer are a device that is smaller. The offsets are those of the kernel's
// fs/squashfs/squashfs_fs.h, fs/erofs/erofs_fs.h and fs/ext4/ext4.h.
func ParseSuper(b []byte) (Super, error) {
	const (
		second   = 1024 // erofs and ext4 leave the boot block free
		extMagic = second + 56
		extName  = second + 120
		eroName  = second + 64
		nameLen  = 16
	)
	switch {
	case len(b) >= 96 && string(b[:4]) == "hsqs":
		return Super{FSType: "squashfs"}, nil
	case len(b) >= second+128 && binary.LittleEndian.Uint32(b[second:]) == 0xE0F5E1E2:
		return Super{FSType: "erofs", Label: label(b[eroName : eroName+nameLen])}, nil
	case len(b) == superSize && binary.LittleEndian.Uint16(b[extMagic:]) == 0xEF53:
		return Super{FSType: "ext4", Label: label(b[extName : extName+nameLen])}, nil
	}
	return Super{}, fmt.Errorf("%w (it begins %s)", ErrNoFileSystem, begins(b))
}

func label(b []byte) string {
	name, _, _ := bytes.Cut(b, []byte{0})
	return string(name)
}

func begins(b []byte) string {
	if len(b) == 0 {
		return "empty"
	}
	return fmt.Sprintf("% x", b[:min(8, len(b))])
}
