package inspect

import (
	"bytes"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
)

const (
	// orderFile lists the modules that kinit loads, in that order.
	orderFile = "lib/modules/kguest.order"
	// maxModuleFile bounds modules.dep and its like, in bytes.
	maxModuleFile = 16 << 20
	// maxModule bounds a module, in bytes; the largest with debug data have
	// some 100 MB.
	maxModule = 32 << 20
)

// moduleFacts tell which modules of the image need the module f, by the
// modules.dep in it or what each module says itself, and when it is loaded, by
// kguest's list.
func (im *Image) moduleFacts(f File, files []File) ([]string, error) {
	var facts []string
	var by []string
	from := "modules.dep"
	if dir, release, ok := modulesDir(f.Path); ok {
		facts = append(facts, "it is a module of kernel "+Quote(release))
		by = im.dependents(dir, strings.TrimPrefix(f.Path, dir+"/"))
	}
	if len(by) == 0 {
		var err error
		if by, err = im.claimants(f, files); err != nil {
			return nil, err
		}
		from = "their modinfo"
	}
	if len(by) > 0 {
		facts = append(facts, fmt.Sprintf("modules need it (%s): %s", from, names(by)))
	}
	if at := im.loadOrder(f.Path); at > 0 {
		facts = append(facts, fmt.Sprintf("it is the module that kinit loads as number %d (%s)", at, orderFile))
	}
	return facts, nil
}

// claimants returns the modules that name f's in the "depends=" of their
// modinfo. Packed modules are passed over.
func (im *Image) claimants(f File, files []File) ([]string, error) {
	var plain []File
	for _, g := range files {
		if strings.HasSuffix(g.Path, ".ko") && g.Size <= maxModule {
			plain = append(plain, g)
		}
	}
	name := moduleName(f.Path)
	var list []string
	err := im.Contents(plain, func(g File, content io.Reader) error {
		data, err := io.ReadAll(content)
		if err == nil && slices.Contains(depends(data), name) {
			list = append(list, g.Path)
		}
		return err
	})
	slices.Sort(list)
	return list, err
}

// depends returns the modules that a module says it needs; the texts of its
// modinfo end in NUL (MODULE_INFO of the kernel).
func depends(module []byte) []string {
	_, rest, _ := bytes.Cut(module, []byte("\x00depends="))
	value, _, ok := bytes.Cut(rest, []byte{0})
	if !ok || len(value) == 0 || len(value) > maxPath {
		return nil
	}
	var list []string
	for name := range strings.SplitSeq(string(value), ",") {
		list = append(list, moduleName(name))
	}
	return list
}

// moduleName is the base of a path without suffixes, as the kernel spells it.
func moduleName(file string) string {
	name, _, _ := strings.Cut(path.Base(file), ".")
	return strings.ReplaceAll(name, "-", "_")
}

// dependents returns the modules in the image whose line in dir's modules.dep
// has file, a path below dir.
func (im *Image) dependents(dir, file string) []string {
	data, err := im.ReadFile(path.Join(dir, "modules.dep"), maxModuleFile)
	if err != nil {
		return nil // most images that kguest makes have none
	}
	var list []string
	for line := range strings.Lines(string(data)) {
		module, needs, _ := strings.Cut(line, ":")
		name := path.Join(dir, module)
		if slices.Contains(strings.Fields(needs), file) && im.tree.lookup(name) != nil {
			list = append(list, name)
		}
	}
	slices.Sort(list)
	return list
}

// loadOrder returns the place of a module in kguest's list, from 1; 0 where it
// is not there.
func (im *Image) loadOrder(name string) int {
	data, err := im.ReadFile(orderFile, maxModuleFile)
	if err != nil {
		return 0
	}
	n := 0
	for line := range strings.Lines(string(data)) {
		fields := strings.Fields(line)
		if len(fields) == 0 || strings.HasPrefix(fields[0], "#") {
			continue
		}
		if n++; path.Base(fields[0]) == path.Base(name) {
			return n
		}
	}
	return 0
}
