package elf

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"strings"

	securejoin "github.com/cyphar/filepath-securejoin"

	"github.com/kguest/kguest/initramfs/hostfile"
)

const (
	// confFile lists folders for ldconfig(8).
	confFile = "/etc/ld.so.conf"
	// maxIncludes bounds how deep its include lines go.
	maxIncludes = 8
	// maxConf bounds each of its files, in bytes.
	maxConf = 1 << 20
)

// confDirs returns the folders that confFile below root lists, in order.
func confDirs(root string) ([]string, error) {
	return readConf(root, confFile, 0)
}

func readConf(root, file string, depth int) ([]string, error) {
	if depth > maxIncludes {
		return nil, fmt.Errorf("read %s: it is included more than %d deep", file, maxIncludes)
	}
	host, err := securejoin.SecureJoin(root, file)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", file, err)
	}
	data, err := hostfile.Read(host, maxConf)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("read loader's folders: %w", err)
	}
	var dirs []string
	for line := range strings.Lines(string(data)) {
		more, err := confLine(root, file, line, depth)
		if err != nil {
			return nil, err
		}
		dirs = append(dirs, more...)
	}
	return dirs, nil
}

// confLine returns the folders of one line: those that it names, or those of
// the files that it includes.
func confLine(root, file, line string, depth int) ([]string, error) {
	line, _, _ = strings.Cut(line, "#")
	fields := strings.FieldsFunc(line, func(r rune) bool { return strings.ContainsRune(" \t\r\n:,", r) })
	if len(fields) == 0 || fields[0] == "hwcap" {
		return nil, nil
	}
	if fields[0] != "include" {
		var dirs []string
		for _, dir := range fields {
			if path.IsAbs(dir) {
				dirs = append(dirs, path.Clean(dir))
			}
		}
		return dirs, nil
	}
	var dirs []string
	for _, pattern := range fields[1:] {
		if !path.IsAbs(pattern) {
			pattern = path.Join(path.Dir(file), pattern)
		}
		found, err := glob(root, pattern)
		if err != nil {
			return nil, fmt.Errorf("%s: include %s: %w", file, pattern, err)
		}
		for _, name := range found {
			more, err := readConf(root, name, depth+1)
			if err != nil {
				return nil, err
			}
			dirs = append(dirs, more...)
		}
	}
	return dirs, nil
}

// glob returns the paths below root that match pattern, whose last element
// may have wildcards, sorted.
func glob(root, pattern string) ([]string, error) {
	dir, err := securejoin.SecureJoin(root, path.Dir(pattern))
	if err != nil {
		return nil, err
	}
	found, err := filepath.Glob(filepath.Join(dir, path.Base(pattern)))
	for i, name := range found {
		found[i] = path.Join(path.Dir(pattern), filepath.Base(name))
	}
	return found, err
}
