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

	"github.com/kguest/kguest/pkg/rawfile"
)

// Module is one module to load.
type Module struct {
	File   string // absolute path
	Params string // "a=1 b=2"
}

// maxList is the most bytes of a list of modules and of what each is for: a
// distribution's 5,000 take 2 MB.
const maxList = 64 << 20

// ReadOrder returns the modules named in the file at path, in load order: one
// a line, an absolute path without spaces and, after a space, the parameters.
// Without the file there is none.
func ReadOrder(path string) ([]Module, error) {
	data, err := rawfile.ReadIfThere(path, maxList)
	if err != nil {
		return nil, err
	}
	var modules []Module
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSuffix(line, "\n")
		if line == "" {
			continue
		}
		if !filepath.IsAbs(line) {
			return nil, fmt.Errorf("%s: %q: not an absolute path", path, line)
		}
		file, params, _ := strings.Cut(line, " ")
		modules = append(modules, Module{file, params})
	}
	return modules, nil
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

// Load loads the module (finit_module(2)). One that is loaded already is a
// success.
func (m Module) Load() error {
	err := load(m.File, m.Params)
	if err == nil || errors.Is(err, syscall.EEXIST) {
		return nil
	}
	return fmt.Errorf("load module %s: %w%s", Name(m.File), err, hint(err))
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
