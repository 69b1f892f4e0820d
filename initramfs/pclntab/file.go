package pclntab

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
)

// order is that of every architecture that is known.
var order = binary.LittleEndian

// file is a program. The linker puts two sections behind the table in its segment;
// those of the data's segment follow.
type file struct {
	data     []byte
	header   elf.Header64
	segments []elf.Prog64
	sections []elf.Section64
	names    []string

	table, typelink, itablink, module int // sections
	constant, variable                int // segments: the table's, and the data's
}

func readFile(data []byte) (*file, error) {
	f := &file{data: data}
	if err := f.read(&f.header, 0); err != nil {
		return nil, err
	}
	h := &f.header
	if !bytes.HasPrefix(h.Ident[:], []byte(elf.ELFMAG)) || elf.Class(h.Ident[elf.EI_CLASS]) != elf.ELFCLASS64 ||
		elf.Data(h.Ident[elf.EI_DATA]) != elf.ELFDATA2LSB || elf.Type(h.Type) != elf.ET_EXEC {
		return nil, errors.New("not an executable ELF file of 64 bits, little endian, at addresses of its own")
	}
	f.segments = make([]elf.Prog64, h.Phnum)
	if err := f.read(f.segments, h.Phoff); err != nil {
		return nil, err
	}
	f.sections = make([]elf.Section64, h.Shnum)
	if err := f.read(f.sections, h.Shoff); err != nil {
		return nil, err
	}
	if int(h.Shstrndx) >= len(f.sections) {
		return nil, errors.New("no table of section names")
	}
	for i := range f.sections {
		f.names = append(f.names, text(f.content(int(h.Shstrndx)), uint64(f.sections[i].Name)))
	}
	return f, f.find()
}

// read decodes what is at an offset.
func (f *file) read(v any, at uint64) error {
	if at > uint64(len(f.data)) || uint64(binary.Size(v)) > uint64(len(f.data))-at { //nolint:gosec // G115: a size is not negative
		return fmt.Errorf("its headers: offset %#x is behind the file's end", at)
	}
	_, err := binary.Decode(f.data[at:], order, v)
	return err
}

// content is empty where a section is not wholly in the file.
func (f *file) content(section int) []byte {
	s := &f.sections[section]
	if elf.SectionType(s.Type) == elf.SHT_NOBITS || s.Off > uint64(len(f.data)) || s.Size > uint64(len(f.data))-s.Off {
		return nil
	}
	return f.data[s.Off : s.Off+s.Size]
}

// text returns the string at an offset, empty where there is none.
func text(table []byte, at uint64) string {
	if at >= uint64(len(table)) {
		return ""
	}
	s, _, _ := bytes.Cut(table[at:], []byte{0})
	return string(s)
}

func (f *file) find() error {
	for name, at := range map[string]*int{
		".gopclntab": &f.table, ".typelink": &f.typelink, ".itablink": &f.itablink, ".go.module": &f.module,
	} {
		*at = -1
		for i := range f.names {
			if f.names[i] == name && len(f.content(i)) > 0 {
				*at = i
			}
		}
		if *at < 0 {
			return errFormat("no section %s", name)
		}
	}
	f.constant, f.variable = f.segmentOf(f.table), f.segmentOf(f.module)
	if f.typelink != f.table+1 || f.itablink != f.table+2 || f.module <= f.itablink || f.segmentOf(f.itablink) != f.constant ||
		f.constant < 0 || f.variable <= f.constant {
		return errFormat("sections %q", f.names)
	}
	return f.check()
}

// check refuses what replace would not take with it.
func (f *file) check() error {
	for i := range f.sections {
		if elf.SectionType(f.sections[i].Type) == elf.SHT_SYMTAB {
			return errors.New("it has symbols, whose addresses would be wrong: link it with -s")
		}
	}
	h := &f.header
	headers := f.sections[1].Off // what comes first
	if h.Phoff+uint64(h.Phnum)*uint64(h.Phentsize) > headers || h.Shoff+uint64(h.Shnum)*uint64(h.Shentsize) > headers ||
		int(h.Phentsize) != binary.Size(elf.Prog64{}) || int(h.Shentsize) != binary.Size(elf.Section64{}) {
		return errFormat("headers at %#x and %#x", h.Phoff, h.Shoff)
	}
	c, last := &f.segments[f.constant], &f.sections[f.itablink]
	if last.Off+last.Size != c.Off+c.Filesz || c.Filesz != c.Memsz || !aligned(f.segments[f.variable].Align) ||
		!aligned(f.sections[f.typelink].Addralign) || !aligned(last.Addralign) || !aligned(f.sections[f.table].Addralign) ||
		headers > f.sections[f.table].Off || f.segments[f.variable].Off < c.Off+c.Filesz {
		return errFormat("segment of .gopclntab at offset %#x", c.Off)
	}
	return nil
}

// aligned reports an alignment that a linker gives: a power of 2 of up to the pages
// of any kernel.
func aligned(n uint64) bool { return n > 0 && n <= 64<<10 && n&(n-1) == 0 }

// segmentOf returns the segment that is loaded and holds a section, or -1.
func (f *file) segmentOf(section int) int {
	s := &f.sections[section]
	for i := range f.segments {
		p := &f.segments[i]
		if elf.ProgType(p.Type) == elf.PT_LOAD && s.Off >= p.Off && s.Off+s.Size <= p.Off+p.Filesz &&
			p.Off+p.Filesz <= uint64(len(f.data)) && s.Addr-p.Vaddr == s.Off-p.Off {
			return i
		}
	}
	return -1
}

// replace returns the file with another table. What is behind that moves: in the
// file everything, in memory the rest of the segment.
func (f *file) replace(t *smallTable) []byte {
	n := *f
	n.segments, n.sections = slices.Clone(f.segments), slices.Clone(f.sections)
	out := bytes.Clone(f.data[:f.sections[f.table].Off])
	out = n.put(out, f.table, t.data)
	out = n.put(out, f.typelink, f.content(f.typelink))
	out = n.put(out, f.itablink, f.content(f.itablink))
	c := &n.segments[f.constant]
	c.Filesz = uint64(len(out)) - c.Off
	c.Memsz = c.Filesz

	rest := f.segments[f.variable].Off
	for uint64(len(out))%n.segments[f.variable].Align != rest%n.segments[f.variable].Align {
		out = append(out, 0)
	}
	nearer := rest - uint64(len(out))
	out = append(out, f.data[rest:]...)
	for i := range n.segments {
		if n.segments[i].Off >= rest {
			n.segments[i].Off -= nearer
		}
	}
	for i := range n.sections {
		if n.sections[i].Off >= rest {
			n.sections[i].Off -= nearer
		}
	}
	mustEncode(out[n.header.Phoff:], n.segments)
	mustEncode(out[n.header.Shoff:], n.sections)
	n.data = out
	t.describe(&n)
	return out
}

// put appends a section's content to out.
func (f *file) put(out []byte, section int, content []byte) []byte {
	s := &f.sections[section]
	for uint64(len(out))%s.Addralign != 0 {
		out = append(out, 0)
	}
	c := &f.segments[f.constant]
	s.Off, s.Size = uint64(len(out)), uint64(len(content))
	s.Addr = c.Vaddr + s.Off - c.Off
	return append(out, content...)
}

// mustDecode reads v from where there is enough for it.
func mustDecode(from []byte, v any) {
	if _, err := binary.Decode(from, order, v); err != nil {
		panic(err)
	}
}

// mustEncode writes v to where there is enough room for it.
func mustEncode(to []byte, v any) {
	if _, err := binary.Encode(to, order, v); err != nil {
		panic(err)
	}
}
