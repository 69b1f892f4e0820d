package modules

import (
	"cmp"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Cut returns the module data, an ELF file, without what only its signer,
// debuggers and tracers read, each of which costs every boot:
//
//   - signatures, which a kernel that does not enforce them checks all the same;
//   - BTF and DWARF. A module that has functions for BPF programs (.BTF_ids)
//     keeps its BTF: Linux 5.18 does not start one without, and 6.1.192 says
//     "missing module BTF, cannot register kfuncs";
//   - on x86-64 ORC's tables, which the kernel sorts: in a trace of the stack
//     the module's functions are marked as uncertain, by "?";
//   - on x86-64 the list of calls of __fentry__, each of which the kernel looks
//     up among all symbols and then makes a nop. It is made the same nop here,
//     and cannot become a call again: ftrace does not see the module;
//   - names of local data.
//
// What the module does is the same, byte for byte, and sections keep their
// numbers.
func Cut(data []byte) ([]byte, error) {
	o, err := parseUnsigned(data)
	if err != nil {
		return nil, err
	}
	drop := o.unneeded()
	if o.machine() == elf.EM_X86_64 {
		o.dropUnwind(drop)
		o.dropTracing(drop)
	}
	o.dropRelocations(drop)
	o.trimSymbols(drop)
	return o.without(drop)
}

// CutSignatures returns the module data without signatures, BTF and DWARF, all
// else as it was: what can be done by hand with objcopy.
func CutSignatures(data []byte) ([]byte, error) {
	o, err := parseUnsigned(data)
	if err != nil {
		return nil, err
	}
	drop := o.unneeded()
	o.dropRelocations(drop)
	return o.without(drop)
}

func parseUnsigned(data []byte) (*object, error) {
	data, err := cutSignatures(data)
	if err != nil {
		return nil, err
	}
	return parseObject(data)
}

// unneeded tells of each section that is not loaded whether it can go.
func (o *object) unneeded() []bool {
	drop := make([]bool, len(o.sections))
	keepBTF := len(o.named(".BTF_ids")) > 0
	for i, s := range o.sections {
		if s.kind == elf.SHT_NULL || s.flags&elf.SHF_ALLOC != 0 {
			continue
		}
		switch s.name {
		case ".BTF", ".BTF.base", ".BTF.ext":
			drop[i] = !keepBTF
		case ".comment":
			drop[i] = true
		default:
			drop[i] = strings.HasPrefix(s.name, ".debug_")
		}
	}
	return drop
}

// dropUnwind drops ORC's tables (Linux, arch/x86/kernel/unwind_orc.c).
func (o *object) dropUnwind(drop []bool) {
	for i, s := range o.sections {
		switch s.name {
		case ".orc_unwind", ".orc_unwind_ip", ".orc_header":
			drop[i] = true
		}
	}
}

// dropRelocations drops those of sections that go.
func (o *object) dropRelocations(drop []bool) {
	for i, s := range o.sections {
		if (s.kind == relocating || s.kind == elf.SHT_REL) && int64(s.info) < int64(len(drop)) && drop[s.info] {
			drop[i] = true
		}
	}
}

// without returns the file without the contents of the sections in drop, whose
// headers become empty ones (SHT_NULL): symbols, relocations and links name
// sections by number.
func (o *object) without(drop []bool) ([]byte, error) {
	if !slices.Contains(drop, true) && len(o.edited) == 0 {
		return o.data, nil
	}
	order, err := o.fileOrder()
	if err != nil {
		return nil, err
	}
	out := append(make([]byte, 0, len(o.data)), o.data[:fileHeaderSize]...)
	headers := slices.Clone(o.sections)
	for _, i := range order {
		if drop[i] {
			continue
		}
		out = pad(out, headers[i].align)
		headers[i].off = uint64(len(out))
		content := o.content(i)
		headers[i].size = uint64(len(content))
		out = append(out, content...)
	}
	out = pad(out, 8)
	binary.LittleEndian.PutUint64(out[offSections:], uint64(len(out)))
	for i, h := range headers {
		if drop[i] {
			h = section{}
		} else if h.kind == elf.SHT_NOBITS || h.size == 0 && h.kind != elf.SHT_NULL {
			h.off = fileHeaderSize // of nothing; what it was may be behind the end
		}
		out = append(out, make([]byte, sectionHeaderSize)...)
		h.encode(out[len(out)-sectionHeaderSize:])
	}
	if signed(out) {
		return nil, errors.New("its last section header ends as a signature does")
	}
	return out, nil
}

// fileOrder returns the sections with bytes in the file, in the order in which
// they are there.
func (o *object) fileOrder() ([]int, error) {
	var order []int
	for i, s := range o.sections {
		if s.inFile() {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(o.sections[a].off, o.sections[b].off) })
	end := uint64(fileHeaderSize)
	for _, i := range order {
		s := o.sections[i]
		if s.off < end {
			return nil, fmt.Errorf("section %d, at %d, overlaps what ends at %d", i, s.off, end)
		}
		end = s.off + s.size
	}
	return order, nil
}

// pad adds zeros up to a multiple of align, a power of two or 0.
func pad(b []byte, align uint64) []byte {
	if align <= 1 {
		return b
	}
	n := (align - uint64(len(b))%align) % align
	return append(b, make([]byte, n)...)
}
