package modules

import "fmt"

// VMMs returns the names of the presets.
func VMMs() []string { return []string{"qemu", "xen", "firecracker", "all"} }

// Preset returns the modules that a guest needs under the hypervisor named
// vmm: those of its devices, and the file systems. from says where vmm was
// asked for. The block device and the two file systems that every boot mounts
// must be there; the others are optional.
func Preset(vmm, from string) ([]Ask, error) {
	var devices []Ask
	switch vmm {
	case "qemu":
		devices = qemu()
	case "xen":
		devices = xen()
	case "firecracker":
		devices = firecracker()
	case "all":
		devices = append(append(qemu(), firecracker()...), xen()...)
	default:
		return nil, fmt.Errorf("no modules preset %q", vmm)
	}
	asks := append(devices,
		Ask{Name: "squashfs"}, Ask{Name: "erofs", Optional: true},
		Ask{Name: "ext4", Optional: true}, Ask{Name: "overlay"})
	for i := range asks {
		asks[i].From, asks[i].Preset = from, true
	}
	return asks, nil
}

func qemu() []Ask {
	return []Ask{
		{Name: "virtio_pci", Optional: true},
		{Name: "virtio_mmio", Optional: true},
		{Name: "virtio_blk"},
		{Name: "virtio_net", Optional: true},
		{Name: "virtio_console", Optional: true},
	}
}

func firecracker() []Ask {
	return []Ask{
		{Name: "virtio_mmio", Optional: true},
		{Name: "virtio_blk"},
		{Name: "virtio_net", Optional: true},
	}
}

func xen() []Ask {
	return []Ask{
		{Name: "xen-blkfront"},
		{Name: "xen-netfront", Optional: true},
	}
}
