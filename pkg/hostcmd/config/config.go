// Package config reads the configuration files of a verb: YAML whose keys are
// those of the verb's flags.
package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/kguest/kguest/initramfs/hostfile"
)

// Kind is what a key takes.
type Kind int

// The kinds of a key.
const (
	Text   Kind = iota // one value; of several files the last one's
	List               // a list of values, or one; those of several files add up
	Switch             // true or false
)

// Key is a key that may stand in a file.
type Key struct {
	Name string
	Kind Kind
}

// Setting is one value in a file.
type Setting struct {
	Key  string
	Text string // as it was written; of a switch "true" or "false"
	File string // path of the file
	Line int
}

// Place is where s stands: "kguest.yaml:12".
func (s Setting) Place() string { return place(s.File, s.Line) }

// maxSize bounds a file, in bytes.
const maxSize = 1 << 20

// Read returns the settings in file, and after them those of its drop-ins, in
// the order of their names: the files NAME.d/*.yaml beside a file NAME.yaml.
// Only keys may stand in them. The error names the file and the line.
func Read(file string, keys []Key) ([]Setting, error) {
	dropIns, err := dropIns(file)
	if err != nil {
		return nil, err
	}
	var all []Setting
	for _, name := range append([]string{file}, dropIns...) {
		data, err := read(name)
		if err != nil {
			return nil, err
		}
		settings, err := Parse(name, data, keys)
		if err != nil {
			return nil, err
		}
		all = append(all, settings...)
	}
	return all, nil
}

// DropInDir returns the folder of the drop-ins of file.
func DropInDir(file string) string { return strings.TrimSuffix(file, filepath.Ext(file)) + ".d" }

func dropIns(file string) ([]string, error) {
	dir := DropInDir(file)
	entries, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("read drop-ins: %w", err)
	}
	var files []string
	for _, e := range entries {
		name := e.Name()
		switch {
		case strings.HasPrefix(name, "."):
		case filepath.Ext(name) == ".yaml":
			files = append(files, filepath.Join(dir, name))
		case filepath.Ext(name) == ".yml":
			return nil, fmt.Errorf("read drop-ins: %s would not be read; name it %s.yaml", filepath.Join(dir, name), strings.TrimSuffix(name, ".yml"))
		}
	}
	return files, nil
}

func read(name string) ([]byte, error) {
	data, err := hostfile.Read(name, maxSize)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("read configuration: %w", err)
	case err != nil:
		return nil, fmt.Errorf("read configuration: %w; give a YAML file of settings", err)
	}
	return data, nil
}
