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

// Cut returns the module data, an ELF file, without its signatures and without
// the sections that only debuggers and BPF read: BTF and DWARF. Nothing else
// changes: the sections keep their numbers and contents. A module that has
// functions for BPF programs (.BTF_ids) keeps its BTF: Linux 5.18 does not
// start one without, and 6.1.192 says "missing module BTF, cannot register
// kfuncs".
func Cut(data []byte) ([]byte, error) {
	data, err := cutSignatures(data)
	if err != nil {
		return nil, err
	}
	o, err := parseObject(data)
	if err != nil {
		return nil, err
	}
	drop := o.unneeded()
	if !slices.Contains(drop, true) {
		return data, nil
	}
	return o.without(drop)
}

// unneeded tells of each section whether it can go.
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
		default:
			drop[i] = strings.HasPrefix(s.name, ".debug_")
		}
	}
	for i, s := range o.sections {
		relocates := s.kind == elf.SHT_RELA || s.kind == elf.SHT_REL //nolint:misspell // ELF's name
		if relocates && int64(s.info) < int64(len(drop)) && drop[s.info] {
			drop[i] = true
		}
	}
	return drop
}

// without returns the file without the contents of the sections in drop, whose
// headers become empty ones (SHT_NULL): symbols, relocations and links name
// sections by number.
func (o *object) without(drop []bool) ([]byte, error) {
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
		out = append(out, o.content(i)...)
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
