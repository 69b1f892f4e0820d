// Package kmod loads the kernel modules of an image in an order that was
// resolved when the image was built.
package kmod

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// ReadOrder returns the module files named in the file at path: one absolute
// path a line, in load order. A missing file is an *fs.PathError.
func ReadOrder(path string) ([]string, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var files []string
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSuffix(line, "\n")
		if line == "" {
			continue
		}
		if !filepath.IsAbs(line) {
			return nil, fmt.Errorf("%s: %q: not an absolute path", path, line)
		}
		files = append(files, line)
	}
	return files, nil
}

// Name returns a module's name: its file's, without the suffix and with
// underscores.
func Name(file string) string {
	name := strings.TrimSuffix(filepath.Base(file), ".ko")
	return strings.ReplaceAll(name, "-", "_")
}

// Loaded reports whether the module in file is loaded; sys is sysfs's mount
// point.
func Loaded(sys, file string) bool {
	_, err := os.Stat(filepath.Join(sys, "module", Name(file)))
	return err == nil
}

// Load loads the module in file with params, "a=1 b=2" (finit_module(2)). One
// that is loaded already is a success.
func Load(file, params string) error {
	err := load(file, params)
	if err == nil || errors.Is(err, syscall.EEXIST) {
		return nil
	}
	return fmt.Errorf("load module %s: %w%s", Name(file), err, hint(err))
}

// hint says what the kernel's error means for a module; its log says more.
func hint(err error) string {
	switch {
	case errors.Is(err, syscall.ENOEXEC):
		return " (built for another kernel, or not a module)"
	case errors.Is(err, syscall.ENOENT):
		return " (the file, or a symbol the module needs, is missing)"
	case errors.Is(err, syscall.EKEYREJECTED), errors.Is(err, syscall.ENOKEY):
		return " (this kernel takes only modules signed for it)"
	case errors.Is(err, syscall.EPERM):
		return " (the caller is not root, or this kernel loads no modules, or none that is unsigned)"
	case errors.Is(err, syscall.ENODEV):
		return " (its hardware is not there)"
	}
	return ""
}
