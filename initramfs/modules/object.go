package modules

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
)

// Sizes of ELF's 64-bit structures (elf(5)).
const (
	fileHeaderSize    = 64
	sectionHeaderSize = 64
)

// Offsets of fields in the ELF header.
const (
	offType     = 16
	offMachine  = 18
	offSections = 40 // e_shoff, 8 bytes
	offSegments = 56 // e_phnum
	offHeader   = 58 // e_shentsize, then e_shnum and e_shstrndx
)

// maxAlign is the largest page of a kernel, in bytes: no section asks for more.
const maxAlign = 64 << 10

// section is one section header.
type section struct {
	nameAt     uint32
	kind       elf.SectionType
	flags      elf.SectionFlag
	addr       uint64
	off, size  uint64
	link, info uint32
	align      uint64
	entry      uint64

	name string
}

// object is a relocatable ELF file (ET_REL), 64 bits, little endian: what a
// kernel module is on amd64, arm64 and riscv64.
type object struct {
	data     []byte
	sections []section      // by index; number 0 is empty
	edited   map[int][]byte // contents in place of the file's

	nameTable int // the number of the section with the sections' names
}

func (o *object) machine() elf.Machine {
	return elf.Machine(binary.LittleEndian.Uint16(o.data[offMachine:]))
}

// edit gives a section other contents.
func (o *object) edit(i int, content []byte) {
	if o.edited == nil {
		o.edited = make(map[int][]byte)
	}
	o.edited[i] = content
}

// parseObject parses the section headers of data. Each section's content is
// inside data.
func parseObject(data []byte) (*object, error) {
	if err := checkObject(data); err != nil {
		return nil, err
	}
	le := binary.LittleEndian
	start, n := le.Uint64(data[offSections:]), uint64(le.Uint16(data[offHeader+2:]))
	if start > uint64(len(data)) || n*sectionHeaderSize > uint64(len(data))-start {
		return nil, fmt.Errorf("section headers at %d end behind the file's %d bytes", start, len(data))
	}
	o := &object{data: data, sections: make([]section, n)}
	for i := range o.sections {
		o.sections[i] = decodeSection(data[start+uint64(i)*sectionHeaderSize:])
		if err := o.checkSection(i); err != nil {
			return nil, err
		}
	}
	return o, o.readNames(le.Uint16(data[offHeader+4:]))
}

func checkObject(data []byte) error {
	if len(data) < fileHeaderSize || string(data[:4]) != elf.ELFMAG {
		return errors.New("not an ELF file")
	}
	le := binary.LittleEndian
	switch {
	case elf.Class(data[4]) != elf.ELFCLASS64 || elf.Data(data[5]) != elf.ELFDATA2LSB:
		return errors.New("not an ELF file of 64 bits, little endian")
	case elf.Type(le.Uint16(data[offType:])) != elf.ET_REL:
		return fmt.Errorf("an ELF file of type %v, not a relocatable one", elf.Type(le.Uint16(data[offType:])))
	case le.Uint16(data[offSegments:]) != 0:
		return errors.New("an ELF file with segments, which a module has not")
	case le.Uint16(data[offHeader:]) != sectionHeaderSize || le.Uint16(data[offHeader+2:]) == 0:
		return errors.New("an ELF file without section headers")
	}
	return nil
}

func decodeSection(b []byte) section {
	le := binary.LittleEndian
	return section{
		nameAt: le.Uint32(b), kind: elf.SectionType(le.Uint32(b[4:])), flags: elf.SectionFlag(le.Uint64(b[8:])), //nolint:gosec // G115: all flags fit
		addr: le.Uint64(b[16:]), off: le.Uint64(b[24:]), size: le.Uint64(b[32:]),
		link: le.Uint32(b[40:]), info: le.Uint32(b[44:]), align: le.Uint64(b[48:]), entry: le.Uint64(b[56:]),
	}
}

func (s section) encode(b []byte) {
	le := binary.LittleEndian
	le.PutUint32(b, s.nameAt)
	le.PutUint32(b[4:], uint32(s.kind))
	le.PutUint64(b[8:], uint64(s.flags))
	le.PutUint64(b[16:], s.addr)
	le.PutUint64(b[24:], s.off)
	le.PutUint64(b[32:], s.size)
	le.PutUint32(b[40:], s.link)
	le.PutUint32(b[44:], s.info)
	le.PutUint64(b[48:], s.align)
	le.PutUint64(b[56:], s.entry)
}

// inFile reports whether the section has bytes in the file.
func (s section) inFile() bool {
	return s.kind != elf.SHT_NULL && s.kind != elf.SHT_NOBITS && s.size > 0
}

func (o *object) checkSection(i int) error {
	s := o.sections[i]
	if !s.inFile() {
		return nil
	}
	if s.off > uint64(len(o.data)) || s.size > uint64(len(o.data))-s.off {
		return fmt.Errorf("section %d, %d bytes at %d, ends behind the file's %d bytes", i, s.size, s.off, len(o.data))
	}
	// Where the section is in the file need not be a multiple of it: those of
	// Debian's riscv64 kernel are not. The kernel aligns what it loads.
	if s.align > maxAlign || s.align&(s.align-1) != 0 {
		return fmt.Errorf("section %d has alignment %d; want a power of two, %d at most", i, s.align, maxAlign)
	}
	return nil
}

func (o *object) readNames(index uint16) error {
	if int(index) >= len(o.sections) || o.sections[index].kind != elf.SHT_STRTAB {
		return fmt.Errorf("section %d, of the sections' names, is no string table", index)
	}
	o.nameTable = int(index)
	table := o.content(o.nameTable)
	for i := range o.sections {
		s := &o.sections[i]
		if uint64(s.nameAt) > uint64(len(table)) {
			return fmt.Errorf("section %d has its name at %d of %d bytes", i, s.nameAt, len(table))
		}
		name, _, _ := bytes.Cut(table[s.nameAt:], []byte{0})
		s.name = string(name)
	}
	return nil
}

// content returns the bytes of the section, a part of the file's unless they
// were edited.
func (o *object) content(i int) []byte {
	if content, ok := o.edited[i]; ok {
		return content
	}
	if s := o.sections[i]; s.inFile() {
		return o.data[s.off : s.off+s.size]
	}
	return nil
}

// named returns the content of the first section of that name.
func (o *object) named(name string) []byte {
	for i, s := range o.sections {
		if s.name == name {
			return o.content(i)
		}
	}
	return nil
}
