// Package rig boots guests under QEMU's software emulation with guest time made
// a count of instructions (-icount), and counts what a boot cost. Beside
// mkinitramfs's image it builds two to compare with: the least init in C, and a
// script of busybox, which do the same boot.
package rig

import (
	"context"
	"embed"
	"fmt"
	"os"
	"path/filepath"

	"github.com/kguest/kguest/initramfs/kconfig"
	"github.com/kguest/kguest/pkg/vm"
)

//go:embed guest
var sources embed.FS

// The inits that are compared. C and Script load the kernel's modules without
// signatures, BTF and DWARF; SameC is C with modules as mkinitramfs cuts them, and
// Rescue is Kguest with the profile of that name.
const (
	C      = "c"
	SameC  = "c-same-modules"
	Kguest = "kguest"
	Rescue = "kguest-rescue"
	Script = "script"
)

// Inits returns those that there are budgets for.
func Inits() []string { return []string{C, Kguest, Rescue, Script} }

// Rig has what the boots need, in a folder of its own.
type Rig struct {
	Kernel      string // bzImage
	Modules     string // the kernel's modules folder; empty for a kernel that needs none
	Compression string // of the disks, squashfs, which the kernel can read; empty for lz4
	dir         string
}

// Debian is the rig of an unpacked Debian kernel, dir of its files the rig's own.
func Debian(ctx context.Context, kernel, dir string) (*Rig, error) {
	k, err := vm.FindKernel(kernel)
	if err != nil {
		return nil, err
	}
	return Rig{Kernel: k.Image, Modules: k.Modules}.In(ctx, dir)
}

// Release names the kernel.
func (r *Rig) Release() string {
	image, err := kconfig.ReadImage(r.Kernel)
	if err != nil {
		return "unknown"
	}
	return image.Release
}

// In compiles the rig's programs in dir, with gcc, and packs the disks.
func (r Rig) In(ctx context.Context, dir string) (*Rig, error) {
	r.dir = dir
	if err := os.CopyFS(r.in("source"), sources); err != nil {
		return nil, fmt.Errorf("copy sources of the rig: %w", err)
	}
	if err := r.compile(ctx); err != nil {
		return nil, err
	}
	if err := r.packImage(ctx); err != nil {
		return nil, err
	}
	return &r, r.packConfig(ctx, r.in("config"), Guest{})
}

// in is the path of a file of the rig's own.
func (r *Rig) in(name string) string { return filepath.Join(r.dir, name) }
