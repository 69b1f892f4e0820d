// Package kconfig reads what a Linux kernel says of itself: its configuration,
// and the header of its image.
package kconfig

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/kguest/kguest/initramfs/hostfile"
)

// maxConfig bounds a configuration, in bytes; Debian's has some 300 kB.
const maxConfig = 16 << 20

// Config is a kernel's whole configuration.
type Config struct {
	File string // where it was read
	Arch string // GOARCH of the kernel, empty for one that Go does not have

	options []option // as the file has them; of two of one name the last counts
}

// option is an option of a configuration, with its value as it is written.
type option struct{ name, value string }

// Read reads the configuration in file, which may be packed with gzip as
// /proc/config.gz is. The error names file and line.
func Read(file string) (*Config, error) {
	f, info, err := hostfile.Open(file)
	if err != nil {
		return nil, fmt.Errorf("read kernel configuration: %w", err)
	}
	defer f.Close()
	data, err := readBounded(f, info.Size())
	if err == nil && bytes.HasPrefix(data, []byte("\x1f\x8b")) {
		data, err = gunzip(data)
	}
	if err != nil {
		return nil, fmt.Errorf("read kernel configuration %s: %w", file, err)
	}
	return Parse(file, data)
}

func gunzip(data []byte) ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	return readBounded(r, 0)
}

// readBounded returns what r has, about size bytes.
func readBounded(r io.Reader, size int64) ([]byte, error) {
	b := bytes.NewBuffer(make([]byte, 0, min(size, maxConfig)+bytes.MinRead))
	if _, err := b.ReadFrom(io.LimitReader(r, maxConfig+1)); err != nil {
		return nil, err
	}
	if b.Len() > maxConfig {
		return nil, fmt.Errorf("more than %d bytes; give a kernel's .config", int64(maxConfig))
	}
	return b.Bytes(), nil
}

// Parse parses a configuration as the kernel's build writes it. The error
// names file and the line.
func Parse(file string, data []byte) (*Config, error) {
	c := &Config{File: file, options: make([]option, 0, bytes.Count(data, []byte("\nCONFIG_"))+bytes.Count(data, []byte(notSet))+1)}
	n := 0
	for line := range strings.Lines(string(data)) {
		n++
		if err := c.line(strings.TrimSpace(line)); err != nil {
			return nil, fmt.Errorf("%s:%d: %w", file, n, err)
		}
	}
	arch, err := c.arch()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	c.Arch = arch
	return c, nil
}

// notSet ends the comment that says that an option is off.
const notSet = " is not set"

// line takes one line: a comment, CONFIG_NAME=VALUE, or the comment that says
// that an option is off.
func (c *Config) line(line string) error {
	if line == "" {
		return nil
	}
	if comment, ok := strings.CutPrefix(line, "#"); ok {
		name, off := strings.CutSuffix(strings.TrimSpace(comment), notSet)
		if off && strings.HasPrefix(name, "CONFIG_") {
			c.options = append(c.options, option{name, "n"})
		}
		return nil
	}
	name, value, ok := strings.Cut(line, "=")
	if !ok || !optionName(name) {
		return fmt.Errorf("%.80q: want CONFIG_NAME=VALUE", line)
	}
	c.options = append(c.options, option{name, value})
	return nil
}

func optionName(name string) bool {
	rest, ok := strings.CutPrefix(name, "CONFIG_")
	return ok && rest != "" && !strings.ContainsAny(rest, " \t\"")
}

// errNoArch: the options that are always there are not.
var errNoArch = errors.New("names no architecture; give the whole configuration, as /boot/config-RELEASE has it")

func (c *Config) arch() (string, error) {
	switch {
	case c.Is("X86_64"):
		return "amd64", nil
	case c.Is("ARM64"):
		return "arm64", nil
	case c.Is("RISCV") && c.Is("64BIT"):
		return "riscv64", nil
	case c.has("64BIT") || c.has("MMU"):
		return "", nil
	}
	return "", errNoArch
}

func (c *Config) has(name string) bool {
	_, ok := c.Value(name)
	return ok
}

// Value returns the value of the option NAME or CONFIG_NAME as it is written,
// quotes included; "n" for one that is not set. It is false for an option that
// the configuration does not name, which is off as well.
func (c *Config) Value(name string) (string, bool) {
	if !strings.HasPrefix(name, "CONFIG_") {
		name = "CONFIG_" + name
	}
	for _, o := range slices.Backward(c.options) {
		if o.name == name {
			return o.value, true
		}
	}
	return "", false
}

// Is reports whether the option is built in ("y").
func (c *Config) Is(name string) bool {
	v, _ := c.Value(name)
	return v == "y"
}
