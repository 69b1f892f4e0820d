package boot

import (
	"errors"
	"slices"

	"github.com/kguest/kguest/pkg/mount"
	"github.com/kguest/kguest/pkg/rootfs"
)

// DefaultSize is the size of the upper layer: half of the memory.
const DefaultSize = "50%"

// Layout returns the guest's root, its upper layer of the given size.
func Layout(size string) rootfs.Layout {
	return rootfs.Layout{Image: ImagePath, Overlay: OverlayPath, Root: RootPath, Size: size}
}

// Transfer returns the switch to the root assembled at root.
func Transfer(root string) rootfs.Transfer {
	return rootfs.Transfer{
		Root: root,
		Move: []string{sysPath, procPath, devPath, runPath},
		Drop: []string{ConfigPath},
		Keep: runPath,
	}
}

// BindKernel binds the kernel's file systems into a root that a command is to
// run in before the switch. What is there already stays; undo takes away the
// rest, and is never nil.
func BindKernel(root string) (undo func() error, err error) {
	var bound []string
	undo = func() error {
		var errs []error
		for _, target := range slices.Backward(bound) {
			errs = append(errs, mount.Unmount(target, true))
		}
		return errors.Join(errs...)
	}
	if root == "/" {
		return undo, nil
	}
	for _, dir := range []string{sysPath, procPath, devPath, runPath} {
		target, err := rootfs.BindInto(root, dir)
		if err != nil {
			return undo, errors.Join(err, undo())
		}
		if target != "" {
			bound = append(bound, target)
		}
	}
	return undo, nil
}
