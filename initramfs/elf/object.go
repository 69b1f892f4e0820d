// Package elf tells which shared libraries a program needs, and finds them as
// the dynamic loader of the guest will (ld.so(8)), without running anything:
// the program may be for another architecture.
package elf

import (
	"bytes"
	stdelf "debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Bounds of what is read of a file. The largest in the field, C++ programs,
// have some 100 kB of dynamic strings that count and 20 program headers.
const (
	maxProgs   = 1024
	maxDynamic = 1 << 20 // bytes
	maxString  = 4096    // bytes, the kernel's PATH_MAX
	maxNeeded  = 4096
)

// Object is what a program or shared library says of what it needs at run
// time.
type Object struct {
	Machine stdelf.Machine
	Class   stdelf.Class
	Data    stdelf.Data
	Type    stdelf.Type
	Interp  string   // path of the dynamic loader; empty for none
	Needed  []string // DT_NEEDED, in order
	RPath   []string // DT_RPATH's folders, tokens unexpanded; none where there is a RUNPATH
	RunPath []string // DT_RUNPATH's
}

// Runs reports whether a machine that runs o runs p.
func (o *Object) Runs(p *Object) bool {
	return o.Machine == p.Machine && o.Class == p.Class && o.Data == p.Data
}

// Read reads what r says of itself. It is nil for what is no ELF file or one
// that is not for the dynamic loader, such as a kernel module.
func Read(r io.ReaderAt) (*Object, error) {
	head := make([]byte, 64)
	n, err := r.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	head = head[:n]
	if !bytes.HasPrefix(head, []byte(stdelf.ELFMAG)) {
		return nil, nil //nolint:nilnil // documented
	}
	f, err := newFile(r, head)
	if err != nil {
		return nil, err
	}
	if f.o.Type != stdelf.ET_EXEC && f.o.Type != stdelf.ET_DYN {
		return nil, nil //nolint:nilnil // documented
	}
	if err := f.readProgs(); err != nil {
		return nil, err
	}
	return f.o, f.readDynamic()
}

// file is an ELF file that is read.
type file struct {
	r       io.ReaderAt
	order   binary.ByteOrder
	wide    bool // 64 bits
	o       *Object
	progs   []prog
	phoff   uint64
	phsize  int
	phcount int
}

type prog struct {
	typ                stdelf.ProgType
	off, vaddr, filesz uint64
}

var errShort = errors.New("ELF file ends within its header")

func newFile(r io.ReaderAt, head []byte) (*file, error) {
	if len(head) < stdelf.EI_NIDENT {
		return nil, errShort
	}
	f := &file{r: r, o: &Object{Class: stdelf.Class(head[stdelf.EI_CLASS]), Data: stdelf.Data(head[stdelf.EI_DATA])}}
	switch f.o.Data {
	case stdelf.ELFDATA2LSB:
		f.order = binary.LittleEndian
	case stdelf.ELFDATA2MSB:
		f.order = binary.BigEndian
	default:
		return nil, fmt.Errorf("ELF file of unknown byte order %d", head[stdelf.EI_DATA])
	}
	size := 64
	switch f.o.Class {
	case stdelf.ELFCLASS64:
		f.wide = true
	case stdelf.ELFCLASS32:
		size = 52
	default:
		return nil, fmt.Errorf("ELF file of unknown class %d", head[stdelf.EI_CLASS])
	}
	if len(head) < size {
		return nil, errShort
	}
	f.o.Type = stdelf.Type(f.order.Uint16(head[16:]))
	f.o.Machine = stdelf.Machine(f.order.Uint16(head[18:]))
	if f.wide {
		f.phoff, f.phsize, f.phcount = f.order.Uint64(head[32:]), int(f.order.Uint16(head[54:])), int(f.order.Uint16(head[56:]))
	} else {
		f.phoff, f.phsize, f.phcount = uint64(f.order.Uint32(head[28:])), int(f.order.Uint16(head[42:])), int(f.order.Uint16(head[44:]))
	}
	return f, nil
}

// bytes returns n bytes at off.
func (f *file) bytes(off uint64, n int) ([]byte, error) {
	if off > 1<<62 {
		return nil, fmt.Errorf("ELF file refers to offset %#x", off)
	}
	b := make([]byte, n)
	if _, err := f.r.ReadAt(b, int64(off)); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("ELF file ends before offset %#x, where it says that it has %d bytes", off, n)
		}
		return nil, err
	}
	return b, nil
}

func (f *file) readProgs() error {
	want := 32
	if f.wide {
		want = 56
	}
	if f.phcount == 0 {
		return nil
	}
	if f.phsize < want || f.phcount > maxProgs {
		return fmt.Errorf("ELF file with %d program headers of %d bytes", f.phcount, f.phsize)
	}
	b, err := f.bytes(f.phoff, f.phcount*f.phsize)
	if err != nil {
		return err
	}
	for i := range f.phcount {
		h := b[i*f.phsize:]
		p := prog{typ: stdelf.ProgType(f.order.Uint32(h))}
		if f.wide {
			p.off, p.vaddr, p.filesz = f.order.Uint64(h[8:]), f.order.Uint64(h[16:]), f.order.Uint64(h[32:])
		} else {
			p.off, p.vaddr, p.filesz = uint64(f.order.Uint32(h[4:])), uint64(f.order.Uint32(h[8:])), uint64(f.order.Uint32(h[16:]))
		}
		f.progs = append(f.progs, p)
	}
	return f.readInterp()
}

func (f *file) readInterp() error {
	for _, p := range f.progs {
		if p.typ != stdelf.PT_INTERP {
			continue
		}
		if p.filesz > maxString {
			return fmt.Errorf("ELF file with a loader's path of %d bytes", p.filesz)
		}
		b, err := f.bytes(p.off, int(p.filesz))
		if err != nil {
			return err
		}
		f.o.Interp, _, _ = strings.Cut(string(b), "\x00")
		return nil
	}
	return nil
}

// readDynamic reads what the dynamic segment says, where there is one.
func (f *file) readDynamic() error {
	for _, p := range f.progs {
		if p.typ != stdelf.PT_DYNAMIC {
			continue
		}
		b, err := f.bytes(p.off, int(min(p.filesz, maxDynamic)))
		if err != nil {
			return err
		}
		return f.dynamic(b)
	}
	return nil
}

// dynamic reads the entries b of a dynamic segment.
func (f *file) dynamic(b []byte) error {
	word, read := 4, func(b []byte) uint64 { return uint64(f.order.Uint32(b)) }
	if f.wide {
		word, read = 8, f.order.Uint64
	}
	var strtab uint64
	var needed, rpath, runpath []uint64
	for ; len(b) >= 2*word; b = b[2*word:] {
		value := read(b[word:])
		switch stdelf.DynTag(read(b)) { //nolint:gosec // an unknown tag is passed over
		case stdelf.DT_NULL:
			b = nil
		case stdelf.DT_STRTAB:
			strtab = value
		case stdelf.DT_NEEDED:
			needed = append(needed, value)
		case stdelf.DT_RPATH:
			rpath = append(rpath, value)
		case stdelf.DT_RUNPATH:
			runpath = append(runpath, value)
		default:
		}
		if len(b) == 0 {
			break
		}
	}
	if len(needed) > maxNeeded {
		return fmt.Errorf("ELF file that needs %d libraries", len(needed))
	}
	if len(needed)+len(rpath)+len(runpath) == 0 {
		return nil
	}
	base, ok := f.offset(strtab)
	if !ok {
		return fmt.Errorf("ELF file whose dynamic strings, at address %#x, are in no segment", strtab)
	}
	return f.names(base, needed, rpath, runpath)
}

// names reads the strings of the dynamic segment at the offsets given from
// base.
func (f *file) names(base uint64, needed, rpath, runpath []uint64) error {
	for _, off := range needed {
		name, err := f.text(base, off)
		if err != nil {
			return err
		}
		f.o.Needed = append(f.o.Needed, name)
	}
	for _, list := range []struct {
		offs []uint64
		to   *[]string
	}{{rpath, &f.o.RPath}, {runpath, &f.o.RunPath}} {
		if len(list.offs) == 0 {
			continue
		}
		text, err := f.text(base, list.offs[0])
		if err != nil {
			return err
		}
		*list.to = strings.Split(text, ":")
	}
	if f.o.RunPath != nil {
		f.o.RPath = nil
	}
	return nil
}

// offset returns where in the file the address vaddr is loaded from.
func (f *file) offset(vaddr uint64) (uint64, bool) {
	for _, p := range f.progs {
		if p.typ == stdelf.PT_LOAD && vaddr >= p.vaddr && vaddr-p.vaddr < p.filesz {
			return p.off + (vaddr - p.vaddr), true
		}
	}
	return 0, false
}

// text reads the string at base+off, which ends in a NUL.
func (f *file) text(base, off uint64) (string, error) {
	if base > 1<<61 || off > 1<<61 {
		return "", fmt.Errorf("ELF file with a name at offset %#x", off)
	}
	b := make([]byte, maxString)
	n, err := f.r.ReadAt(b, int64(base+off))
	if err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	text, _, ok := strings.Cut(string(b[:n]), "\x00")
	if !ok {
		return "", fmt.Errorf("ELF file with a name at offset %#x that does not end", base+off)
	}
	return text, nil
}
