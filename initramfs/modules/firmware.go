package modules

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// firmwareList is the firmware that modules name, in order.
type firmwareList []firmwareAsk

type firmwareAsk struct {
	name   string // below /lib/firmware; newer kernels have patterns (path.Match)
	module Module
}

func (l *firmwareList) add(m Module, names []string) {
	for _, name := range names {
		if !slices.ContainsFunc(*l, func(a firmwareAsk) bool { return a.name == name }) {
			*l = append(*l, firmwareAsk{name, m})
		}
	}
}

// firmware adds the files that the list names. Those that no folder has are
// warned of, a line for each module.
func (c *collector) firmware(list firmwareList) error {
	if len(c.FirmwareDirs) == 0 {
		return nil
	}
	if err := c.checkFirmwareDirs(); err != nil {
		return err
	}
	var missing firmwareList
	for _, ask := range list {
		found, err := c.findFirmware(ask)
		if err != nil {
			return err
		}
		if len(found) == 0 {
			missing = append(missing, ask)
		}
		for _, f := range found {
			if !slices.ContainsFunc(c.set.Files, func(have File) bool { return have.Guest == f.Guest }) {
				c.set.Files = append(c.set.Files, f)
			}
		}
	}
	c.set.Warnings = append(c.set.Warnings, missing.warnings(c.FirmwareDirs)...)
	return nil
}

func (c *collector) checkFirmwareDirs() error {
	for _, dir := range c.FirmwareDirs {
		info, err := os.Stat(dir)
		switch {
		case err != nil:
			return fmt.Errorf("open firmware folder: %w; give one like /lib/firmware", err)
		case !info.IsDir():
			return fmt.Errorf("open firmware folder: %s is not a folder; give one like /lib/firmware", dir)
		}
	}
	return nil
}

// findFirmware returns the files for one name, unpacked, from the first of the
// folders that has it. The kernel looks in updates/ and in its release's
// folder too (fw_path in drivers/base/firmware_loader/main.c).
func (c *collector) findFirmware(ask firmwareAsk) ([]File, error) {
	if !fs.ValidPath(ask.name) {
		return nil, fmt.Errorf("%s: module %s names the firmware %q, which is no path below /lib/firmware", ask.module.Reason, ask.module.Name, ask.name)
	}
	for _, dir := range c.FirmwareDirs {
		for _, sub := range []string{path.Join("updates", c.x.Version), "updates", c.x.Version, ""} {
			files, err := readFirmware(filepath.Join(dir, sub), ask)
			for i := range files {
				files[i].NeededBy = []string{c.x.GuestPath(ask.module)}
			}
			if err != nil || len(files) > 0 {
				return files, err
			}
		}
	}
	return nil, nil
}

func readFirmware(dir string, ask firmwareAsk) ([]File, error) {
	names, err := firmwareNames(dir, ask.name)
	if err != nil {
		return nil, err
	}
	var files []File
	for _, name := range names {
		file, data, err := readPacked(filepath.Join(dir, filepath.FromSlash(name)))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("%s: read firmware of module %s: %s: %w", ask.module.Reason, ask.module.Name, file, err)
		}
		files = append(files, File{
			Guest: "lib/firmware/" + name, Host: file, Data: data,
			Reason: ask.module.Reason + ", firmware of " + ask.module.Name,
		})
	}
	return files, nil
}

// firmwareNames returns the names in dir, without suffixes of compression,
// that name stands for.
func firmwareNames(dir, name string) ([]string, error) {
	if !strings.ContainsAny(name, wild) {
		return []string{name}, nil
	}
	var names []string
	for _, suffix := range []string{"", ".zst", ".xz"} {
		found, err := fs.Glob(os.DirFS(dir), name+suffix)
		if err != nil {
			return nil, fmt.Errorf("firmware %q: %w", name, err)
		}
		for _, f := range found {
			names = appendNew(names, strings.TrimSuffix(strings.TrimSuffix(f, ".zst"), ".xz"))
		}
	}
	return names, nil
}

// readPacked reads file or, unpacked, file.zst or file.xz. It returns the one
// it read.
func readPacked(file string) (string, []byte, error) {
	for _, suffix := range []string{"", ".zst", ".xz"} {
		data, err := readUnpacked(file+suffix, suffix)
		if !errors.Is(err, fs.ErrNotExist) {
			return file + suffix, data, err
		}
	}
	return file, nil, fs.ErrNotExist
}

// warnings returns a line for each module.
func (l firmwareList) warnings(dirs []string) []string {
	var lines []string
	for len(l) > 0 {
		module := l[0].module.Name
		var names []string
		for _, ask := range l {
			if ask.module.Name == module {
				names = append(names, ask.name)
			}
		}
		l = slices.DeleteFunc(l, func(a firmwareAsk) bool { return a.module.Name == module })
		lines = append(lines, fmt.Sprintf("module %s may need firmware that is not in %s: %s",
			module, strings.Join(dirs, ", "), strings.Join(names, " ")))
	}
	return lines
}
