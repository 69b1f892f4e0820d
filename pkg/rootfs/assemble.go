// Package rootfs puts a writable overlay on a read-only image and makes it the
// machine's root.
package rootfs

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/kguest/kguest/pkg/mount"
)

// Layout says where the parts of the root are.
type Layout struct {
	Image   string // mount point of the image
	Overlay string // where the tmpfs of the upper layer goes
	Root    string // where the assembled root goes
	Size    string // of the tmpfs, as tmpfs(5) takes it: "50%", "256m"
}

// Check reports a layout that cannot be mounted.
func (l Layout) Check() error {
	for _, path := range []string{l.Image, l.Overlay, l.Root} {
		if strings.ContainsAny(path, `:,\`) {
			return fmt.Errorf("overlay path %q: the kernel takes no colon, comma or backslash in it", path)
		}
	}
	return CheckSize(l.Size)
}

// mostBytes is more than any guest has, and far from where tmpfs counts round.
const mostBytes = 1 << 50

// CheckSize reports a size that makes no sense to tmpfs(5): it takes digits and
// one of k, m, g or %.
func CheckSize(size string) error {
	unit, shift := strings.TrimLeft(size, "0123456789"), 0
	most := uint64(mostBytes)
	switch unit {
	case "":
	case "k", "K":
		shift = 10
	case "m", "M":
		shift = 20
	case "g", "G":
		shift = 30
	case "%":
		most = 100
	default:
		most = 0
	}
	n, err := strconv.ParseUint(strings.TrimSuffix(size, unit), 10, 64)
	if err != nil || n == 0 || n > most>>shift {
		return fmt.Errorf("size %q: give a number of bytes with k, m or g, or a percentage of memory, such as 50%%", size)
	}
	return nil
}

// Steps returns what Assemble does. The tree after it:
//
//	Overlay          tmpfs
//	Overlay/upper    what the guest writes
//	Overlay/work     overlayfs's own
//	Overlay/image    Image, bound read-only
//	Root             overlay of upper on image
func (l Layout) Steps() []mount.Step {
	upper, work, image := l.Overlay+"/upper", l.Overlay+"/work", l.Overlay+"/image"
	return mount.List(
		mount.Dir{Path: l.Overlay},
		mount.Spec{Source: "tmpfs", Target: l.Overlay, FSType: "tmpfs", Data: "mode=0755,size=" + l.Size, Once: true},
		mount.Dir{Path: upper},
		mount.Dir{Path: work},
		sameOwner{from: l.Image, to: upper},
		mount.Dir{Path: image},
		mount.Spec{Source: l.Image, Target: image, Flags: mount.Bind | mount.ReadOnly, Once: true},
		mount.Dir{Path: l.Root},
		mount.Spec{
			Source: "overlayfs:" + l.Overlay, Target: l.Root, FSType: "overlay", Flags: mount.NoATime, Once: true,
			Data: "lowerdir=" + image + ",upperdir=" + upper + ",workdir=" + work,
		},
	)
}

// Assemble mounts the root. What is mounted already is kept.
func (l Layout) Assemble() error {
	if err := l.Check(); err != nil {
		return err
	}
	if fi, err := os.Stat(l.Image); err != nil {
		return fmt.Errorf("assemble root: image: %w", err)
	} else if !fi.IsDir() {
		return fmt.Errorf("assemble root: image %s: not a directory", l.Image)
	}
	if l.taken() {
		return fmt.Errorf("assemble root on %s: the layer in %s belongs to another root already: switch to that one, or unmount it and %s first",
			l.Root, l.Overlay, l.Overlay)
	}
	return mount.Apply(l.Steps())
}

// taken reports an upper layer that has been mounted somewhere, and not on Root:
// overlayfs makes a directory in work, and two of them must not share one.
func (l Layout) taken() bool {
	if _, err := os.Stat(l.Overlay + "/work/work"); err != nil {
		return false
	}
	mounted, err := mount.IsPoint(l.Root)
	return err != nil || !mounted
}

// sameOwner gives a directory the mode and owner of another: the upper
// directory's are those of the overlay's root.
type sameOwner struct{ from, to string }

func (s sameOwner) String() string {
	names := mount.Quote(s.from) + " " + mount.Quote(s.to)
	return "chown --reference " + names + "; chmod --reference " + names
}

// Done reports that Apply would change nothing.
func (s sameOwner) Done() bool {
	from, err := ownerOf(s.from)
	to, terr := ownerOf(s.to)
	return err == nil && terr == nil && from == to
}

func (s sameOwner) Apply() error {
	from, err := ownerOf(s.from)
	if err != nil {
		return err
	}
	if to, err := ownerOf(s.to); err == nil && to == from {
		return nil
	}
	return from.give(s.to)
}
