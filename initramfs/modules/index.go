// Package modules reads a kernel's modules folder (/lib/modules/VERSION, as
// depmod leaves it) and tells which module files an image needs for what it
// was asked, in load order.
package modules

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
)

// Index is what one modules folder says of its modules.
type Index struct {
	Dir     string
	Version string // Dir's base name: the kernel's release, uname -r

	deps    map[string]dep
	soft    map[string]softdep
	weak    map[string][]string
	builtin map[string]bool
	aliases func() (aliasTable, error) // modules.alias and the built-in modules', read once
}

// Open reads the text files of the modules folder dir. Only modules.dep must
// be there, or modules.builtin in the folder of a kernel that loads none.
func Open(dir string) (*Index, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("open modules folder: %w", err)
	}
	x := &Index{Dir: abs, Version: filepath.Base(abs)}
	x.aliases = sync.OnceValues(x.readAliases)
	data, err := readIndexFile(abs, "modules.dep")
	if none := errors.Is(err, fs.ErrNotExist) && monolithic(abs); err != nil && !none {
		return nil, fmt.Errorf("open modules folder: %w%s", err, remedy(abs))
	}
	if x.deps, err = parseDep(data); err != nil {
		return nil, fmt.Errorf("parse %s: %w", filepath.Join(abs, "modules.dep"), err)
	}
	if err := x.readOptional(); err != nil {
		return nil, err
	}
	return x, nil
}

// monolithic reports whether dir is of a kernel whose build made no modules:
// it lists those built in, and has no folder of others.
func monolithic(dir string) bool {
	_, builtinErr := os.Stat(filepath.Join(dir, "modules.builtin"))
	_, kernelErr := os.Stat(filepath.Join(dir, "kernel"))
	return builtinErr == nil && errors.Is(kernelErr, fs.ErrNotExist)
}

// readOptional reads the files that a folder need not have.
func (x *Index) readOptional() error {
	files := []struct {
		name  string
		parse func(data string) error
	}{
		{"modules.softdep", func(data string) (err error) { x.soft, err = parseSoftdep(data); return err }},
		{"modules.weakdep", func(data string) (err error) { x.weak, err = parseWeakdep(data); return err }},
		{"modules.builtin", func(data string) (err error) { x.builtin, err = parseBuiltin(data); return err }},
	}
	for _, f := range files {
		data, err := readIndexFile(x.Dir, f.name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return fmt.Errorf("open modules folder: %w", err)
		}
		if err := f.parse(data); err != nil {
			return fmt.Errorf("parse %s: %w", filepath.Join(x.Dir, f.name), err)
		}
	}
	return nil
}

// remedy says what to do about a folder without modules.dep.
func remedy(dir string) string {
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return "; give a folder like /lib/modules/VERSION"
	}
	if found, err := filepath.Glob(filepath.Join(dir, "*", "modules.dep")); err == nil && len(found) > 0 {
		return "; give one kernel's folder in it, such as " + filepath.Dir(found[0])
	}
	if _, err := os.Stat(filepath.Join(dir, "kernel")); err == nil {
		if cmd, ok := depmod(dir); ok {
			return "; make it with: " + cmd
		}
	}
	return "; give a folder like /lib/modules/VERSION"
}

// depmod returns the command that makes modules.dep in dir; there is one where
// dir is a lib/modules/VERSION.
func depmod(dir string) (string, bool) {
	lib := filepath.Dir(filepath.Dir(dir))
	if filepath.Base(filepath.Dir(dir)) != "modules" || filepath.Base(lib) != "lib" {
		return "", false
	}
	return fmt.Sprintf("depmod -b %s %s", filepath.Dir(lib), filepath.Base(dir)), true
}

// names returns all names of modules, sorted, built in or not.
func (x *Index) names() []string {
	names := make(map[string]bool)
	maps.Copy(names, x.builtin)
	for name := range x.deps {
		names[name] = true
	}
	return slices.Sorted(maps.Keys(names))
}

func (x *Index) loadable(name string) bool {
	_, ok := x.deps[name]
	return ok
}

// has reports whether the kernel has the module, built in or not.
func (x *Index) has(name string) bool { return x.loadable(name) || x.builtin[name] }
