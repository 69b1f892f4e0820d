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

// DefaultDisks returns the devices that are meant where none is named: Xen's
// first two disks, else virtio's.
func DefaultDisks() (image, config block.Ref) {
	return block.Ref{Paths: []string{"/dev/xvda", "/dev/vda"}}, block.Ref{Paths: []string{"/dev/xvdb", "/dev/vdb"}}
}

// MountDisk waits for the device ref names and mounts it read-only on target.
// The file system is squashfs, as a rule, or the one its superblock tells; its module
// is one of modules, as are the drivers of devices that come. The role, "image" or
// "config", is for the error.
func MountDisk(modules *kmod.Loader, role string, ref block.Ref, target string, timeout time.Duration) error {
	var errs []error
	devices := Devices()
	devices.Changed = func() { errs = append(errs, modules.Devices(kmod.Device)...) }
	dev, err := devices.Wait(ref, timeout)
	if err != nil {
		return errors.Join(append(errs, fmt.Errorf("mount %s: %w%s", role, err, missingDriver(devices)))...)
	}
	if !modules.Has(usual) {
		spec := mount.Spec{Source: dev, Target: target, FSType: usual, Flags: mount.ReadOnly | mount.Silent, Once: true}
		if mount.Apply([]mount.Step{mount.Dir{Path: target}, spec}) == nil {
			return nil
		} // else the superblock tells what it is, or what is wrong
	}
	spec, err := DiskSpec(dev, target)
	if err != nil {
		return fmt.Errorf("mount %s: %w", role, err)
	}
	errs = modules.FileSystem(spec.FSType)
	err = mount.Apply([]mount.Step{mount.Dir{Path: target}, spec})
	if _, ok := errors.AsType[*mount.Error](err); ok {
		err = fmt.Errorf("%s: %w", dev, err)
	}
	if err != nil {
		return errors.Join(append(errs, fmt.Errorf("mount %s: %w", role, err))...)
	}
	return nil
}

// usual is the file system of a disk that is not asked for its superblock: to read
// it takes longer than to try.
const usual = "squashfs"

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
