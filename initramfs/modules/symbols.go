package modules

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"slices"
)

// Sizes of the Elf64 structures of a symbol and a relocation (elf(5)).
const (
	symbolSize     = 24
	relocationSize = 24
)

// relocating is the type of a section with relocations that have addends.
const relocating = elf.SHT_RELA //nolint:misspell // ELF's name

type symbol struct {
	nameAt  uint32
	info    byte // binding and type
	other   byte
	section uint16
	value   uint64
	size    uint64

	name string
}

type relocation struct {
	at           uint64
	kind, symbol uint32
	addend       int64
}

func (s symbol) append(b []byte) []byte {
	le := binary.LittleEndian
	b = le.AppendUint16(append(le.AppendUint32(b, s.nameAt), s.info, s.other), s.section)
	return le.AppendUint64(le.AppendUint64(b, s.value), s.size)
}

func (r relocation) append(b []byte) []byte {
	le := binary.LittleEndian
	b = le.AppendUint32(le.AppendUint32(le.AppendUint64(b, r.at), r.kind), r.symbol)
	return le.AppendUint64(b, uint64(r.addend)) //nolint:gosec // G115: a signed field
}

// index returns the number of the first section of that name, or -1.
func (o *object) index(name string) int {
	return slices.IndexFunc(o.sections, func(s section) bool { return s.name == name })
}

// relocationsOf returns the number of the section with those of section i, or
// -1 where there is none, or more than one.
func (o *object) relocationsOf(i int) int {
	found := -1
	for n, s := range o.sections {
		if s.kind != relocating || int64(s.info) != int64(i) {
			continue
		}
		if found >= 0 {
			return -1
		}
		found = n
	}
	return found
}

// relocations returns those in section i; none for -1.
func (o *object) relocations(i int) []relocation {
	if i < 0 {
		return nil
	}
	le := binary.LittleEndian
	var list []relocation
	for b := range slices.Chunk(o.content(i), relocationSize) {
		if len(b) == relocationSize {
			list = append(list, relocation{le.Uint64(b), le.Uint32(b[8:]), le.Uint32(b[12:]), int64(le.Uint64(b[16:]))}) //nolint:gosec // G115: a signed field
		}
	}
	return list
}

// symbolTable returns the numbers of the symbol table and of the table with its names, -1
// where there is not one of each.
func (o *object) symbolTable() (symbols, names int) {
	symbols = slices.IndexFunc(o.sections, func(s section) bool { return s.kind == elf.SHT_SYMTAB })
	if symbols < 0 {
		return -1, -1
	}
	link := o.sections[symbols].link
	if int64(link) >= int64(len(o.sections)) || o.sections[link].kind != elf.SHT_STRTAB {
		return -1, -1
	}
	return symbols, int(link)
}

// symbols returns the symbol table.
func (o *object) symbols() []symbol {
	table, names := o.symbolTable()
	if table < 0 {
		return nil
	}
	le := binary.LittleEndian
	var list []symbol
	text := o.content(names)
	for b := range slices.Chunk(o.content(table), symbolSize) {
		if len(b) < symbolSize {
			break
		}
		s := symbol{nameAt: le.Uint32(b), info: b[4], other: b[5], section: le.Uint16(b[6:]), value: le.Uint64(b[8:]), size: le.Uint64(b[16:])}
		if int64(s.nameAt) < int64(len(text)) {
			name, _, _ := bytes.Cut(text[s.nameAt:], []byte{0})
			s.name = string(name)
		}
		list = append(list, s)
	}
	return list
}

// trimSymbols drops the symbols that neither a relocation nor a trace of the
// stack needs: local ones that are no functions.
func (o *object) trimSymbols(drop []bool) {
	table, names := o.symbolTable()
	symbols := o.symbols()
	needed, ok := o.neededSymbols(table, len(symbols), drop)
	if !ok || o.namesShared(table, names) {
		return
	}
	numbers := make([]uint32, len(symbols)) // the new ones
	var out []byte
	text := newStrings()
	for i, s := range symbols {
		if i > 0 && !needed[i] && elf.ST_BIND(s.info) == elf.STB_LOCAL && elf.ST_TYPE(s.info) != elf.STT_FUNC {
			continue
		}
		numbers[i] = uint32(len(out) / symbolSize) //nolint:gosec // G115: fewer than there were
		s.nameAt = text.add(s.name)
		out = s.append(out)
	}
	if len(out) == len(symbols)*symbolSize {
		return
	}
	o.renumber(table, numbers, drop)
	o.edit(table, out)
	o.edit(names, text.bytes)
}

// neededSymbols tells of each symbol whether a relocation that stays names it.
// It is not ok where something names symbols in a way that is not known here.
func (o *object) neededSymbols(table, n int, drop []bool) ([]bool, bool) {
	needed := make([]bool, n)
	for i, s := range o.sections {
		switch s.kind {
		case elf.SHT_GROUP, elf.SHT_SYMTAB_SHNDX, elf.SHT_REL:
			return nil, false
		case relocating:
			if drop[i] {
				continue
			}
			if int64(s.link) != int64(table) {
				return nil, false
			}
			for _, r := range o.relocations(i) {
				if int64(r.symbol) >= int64(n) {
					return nil, false
				}
				needed[r.symbol] = true
			}
		default:
		}
	}
	return needed, n > 0
}

// namesShared reports that the table of names serves others than the symbols.
func (o *object) namesShared(table, names int) bool {
	if names == o.nameTable || o.sections[names].flags&elf.SHF_ALLOC != 0 {
		return true
	}
	return slices.ContainsFunc(o.sections, func(s section) bool {
		return int64(s.link) == int64(names) && s.kind != elf.SHT_NULL && s != o.sections[table]
	})
}

// renumber gives relocations the symbols' new numbers, and the table that of
// the first symbol that is not local.
func (o *object) renumber(table int, numbers []uint32, drop []bool) {
	for i, s := range o.sections {
		if s.kind != relocating || drop[i] {
			continue
		}
		var out []byte
		for _, r := range o.relocations(i) {
			r.symbol = numbers[r.symbol]
			out = r.append(out)
		}
		o.edit(i, out)
	}
	locals := uint32(1)
	for i, s := range o.symbols()[1:] {
		if elf.ST_BIND(s.info) == elf.STB_LOCAL && numbers[i+1] != 0 {
			locals++
		}
	}
	o.sections[table].info = locals
}

// stringTable is one of ELF's, which begins with an empty name.
type stringTable struct {
	bytes []byte
	at    map[string]uint32
}

func newStrings() *stringTable {
	return &stringTable{bytes: []byte{0}, at: map[string]uint32{"": 0}}
}

func (t *stringTable) add(name string) uint32 {
	if at, ok := t.at[name]; ok {
		return at
	}
	at := uint32(len(t.bytes)) //nolint:gosec // G115: no longer than what was read
	t.bytes = append(append(t.bytes, name...), 0)
	t.at[name] = at
	return at
}
