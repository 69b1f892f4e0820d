package boot

import "github.com/kguest/kguest/pkg/rootfs"

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
// run in before the switch; what is there already stays.
func BindKernel(root string) error {
	if root == "/" {
		return nil
	}
	for _, dir := range []string{sysPath, procPath, devPath, runPath} {
		if err := rootfs.BindInto(root, dir); err != nil {
			return err
		}
	}
	return nil
}
