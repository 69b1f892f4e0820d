package kconfig

import (
	"fmt"
	"slices"
	"strings"
)

// A part of the kernel that a guest's boot needs: a driver or a file system.
type part struct{ name, option string }

var (
	virtioBlk   = part{"virtio_blk", "CONFIG_VIRTIO_BLK"}
	virtioPCI   = part{"virtio_pci", "CONFIG_VIRTIO_PCI"}
	virtioMMIO  = part{"virtio_mmio", "CONFIG_VIRTIO_MMIO"}
	xenBlkfront = part{"xen-blkfront", "CONFIG_XEN_BLKDEV_FRONTEND"}
	squashfs    = part{"squashfs", "CONFIG_SQUASHFS"}
	erofs       = part{"erofs", "CONFIG_EROFS_FS"}
	ext4        = part{"ext4", "CONFIG_EXT4_FS"}
	overlay     = part{"overlay", "CONFIG_OVERLAY_FS"}
)

// disks returns what a hypervisor's disks need: of each list one.
func disks(vmm string) [][]part {
	virtio := [][]part{{virtioBlk}, {virtioPCI, virtioMMIO}}
	switch vmm {
	case "qemu", "firecracker":
		return virtio
	case "xen":
		return [][]part{{xenBlkfront}}
	case "all":
		return append(virtio, []part{xenBlkfront})
	}
	return [][]part{{virtioBlk, xenBlkfront}}
}

// CheckBuiltin returns an error where the kernel, without a module, could not
// boot an image under the hypervisor vmm; empty is any one. It needs the disk
// that the image is on, a file system for it, and overlay.
func (c *Config) CheckBuiltin(vmm string) error {
	for _, needs := range append(disks(vmm), []part{squashfs, erofs, ext4}, []part{overlay}) {
		if err := c.oneOf(needs); err != nil {
			return err
		}
	}
	return nil
}

// CheckBrings returns an error where the kernel could not boot an image that
// has the modules which brings reports: it needs overlay, a file system for the
// root and, unless vmm is empty, what that hypervisor's disks need.
func (c *Config) CheckBrings(vmm string, brings func(module string) bool) error {
	needs := [][]part{{overlay}, {squashfs, erofs, ext4}}
	switch vmm {
	case "":
	case "all":
		needs = append(needs, disks("")...)
	default:
		needs = append(needs, disks(vmm)...)
	}
	for _, parts := range needs {
		has := func(p part) bool { return c.Is(p.option) || brings(p.name) }
		if !slices.ContainsFunc(parts, has) {
			return fmt.Errorf("the image would not boot: the kernel does not have %s built in (%s), and the modules leave it out; leave it in",
				either(parts), c.File)
		}
	}
	return nil
}

// without are options that a kernel can be without, and kguest's commands
// cannot: they would not start, or not mount what they work by.
func without() []string {
	return []string{"BINFMT_ELF", "FUTEX", "EPOLL", "DEVTMPFS", "PROC_FS", "SYSFS", "TMPFS", "CGROUPS"}
}

// CheckRuns returns an error where the configuration says that the kernel
// lacks what each boot needs of it and no module brings.
func (c *Config) CheckRuns() error {
	for _, option := range without() {
		if v, ok := c.Value(option); ok && v == "n" {
			return fmt.Errorf("the image would not boot: CONFIG_%s is not set in %s; give another kernel", option, c.File)
		}
	}
	return nil
}

// oneOf returns an error where none of the parts is built in.
func (c *Config) oneOf(parts []part) error {
	var have []string
	loads := false
	for _, p := range parts {
		if c.Is(p.option) {
			return nil
		}
		if v, ok := c.Value(p.option); ok && v == "m" && c.Modules() {
			loads = true
			have = append(have, p.option+"=m")
		} else {
			have = append(have, p.option+" is not set")
		}
	}
	remedy := "give another kernel"
	if loads {
		remedy = "put its modules in with -modules-dir DIR"
	}
	return fmt.Errorf("the image would not boot without modules: the kernel does not have %s built in (%s in %s); %s",
		either(parts), strings.Join(have, ", "), c.File, remedy)
}

// either names one of the parts.
func either(parts []part) string {
	if len(parts) == 1 {
		return parts[0].name
	}
	return "any of " + names(parts)
}

func names(parts []part) string {
	var list []string
	for _, p := range parts {
		list = append(list, p.name)
	}
	return strings.Join(list, ", ")
}
