package boot

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"

	"github.com/kguest/kguest/initramfs"
	"github.com/kguest/kguest/initramfs/modules"
	"github.com/kguest/kguest/pkg/hostcmd/verb"
)

// findInitramfs returns the initramfs that was asked for, or one that it builds
// with the modules of k. What is compiled is kept in the cache.
func (m *maker) findInitramfs(ctx context.Context, k kernel) (string, error) {
	if m.initramfs != "" {
		if err := readable(m.initramfs); err != nil {
			return "", fmt.Errorf("-initramfs %s: %w", m.initramfs, errors.Unwrap(err))
		}
		return m.initramfs, nil
	}
	spec, err := m.initramfsSpec(k)
	if err != nil {
		return "", err
	}
	path := filepath.Join(m.work.Path, "initramfs.cpio")
	b := &initramfs.Builder{CacheDir: m.cache, Progress: m.progress}
	_, err = verb.WriteFile(path, func(w io.Writer) error {
		_, err := b.Build(ctx, spec, initramfs.None, w)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("build the initramfs: %w; or give one that was built: -initramfs FILE", err)
	}
	return path, nil
}

// initramfsSpec asks for kguest's commands and the modules of the hypervisor's
// devices. A kernel without modules has all of it built in.
func (o *options) initramfsSpec(k kernel) (*initramfs.Spec, error) {
	spec := &initramfs.Spec{Arch: runtime.GOARCH}
	if k.modules == "" {
		return spec, nil
	}
	var err error
	spec.ModulesDir = k.modules
	spec.Modules, err = modules.Preset(o.hypervisor(), "boot's hypervisor "+o.hypervisor())
	return spec, err
}

// hypervisor is whose devices the guest has.
func (o *options) hypervisor() string {
	switch {
	case o.xen:
		return "xen"
	case o.firecracker:
		return "firecracker"
	}
	return "qemu"
}

// isFile reports whether there is a regular file at path.
func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}
