package inspect

import (
	"bytes"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/kguest/kguest/initramfs/elf"
	"github.com/kguest/kguest/initramfs/manifest"
)

// maxProgram bounds the programs that are searched for the libraries that they
// name, in bytes.
const maxProgram = 64 << 20

// needFacts tell which modules or programs need the file f.
func (im *Image) needFacts(f File, files []File) ([]string, error) {
	switch {
	case isModule(f.Path):
		return im.moduleFacts(f, files)
	case strings.Contains(path.Base(f.Path), ".so"):
		return im.libraryFacts(f, files)
	}
	return nil, nil
}

// libraryFacts tell which programs and libraries name f, or a link to it, as a
// library that they need, or as their loader.
func (im *Image) libraryFacts(f File, files []File) ([]string, error) {
	var known []string // names of the library
	var programs []File
	for _, g := range files {
		switch n := im.tree.lookup(g.Path); {
		case n != nil && n == im.tree.lookup(f.Path):
			known = append(known, path.Base(g.Path))
		case g.Type == manifest.Regular && g.Size <= maxProgram && !isModule(g.Path):
			programs = append(programs, g)
		}
	}
	var by []string
	err := im.Contents(programs, func(g File, content io.Reader) error {
		needed, err := neededBy(content)
		if err == nil && slices.ContainsFunc(needed, func(n string) bool { return slices.Contains(known, path.Base(n)) }) {
			by = append(by, g.Path)
		}
		return err
	})
	if err != nil || len(by) == 0 {
		return nil, err
	}
	slices.Sort(by)
	return []string{"programs and libraries need it (ELF): " + names(by)}, nil
}

// neededBy returns the libraries and the loader that a program names; none for
// what is no ELF program.
func neededBy(content io.Reader) ([]string, error) {
	head := make([]byte, 4)
	if n, err := io.ReadFull(content, head); err != nil || string(head[:n]) != "\x7fELF" {
		return nil, nil //nolint:nilerr // a file that is shorter is no program; an error of the image comes again
	}
	program, err := io.ReadAll(io.MultiReader(bytes.NewReader(head), content))
	if err != nil {
		return nil, err
	}
	o, err := elf.Read(bytes.NewReader(program))
	if err != nil || o == nil {
		return nil, nil //nolint:nilerr // a broken program needs nothing that could be told
	}
	return append(o.Needed, o.Interp), nil
}
