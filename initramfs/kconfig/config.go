// Package kconfig reads what a Linux kernel says of itself: its configuration,
// and the header of its image.
package kconfig

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"

	"github.com/kguest/kguest/initramfs/hostfile"
)

// maxConfig bounds a configuration, in bytes; Debian's has some 300 kB.
const maxConfig = 16 << 20

// Config is a kernel's whole configuration.
type Config struct {
	File string // where it was read
	Arch string // GOARCH of the kernel, empty for one that Go does not have

	text    string
	options []place // as text has them; of two of one name the last counts
}

// place is where an option's name is in a text. A configuration has some ten
// thousand, of which a dozen is asked for.
type place struct{ at, size uint32 }

// Read reads the configuration in file, which may be packed with gzip as
// /proc/config.gz is. The error names file and line.
func Read(file string) (*Config, error) {
	f, info, err := hostfile.Open(file)
	if err != nil {
		return nil, fmt.Errorf("read kernel configuration: %w", err)
	}
	defer f.Close()
	text, err := readBounded(f, info.Size())
	if err == nil && strings.HasPrefix(text, "\x1f\x8b") {
		text, err = gunzip(text)
	}
	if err != nil {
		return nil, fmt.Errorf("read kernel configuration %s: %w", file, err)
	}
	return parseText(file, text)
}

func gunzip(packed string) (string, error) {
	r, err := gzip.NewReader(strings.NewReader(packed))
	if err != nil {
		return "", err
	}
	return readBounded(r, 0)
}

// readBounded returns what r has, about size bytes.
func readBounded(r io.Reader, size int64) (string, error) {
	var b strings.Builder
	b.Grow(int(min(size, maxConfig)))
	if _, err := io.Copy(&b, io.LimitReader(r, maxConfig+1)); err != nil {
		return "", err
	}
	if b.Len() > maxConfig {
		return "", fmt.Errorf("more than %d bytes; give a kernel's .config", int64(maxConfig))
	}
	return b.String(), nil
}

// Parse parses a configuration as the kernel's build writes it. The error
// names file and the line.
func Parse(file string, data []byte) (*Config, error) { return parseText(file, string(data)) }

func parseText(file, text string) (*Config, error) {
	c := &Config{File: file, text: text, options: make([]place, 0, strings.Count(text, "\n")+1)}
	n, at := 0, 0
	for line := range strings.Lines(text) {
		n++
		name, err := option(strings.TrimSpace(line))
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", file, n, err)
		}
		if name != "" {
			c.options = append(c.options, placeOf(at+strings.Index(line, name), name))
		}
		at += len(line)
	}
	arch, err := c.arch()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	c.Arch = arch
	return c, nil
}

func placeOf(at int, name string) place {
	return place{uint32(at), uint32(len(name))} //nolint:gosec // G115: in a text that fits
}

// notSet ends the comment that says that an option is off.
const notSet = " is not set"

// option returns the name of the option in a line: a comment, which has none,
// CONFIG_NAME=VALUE, or the comment that says that an option is off.
func option(line string) (string, error) {
	if line == "" {
		return "", nil
	}
	if comment, ok := strings.CutPrefix(line, "#"); ok {
		name, off := strings.CutSuffix(strings.TrimSpace(comment), notSet)
		if off && strings.HasPrefix(name, "CONFIG_") {
			return name, nil
		}
		return "", nil
	}
	name, _, ok := strings.Cut(line, "=")
	if !ok || !optionName(name) {
		return "", fmt.Errorf("%.80q: want CONFIG_NAME=VALUE", line)
	}
	return name, nil
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
	for _, p := range slices.Backward(c.options) {
		if int(p.size) != len(name) || c.text[p.at:p.at+p.size] != name {
			continue
		}
		rest, _, _ := strings.Cut(c.text[p.at+p.size:], "\n")
		if value, set := strings.CutPrefix(rest, "="); set {
			return strings.TrimRightFunc(value, unicode.IsSpace), true
		}
		return "n", true
	}
	return "", false
}

// Is reports whether the option is built in ("y").
func (c *Config) Is(name string) bool {
	v, _ := c.Value(name)
	return v == "y"
}
