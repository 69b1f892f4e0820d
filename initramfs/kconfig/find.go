package kconfig

import (
	"os"
	"path/filepath"
	"strings"
)

// Find reads the configuration that belongs to the kernel image and the
// modules folder, either of which may be empty: config-RELEASE or .config
// beside the image, .config of the build whose arch/*/boot it is in, config or build/.config in the modules folder, and
// boot/config-RELEASE in the system that the modules folder is in. It is nil,
// without an error, where there is none.
func Find(image, modulesDir string) (*Config, error) {
	for _, file := range candidates(image, modulesDir) {
		if info, err := os.Stat(file); err == nil && info.Mode().IsRegular() {
			return Read(file)
		}
	}
	return nil, nil //nolint:nilnil // no configuration is no error
}

func candidates(image, modulesDir string) []string {
	var files []string
	if image != "" {
		dir, base := filepath.Split(image)
		if _, release, ok := strings.Cut(base, "-"); ok {
			files = append(files, filepath.Join(dir, "config-"+release))
		}
		files = append(files, filepath.Join(dir, ".config"))
		if boot := filepath.Clean(dir); filepath.Base(boot) == "boot" && filepath.Base(filepath.Join(boot, "../..")) == "arch" {
			files = append(files, filepath.Join(boot, "../../../.config"))
		}
	}
	if modulesDir != "" {
		files = append(files, besideModules(modulesDir)...)
	}
	return files
}

// besideModules: ROOT/lib/modules/RELEASE, or ROOT/usr/lib/modules/RELEASE.
func besideModules(dir string) []string {
	files := []string{filepath.Join(dir, "config"), filepath.Join(dir, "build", ".config")}
	abs, err := filepath.Abs(dir)
	if err != nil || filepath.Base(filepath.Dir(abs)) != "modules" {
		return files
	}
	lib := filepath.Dir(filepath.Dir(abs))
	boot := filepath.Join("boot", "config-"+filepath.Base(abs))
	for _, root := range []string{filepath.Dir(lib), filepath.Dir(filepath.Dir(lib))} {
		files = append(files, filepath.Join(root, boot))
	}
	return files
}
