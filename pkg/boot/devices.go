package boot

import (
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/kguest/kguest/pkg/block"
	"github.com/kguest/kguest/pkg/kmod"
	"github.com/kguest/kguest/pkg/mount"
)

// LoadModules loads the image's modules; each error is of one module. An image
// without modules is for a kernel that needs none.
func LoadModules() []error {
	files, err := kmod.ReadOrder(ModulesPath)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return []error{fmt.Errorf("load modules: %w", err)}
	}
	var errs []error
	for _, file := range files {
		if err := kmod.Load(file, ""); err != nil {
			errs = append(errs, err)
		}
	}
	return errs
}

// ModuleLoaded reports whether the module in file is loaded.
func ModuleLoaded(file string) bool { return kmod.Loaded(sysPath, file) }

// DefaultDisks returns the devices that are meant where none is named: Xen's
// first two disks, else virtio's.
func DefaultDisks() (image, config block.Ref) {
	return block.Ref{Paths: []string{"/dev/xvda", "/dev/vda"}}, block.Ref{Paths: []string{"/dev/xvdb", "/dev/vdb"}}
}

// MountDisk waits for the device ref names and mounts it read-only on target.
// The file system is the one its superblock tells. The role, "image" or
// "config", is for the error.
func MountDisk(role string, ref block.Ref, target string, timeout time.Duration) error {
	dev, err := Devices().Wait(ref, timeout)
	if err != nil {
		return fmt.Errorf("mount %s: %w%s", role, err, missingDriver(Devices()))
	}
	spec, err := DiskSpec(dev, target)
	if err != nil {
		return fmt.Errorf("mount %s: %w", role, err)
	}
	if err := (mount.Dir{Path: target}).Apply(); err != nil {
		return fmt.Errorf("mount %s: %w", role, err)
	}
	if err := spec.Apply(); err != nil {
		return fmt.Errorf("mount %s: %s: %w", role, dev, err)
	}
	return nil
}

// missingDriver says what is likely where there is no disk at all.
func missingDriver(t block.Tree) string {
	if len(t.Names()) > 0 {
		return ""
	}
	return " (no disk has a driver: build the image with -modules-dir, and load them: kmount modules)"
}

// DiskSpec returns the read-only mount of the file system on dev.
func DiskSpec(dev, target string) (mount.Spec, error) {
	super, err := block.ReadSuper(dev)
	var perr *fs.PathError
	switch {
	case errors.As(err, &perr):
		return mount.Spec{}, fmt.Errorf("%s: read superblock: %w", dev, perr.Err)
	case err != nil:
		return mount.Spec{}, fmt.Errorf("%s: %w", dev, err)
	}
	return mount.Spec{Source: dev, Target: target, FSType: super.FSType, Flags: mount.ReadOnly, Once: true}, nil
}

// Devices is where the guest looks for block devices.
func Devices() block.Tree { return block.Tree{Sys: sysPath, Dev: devPath} }
