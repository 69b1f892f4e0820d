package boot

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/kguest/kguest/initramfs/kconfig"
	"github.com/kguest/kguest/pkg/vm"
)

// kernel is what the machine boots.
type kernel struct {
	image   string
	modules string // folder with modules.dep; empty where none is known
}

// findKernel returns the kernel that was asked for, a file or the folder of an
// unpacked package; where none was, this machine's or the newest one in folders.
func findKernel(asked string, folders []string) (kernel, error) {
	if asked == "" {
		return defaultKernel(folders)
	}
	info, err := os.Stat(asked)
	if err != nil {
		return kernel{}, fmt.Errorf("-kernel %s: %w", asked, errors.Unwrap(err))
	}
	if info.IsDir() {
		found, err := vm.FindKernel(asked)
		return kernel{found.Image, found.Modules}, err
	}
	if err := readable(asked); err != nil {
		return kernel{}, fmt.Errorf("-kernel %s: %w; run as root, or give a copy that you can read", asked, errors.Unwrap(err))
	}
	k, err := kconfig.ReadImage(asked)
	switch {
	case err != nil:
		return kernel{}, fmt.Errorf("-kernel: %w", err)
	case k.Arch != runtime.GOARCH:
		return kernel{}, fmt.Errorf("-kernel %s: it is for %s, and this machine is %s", asked, k.Arch, runtime.GOARCH)
	}
	return kernel{asked, modulesOf(asked)}, nil
}

// modulesOf returns the modules of the kernel at path: from the package that it
// was unpacked with, or of this machine. Empty: there are none.
func modulesOf(path string) string {
	k, err := kconfig.ReadImage(path)
	if err != nil || k.Release == "" {
		return ""
	}
	for _, lib := range []string{filepath.Join(filepath.Dir(path), "../lib"), "/lib", "/usr/lib"} {
		dir := filepath.Join(lib, "modules", k.Release)
		if readable(filepath.Join(dir, "modules.dep")) == nil {
			return dir
		}
	}
	return ""
}

func readable(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return f.Close()
}

func defaultKernel(folders []string) (kernel, error) {
	release, err := runningRelease()
	if err != nil {
		return kernel{}, fmt.Errorf("find this machine's kernel: %w; give -kernel FILE", err)
	}
	own := "/boot/vmlinuz-" + release
	ownErr := readable(own)
	if ownErr == nil {
		if modules := modulesOf(own); modules != "" {
			return kernel{own, modules}, nil
		}
		ownErr = fmt.Errorf("/lib/modules/%s: no modules", release)
	}
	for _, dir := range folders {
		if found, ok := cachedKernel(dir); ok {
			return found, nil
		}
	}
	return kernel{}, fmt.Errorf("no kernel: %w, and none in %s; give -kernel FILE, or have .ci/kernel in kguest's sources fetch Debian's", ownErr, strings.Join(folders, " and "))
}

// cachedKernel returns the newest package that was unpacked in cache.
func cachedKernel(cache string) (kernel, bool) {
	dirs, err := filepath.Glob(filepath.Join(cache, "*"))
	if err != nil {
		return kernel{}, false
	}
	var newest kernel
	var at int64
	for _, dir := range dirs {
		found, err := vm.FindKernel(dir)
		if err != nil || !bootable(found.Image) {
			continue
		}
		if info, err := os.Stat(found.Image); err == nil && info.ModTime().Unix() >= at {
			newest, at = kernel{found.Image, found.Modules}, info.ModTime().Unix()
		}
	}
	return newest, newest.image != ""
}

// bootable reports whether the kernel at path is one for this machine's
// processor.
func bootable(path string) bool {
	k, err := kconfig.ReadImage(path)
	return err == nil && k.Arch == runtime.GOARCH
}
