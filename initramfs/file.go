package initramfs

import (
	"fmt"
	"io/fs"
	"strings"

	"github.com/kguest/kguest/pkg/nearest"
)

// Kind is what a File makes of its path in the guest.
type Kind string

// The kinds of a File.
const (
	// FromHost is what is at Host, with its type and permission bits: a file,
	// a folder with all that is in it, a device node or a named pipe. Where
	// Host itself is a symbolic link it is followed; links in a folder stay
	// links, and its hard links stay hard links.
	FromHost Kind = ""
	// Text is a regular file that holds Data.
	Text Kind = "text"
	// Folder is an empty folder.
	Folder Kind = "dir"
	// Symlink is a symbolic link to Target.
	Symlink Kind = "symlink"
	// HardLink is a further name of the regular file at the path Target of the guest.
	HardLink Kind = "link"
	// CharDevice is a device node with the numbers Major and Minor.
	CharDevice Kind = "char"
	// BlockDevice is one of a block device.
	BlockDevice Kind = "block"
	// Pipe is a named pipe.
	Pipe Kind = "fifo"
)

// Kinds returns the kinds that have a name.
func Kinds() []string {
	return []string{
		string(Text), string(Folder), string(Symlink), string(HardLink), string(CharDevice), string(BlockDevice), string(Pipe),
	}
}

// File is something that was asked to be in the image.
type File struct {
	Kind   Kind
	Guest  string // absolute path in the guest; for a folder of the host also "/"
	Host   string // path on the host, of FromHost
	Target string // of Symlink and HardLink
	Data   []byte // of Text
	Major  uint32 // of CharDevice and BlockDevice
	Minor  uint32

	// Mode is the permission bits with setuid, setgid and sticky, as in
	// chmod(2). Nil is the host's permission bits, without setuid and setgid:
	// the owner becomes root. Where there is no host's: 0755 for a folder,
	// 0644 for a file, 0600 for the rest. For a folder of the host it is the
	// mode of that folder only.
	Mode *uint32
	// Owner is nil for root. For a folder of the host it is the owner of all
	// that is in it.
	Owner *Owner
	// KeepOwner keeps the owners of the host, and with them setuid and
	// setgid. Owner must be nil.
	KeepOwner bool
	// Runs is of a file that is there to be run, whatever else is in the image:
	// it must be a script or a program that the guest's kernel can start.
	Runs bool
	// AsIs leaves out what the programs would bring: their shared libraries,
	// and the check that the interpreters of scripts are there.
	AsIs bool

	From string // where it was asked: "-file a:/b"
}

// Owner is who a file belongs to in the guest.
type Owner struct{ UID, GID uint32 }

// Base is an archive, or several in one file, packed or not, that is put
// before the image's own. The kernel unpacks one after the other, so that the
// image's files replace a base's of the same path.
type Base struct {
	Host string
	From string // where it was asked: "-base FILE"
}

// What the kernel keeps of a device number (MINORBITS in linux/kdev_t.h): the
// rest of a larger one it drops, which makes another device of it.
const (
	maxMajor = 1<<12 - 1
	maxMinor = 1<<20 - 1
)

func (f File) checkKind() error {
	switch f.Kind {
	case FromHost, Text, Folder, Symlink, HardLink, CharDevice, BlockDevice, Pipe:
	default:
		return fmt.Errorf("no kind %q of file; there are %s%s", string(f.Kind), strings.Join(Kinds(), ", "), nearest.Hint(string(f.Kind), Kinds()))
	}
	switch {
	case f.Mode != nil && *f.Mode&^0o7777 != 0:
		return fmt.Errorf("mode %#o has more than permission bits, setuid, setgid and sticky; give at most 7777", *f.Mode)
	case f.Mode != nil && f.Kind == Symlink:
		return fmt.Errorf("a symbolic link has no mode of its own; leave the mode out")
	case f.Owner != nil && f.KeepOwner:
		return fmt.Errorf("both an owner and the host's owner are asked for; leave one out")
	case f.Major > maxMajor:
		return fmt.Errorf("major number %d of a device: the kernel has 12 bits for it; give at most %d", f.Major, maxMajor)
	case f.Minor > maxMinor:
		return fmt.Errorf("minor number %d of a device: the kernel has 20 bits for it; give at most %d", f.Minor, maxMinor)
	case f.Target != "" && f.Kind != Symlink && f.Kind != HardLink:
		return fmt.Errorf("target %s for what is no link; leave it out", Clip(f.Target))
	}
	return nil
}

// perm returns the mode asked for, or else the bits of otherwise.
func (f File) perm(otherwise fs.FileMode) fs.FileMode {
	if f.Mode == nil {
		return otherwise
	}
	return permBits(*f.Mode)
}

// permBits turns the bits of chmod(2) into Go's.
func permBits(bits uint32) fs.FileMode {
	mode := fs.FileMode(bits) & fs.ModePerm
	if bits&0o4000 != 0 {
		mode |= fs.ModeSetuid
	}
	if bits&0o2000 != 0 {
		mode |= fs.ModeSetgid
	}
	if bits&0o1000 != 0 {
		mode |= fs.ModeSticky
	}
	return mode
}
