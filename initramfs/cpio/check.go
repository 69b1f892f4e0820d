package cpio

import (
	"errors"
	"fmt"
	"math"
	"path"
	"strings"
)

// Bounds of what can be unpacked, in bytes.
const (
	// MaxName is the kernel's PATH_MAX less the final NUL: init/initramfs.c
	// skips longer names and link targets.
	MaxName = 4095
	// MaxElement is NAME_MAX of the file system it is unpacked to.
	MaxElement = 255
)

const (
	// trailer is the name that ends an archive.
	trailer = "TRAILER!!!"
	// modeMask is what a mode has of type, special and permission bits.
	modeMask = TypeMask | 0o7777
)

func (e Entry) check() error {
	for _, name := range append([]string{e.Name}, e.Links...) {
		if err := checkName(name); err != nil {
			return err
		}
	}
	if e.ModTime < 0 || e.ModTime > math.MaxUint32 {
		return fmt.Errorf("time %d is not within 0 and %d seconds since 1970", e.ModTime, uint32(math.MaxUint32))
	}
	if e.Mode&^modeMask != 0 {
		return fmt.Errorf("mode %#o has unknown bits", e.Mode)
	}
	return e.checkType()
}

func (e Entry) checkType() error {
	typ := e.Mode & TypeMask
	switch {
	case typ != TypeReg && e.Size != 0:
		return fmt.Errorf("size %d of what is not a regular file", e.Size)
	case typ != TypeReg && len(e.Links) > 0:
		return errors.New("hard links to what is not a regular file")
	case typ != TypeSymlink && e.Target != "":
		return errors.New("link target of what is not a symbolic link")
	case typ != TypeChar && typ != TypeBlock && (e.Major != 0 || e.Minor != 0):
		return errors.New("device numbers of what is not a device")
	}
	switch typ {
	case TypeReg:
		return checkSize(e.Size)
	case TypeSymlink:
		return checkTarget(e.Target)
	case TypeDir, TypeChar, TypeBlock, TypeFifo:
		return nil
	}
	return fmt.Errorf("mode %#o is of no type that can be written", e.Mode)
}

func checkSize(size int64) error {
	if size < 0 || size > MaxSize {
		return fmt.Errorf("size %d: a newc archive holds files of at most %d bytes", size, int64(MaxSize))
	}
	return nil
}

func checkTarget(target string) error {
	switch {
	case target == "":
		return errors.New("empty link target")
	case len(target) > MaxName:
		return fmt.Errorf("link target of %d bytes, more than %d", len(target), MaxName)
	case strings.ContainsRune(target, 0):
		return errors.New("NUL in link target")
	}
	return nil
}

func checkName(name string) error {
	switch {
	case name == "":
		return errors.New("empty name")
	case len(name) > MaxName:
		return fmt.Errorf("name of %d bytes, more than %d", len(name), MaxName)
	case strings.ContainsRune(name, 0):
		return fmt.Errorf("NUL in name %q", name)
	case name == trailer:
		return fmt.Errorf("name %q ends an archive", name)
	}
	for elem := range strings.SplitSeq(name, "/") {
		switch {
		case elem == "" || elem == "." || elem == "..":
			return fmt.Errorf("name %q is not a clean path from the root", name)
		case len(elem) > MaxElement:
			return fmt.Errorf("name %q has an element of %d bytes, more than %d", name, len(elem), MaxElement)
		}
	}
	return nil
}

// names are the names written, and which of them are folders.
type names map[string]bool

// add records all of e's names. Each must be new and in a folder.
func (n names) add(e Entry) error {
	isDir := e.Mode&TypeMask == TypeDir
	for _, name := range append([]string{e.Name}, e.Links...) {
		if _, ok := n[name]; ok {
			return fmt.Errorf("write %q: the name is in the archive already", name)
		}
		if dir := path.Dir(name); dir != "." && !n[dir] {
			return fmt.Errorf("write %q: its folder %q is not in the archive before it", name, dir)
		}
		n[name] = isDir
	}
	return nil
}
