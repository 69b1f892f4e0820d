package boot

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/kguest/kguest/pkg/hostcmd/verb"
	"github.com/kguest/kguest/pkg/scratch"
	"github.com/kguest/kguest/pkg/vm"
)

// maker makes what one machine needs.
type maker struct {
	*options
	verb.Streams

	progress func(string)
	command  []string
	cache    string
	work     *scratch.Folder // in cache, on whose file system the packed disks are
}

// findFolders makes the folders that the rest is made in.
func (m *maker) findFolders() (err error) {
	if m.cache, err = verb.CacheFolder(m.warn); err != nil {
		return err
	}
	if own, err := verb.UserCache(); err != nil || own != m.cache {
		for name, value := range goFolders(m.cache) {
			if err := os.Setenv(name, value); err != nil {
				return fmt.Errorf("set %s: %w", name, err)
			}
		}
	}
	if m.work, err = scratch.Make(m.cache, "work-"); err != nil {
		return fmt.Errorf("make a folder for the disks: %w; set XDG_CACHE_HOME to a folder that has space and can be written", err)
	}
	return nil
}

// warn writes a warning in place of what progress shows.
func (m *maker) warn(line string) {
	m.progress("")
	warn(m.Stderr, line)
}

// machine makes the disks and the initramfs.
func (m *maker) machine(ctx context.Context) (c vm.Config, err error) {
	kernel, err := findKernel(m.kernel, m.kernelFolders())
	if err != nil {
		return c, err
	}
	c = m.config(kernel)
	image, conf, err := m.disks(ctx)
	if err != nil {
		return c, err
	}
	c.Disks = append([]vm.Disk{{Path: image}, {Path: conf}}, m.volumes...)
	c.Initramfs, err = m.findInitramfs(ctx, kernel)
	if err == nil && m.firecracker {
		m.progress("unpacking the kernel")
		c.Kernel, err = unpackedKernel(ctx, c.Kernel, m.work.Path)
	}
	return c, err
}

// kernelFolders are where unpacked kernels are looked for: the user's own cache
// has them even where it cannot be written.
func (m *maker) kernelFolders() []string {
	list := []string{filepath.Join(m.cache, "kernel")}
	if own, err := verb.UserCache(); err == nil && own != m.cache {
		list = append(list, filepath.Join(own, "kernel"))
	}
	return list
}
