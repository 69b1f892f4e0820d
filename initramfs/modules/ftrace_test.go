package modules

import (
	"bytes"
	"debug/elf"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The sections of a module with two functions, each of which calls __fentry__,
// by their numbers.
const (
	partText = iota + 1
	partTextRelocations
	partList
	partListRelocations
	partUnwind
	partUnwindRelocations
	partSymbols
	partNames
)

var tracedNames = []string{"", "", "first", "_note", "second", "__fentry__", "printk"}

// tracedSymbols has a section, local functions and data, and undefined symbols.
func tracedSymbols() []symbol {
	text := byte(elf.STT_FUNC)
	return []symbol{
		{},
		{info: byte(elf.STT_SECTION), section: partText},
		{info: text, section: partText},
		{info: byte(elf.STT_OBJECT), section: partUnwind},
		{info: text, section: partText, value: 16},
		{info: byte(elf.STB_GLOBAL) << 4},
		{info: byte(elf.STB_GLOBAL) << 4},
	}
}

const (
	kindAddress = uint32(elf.R_X86_64_64)
	kindCall    = uint32(elf.R_X86_64_PLT32)
)

// tracedRelocations are of the text: two of __fentry__, and one of printk.
func tracedRelocations() []relocation {
	return []relocation{{1, kindCall, 5, -4}, {9, kindCall, 6, -4}, {17, kindCall, 5, -4}}
}

func tracedList() []relocation {
	return []relocation{{0, kindAddress, 1, 0}, {8, kindAddress, 1, 16}}
}

func tracedText() []byte {
	return slices.Concat(callInstruction, []byte{0x90, 0x90, 0x90}, callInstruction, []byte{0x90, 0x90, 0xc3}, callInstruction, []byte{0xc3})
}

func relocationBytes(list []relocation) (b []byte) {
	for _, r := range list {
		b = r.append(b)
	}
	return b
}

const relocationPrefix = ".rela" //nolint:misspell // ELF's name

// tracedParts are the sections of the module, partText first.
func tracedParts() []part {
	text := newStrings()
	var symbols []byte
	for i, s := range tracedSymbols() {
		s.nameAt = text.add(tracedNames[i])
		symbols = s.append(symbols)
	}
	relocations := func(name string, of uint32, list []relocation) part {
		return part{name: relocationPrefix + name, kind: relocating, data: relocationBytes(list), link: partSymbols, info: of, align: 8}
	}
	return []part{
		{name: ".text", flags: elf.SHF_ALLOC | elf.SHF_EXECINSTR, data: tracedText(), align: 16},
		relocations(".text", partText, tracedRelocations()),
		{name: "__mcount_loc", flags: elf.SHF_ALLOC, data: make([]byte, 16), align: 8},
		relocations("__mcount_loc", partList, tracedList()),
		{name: ".orc_unwind_ip", flags: elf.SHF_ALLOC, data: make([]byte, 8), align: 4},
		relocations(".orc_unwind_ip", partUnwind, []relocation{{0, uint32(elf.R_X86_64_PC32), 3, 0}}),
		{name: ".symtab", kind: elf.SHT_SYMTAB, data: symbols, link: partNames, info: 5, align: 8},
		{name: ".strtab", kind: elf.SHT_STRTAB, data: text.bytes, align: 1},
	}
}

func traced(parts []part) []byte { return moduleFile(x86, parts...) }

func TestCutTracing(t *testing.T) {
	in := traced(tracedParts())
	out, err := Cut(in)
	if err != nil {
		t.Fatal(err)
	}
	checkKept(t, in, out)
	o, err := parseObject(out)
	if err != nil {
		t.Fatal(err)
	}
	text := bytes.ReplaceAll(tracedText(), callInstruction, nopInstruction)
	copy(text[8:], callInstruction)
	if got := o.content(partText); !bytes.Equal(got, text) {
		t.Errorf("text is % x, want % x", got, text)
	}
	want := []relocation{{9, kindCall, 4, -4}}
	if diff := cmp.Diff(want, o.relocations(partTextRelocations), cmp.AllowUnexported(relocation{})); diff != "" {
		t.Errorf("relocations: -want +got\n%s", diff)
	}
	var names []string
	for _, s := range o.symbols() {
		names = append(names, s.name)
	}
	if diff := cmp.Diff([]string{"", "first", "second", "__fentry__", "printk"}, names); diff != "" {
		t.Errorf("symbols: -want +got\n%s", diff)
	}
	if got := o.sections[partSymbols].info; got != 3 {
		t.Errorf("the first symbol that is not local is %d, want 3", got)
	}
	for _, i := range []int{partList, partListRelocations, partUnwind, partUnwindRelocations} {
		if o.sections[i].kind != elf.SHT_NULL {
			t.Errorf("section %d is still there", i)
		}
	}
}

// A list that is not of calls of __fentry__ alone stays as it is, with all calls.
func TestCutTracingNotUnderstood(t *testing.T) {
	relocations := func(i int, list ...relocation) func([]part) {
		return func(parts []part) { parts[i-1].data = relocationBytes(list) }
	}
	text, list := tracedRelocations(), tracedList()
	other, far := list[1], list[1]
	other.addend, far.addend = 17, 1<<62
	notFentry, early, unnamed := text[2], text[2], text[2]
	notFentry.symbol, early.addend, unnamed.symbol = 6, 0, 99
	tests := []struct {
		name string
		edit func(parts []part)
	}{
		{"no call there", relocations(partListRelocations, list[0], other)},
		{"outside", relocations(partListRelocations, list[0], far)},
		{"a relocation less than entries", relocations(partListRelocations, list[0])},
		{"of another kind", relocations(partListRelocations, list[0], relocation{8, kindCall, 1, 16})},
		{"of no symbol", relocations(partListRelocations, list[0], relocation{8, kindAddress, 99, 16})},
		{"a call of something else", relocations(partTextRelocations, text[0], text[1], notFentry)},
		{"another addend", relocations(partTextRelocations, text[0], text[1], early)},
		{"a call of no symbol", relocations(partTextRelocations, text[0], text[1], unnamed)},
		{"a call that is not relocated", relocations(partTextRelocations, text[0], text[1])},
		{"relocated twice", relocations(partTextRelocations, text[0], text[1], text[2], text[2])},
		{"text cut short", func(parts []part) { parts[partText-1].data = tracedText()[:20] }},
	}
	for _, tt := range tests {
		parts := tracedParts()
		tt.edit(parts)
		out, err := Cut(traced(parts))
		if err != nil {
			t.Errorf("%s: Cut = %v", tt.name, err)
			continue
		}
		o, err := parseObject(out)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := o.content(partText), parts[partText-1].data; !bytes.Equal(got, want) {
			t.Errorf("%s: text is % x, want % x", tt.name, got, want)
		}
		if o.sections[partList].kind == elf.SHT_NULL || len(o.relocations(partTextRelocations)) != len(parts[partTextRelocations-1].data)/relocationSize {
			t.Errorf("%s: the list or a relocation is gone", tt.name)
		}
	}
}
