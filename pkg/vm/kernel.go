package vm

import (
	"fmt"
	"path/filepath"
)

// Kernel is a Debian linux-image package, unpacked.
type Kernel struct {
	Image   string // bzImage
	Modules string // folder with modules.dep
}

// FindKernel returns the one kernel that was unpacked into dir.
func FindKernel(dir string) (Kernel, error) {
	modules, err := filepath.Glob(filepath.Join(dir, "lib/modules/*"))
	if err != nil {
		return Kernel{}, fmt.Errorf("find kernel: %w", err)
	}
	if len(modules) != 1 {
		return Kernel{}, fmt.Errorf("find kernel: %s has %d folders in lib/modules, want 1 (an unpacked linux-image package)", dir, len(modules))
	}
	return Kernel{Image: filepath.Join(dir, "boot/vmlinuz-"+filepath.Base(modules[0])), Modules: modules[0]}, nil
}
