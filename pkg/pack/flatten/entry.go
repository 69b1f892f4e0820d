package flatten

import (
	"archive/tar"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
)

// What Linux can hold, in bytes.
const (
	maxName   = 255  // NAME_MAX
	maxPath   = 4095 // PATH_MAX without its NUL
	maxTarget = 4095
	maxXattr  = 64 << 10 // XATTR_SIZE_MAX
)

// What a 32-bit device number of Linux can hold.
const (
	maxMajor = 1<<12 - 1
	maxMinor = 1<<20 - 1
)

// Names of whiteouts, see "Whiteouts" in OCI's layer.md.
const (
	whiteoutPrefix = ".wh."
	whiteoutMeta   = ".wh..wh." // of aufs, but for the opaque one
	whiteoutOpaque = ".wh..wh..opq"
)

// action is what an entry asks for.
type action uint8

const (
	add     action = iota // a file
	link                  // another name for a file
	hide                  // the name is not in the lower layers
	opaque                // nothing in the directory is of the lower layers
	passing               // nothing
)

// entry is one header of a layer, checked.
type entry struct {
	action action
	path   []string // of the file, of what is hidden, or of the opaque directory
	target []string // of a hard link
	inode  *Inode
}

// parseEntry reads the header h.
func parseEntry(h *tar.Header) (entry, error) {
	if h.Typeflag == tar.TypeXGlobalHeader {
		return entry{action: passing}, nil
	}
	path, err := components(h.Name)
	if err != nil {
		return entry{}, err
	}
	if e, ok, err := parseWhiteout(path); ok || err != nil {
		return e, err
	}
	if h.Typeflag == tar.TypeLink {
		target, err := components(h.Linkname)
		if err != nil {
			return entry{}, fmt.Errorf("hard link to %s: %w", quote(h.Linkname), err)
		}
		if len(target) == 0 || len(path) == 0 {
			return entry{}, fmt.Errorf("hard link to %s: the root cannot be linked", quote(h.Linkname))
		}
		return entry{action: link, path: path, target: target}, nil
	}
	ino, err := parseInode(h)
	if err == nil && len(path) == 0 && ino.Kind != Directory {
		err = errors.New("the root is no directory")
	}
	return entry{action: add, path: path, inode: ino}, err
}

// components returns the names that make up a path below the root, of which a
// leading slash is no part.
func components(name string) ([]string, error) {
	if len(name) > maxPath {
		return nil, fmt.Errorf("path has %d bytes, more than %d", len(name), maxPath)
	}
	var list []string
	for c := range strings.SplitSeq(name, "/") {
		switch {
		case c == "" || c == ".":
			continue
		case c == "..":
			return nil, errors.New("path has .., which could lead out of the image")
		case len(c) > maxName:
			return nil, fmt.Errorf("name has %d bytes, more than %d", len(c), maxName)
		case strings.Contains(c, "\x00"):
			return nil, errors.New("name has a NUL")
		}
		list = append(list, c)
	}
	return list, nil
}

// parseWhiteout reports whether a path is that of a whiteout.
func parseWhiteout(path []string) (entry, bool, error) {
	for i, c := range path {
		if !strings.HasPrefix(c, whiteoutPrefix) {
			continue
		}
		hidden := c[len(whiteoutPrefix):]
		last := i == len(path)-1
		switch {
		case c == whiteoutOpaque && last:
			return entry{action: opaque, path: path[:i]}, true, nil
		case strings.HasPrefix(c, whiteoutMeta):
			return entry{action: passing}, true, nil
		case !last:
			return entry{}, false, errors.New("is below a whiteout")
		case hidden == "" || hidden == "." || hidden == "..":
			return entry{}, false, errors.New("is a whiteout of a whole directory, such as the root, by no name")
		}
		return entry{action: hide, path: append(slices.Clone(path[:i]), hidden)}, true, nil
	}
	return entry{}, false, nil
}

// parseInode reads all of h but the name.
func parseInode(h *tar.Header) (*Inode, error) {
	kind, err := parseKind(h)
	if err != nil {
		return nil, err
	}
	ino := &Inode{
		Kind:        kind,
		Mode:        uint16(h.Mode & 0o7777),
		Seconds:     h.ModTime.Unix(),
		Nanoseconds: uint32(h.ModTime.Nanosecond()), //nolint:gosec // below 10^9
	}
	if ino.UID, err = id("owner", h.Uid); err != nil {
		return nil, err
	}
	if ino.GID, err = id("group", h.Gid); err != nil {
		return nil, err
	}
	ino.Xattrs, err = parseXattrs(h.PAXRecords)
	if err != nil {
		return nil, err
	}
	switch kind {
	case Regular:
		ino.Size = h.Size
	case Symlink:
		ino.Target = h.Linkname
		if ino.Target == "" || len(ino.Target) > maxTarget || strings.Contains(ino.Target, "\x00") {
			return nil, fmt.Errorf("target of the symbolic link has %d bytes or a NUL; it can have 1 to %d", len(ino.Target), maxTarget)
		}
	case CharDevice, BlockDevice:
		err = ino.setDevice(h.Devmajor, h.Devminor)
	default:
	}
	return ino, err
}

func parseKind(h *tar.Header) (Kind, error) {
	switch h.Typeflag {
	case tar.TypeReg, tar.TypeRegA, tar.TypeCont, tar.TypeGNUSparse: //nolint:staticcheck // old archives have TypeRegA
		return Regular, nil
	case tar.TypeDir:
		return Directory, nil
	case tar.TypeSymlink:
		return Symlink, nil
	case tar.TypeChar:
		return CharDevice, nil
	case tar.TypeBlock:
		return BlockDevice, nil
	case tar.TypeFifo:
		return FIFO, nil
	}
	return 0, fmt.Errorf("type %q of the entry is unknown", h.Typeflag)
}

// id checks a user or group; the last number is no one's.
func id(what string, n int) (uint32, error) {
	if n < 0 || n >= math.MaxUint32 {
		return 0, fmt.Errorf("%s %d is not a number from 0 to %d", what, n, uint32(math.MaxUint32-1))
	}
	return uint32(n), nil
}

func (ino *Inode) setDevice(major, minor int64) error {
	if major < 0 || major > maxMajor || minor < 0 || minor > maxMinor {
		return fmt.Errorf("device %d:%d is not one that Linux has (at most %d:%d)", major, minor, maxMajor, maxMinor)
	}
	ino.Major, ino.Minor = uint32(major), uint32(minor)
	return nil
}

// parseXattrs returns the attributes in PAX records, by name.
func parseXattrs(records map[string]string) ([]Xattr, error) {
	var list []Xattr
	for key, value := range records {
		name, ok := strings.CutPrefix(key, "SCHILY.xattr.")
		if !ok {
			continue
		}
		if name == "" || len(name) > maxName || len(value) > maxXattr || strings.Contains(name, "\x00") {
			return nil, fmt.Errorf("attribute %s has a name or a value that is too long (at most %d and %d bytes)", quote(name), maxName, maxXattr)
		}
		list = append(list, Xattr{name, value})
	}
	slices.SortFunc(list, func(a, b Xattr) int { return strings.Compare(a.Name, b.Name) })
	return list, nil
}
