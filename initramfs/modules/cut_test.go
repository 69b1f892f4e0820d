package modules

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// module is shaped as Debian's: BTF between what stays, DWARF with relocations.
func module(machine elf.Machine, more ...part) []byte {
	return moduleFile(machine, append([]part{
		{name: ".text", flags: elf.SHF_ALLOC | elf.SHF_EXECINSTR, data: []byte("text"), align: 16},
		{name: ".bss", kind: elf.SHT_NOBITS, flags: elf.SHF_ALLOC, data: []byte("none"), align: 4},
		{name: ".debug_info", data: []byte("dwarf"), align: 1},
		{name: ".rela.debug_info", kind: elf.SHT_RELA, data: bytes.Repeat([]byte("r"), 24), info: 3, align: 8}, //nolint:misspell // ELF's name
		{name: ".BTF", data: []byte("types"), align: 1},
		{name: ".modinfo", flags: elf.SHF_ALLOC, data: []byte("license=GPL\x00"), align: 1},
		{name: ".symtab", kind: elf.SHT_SYMTAB, data: bytes.Repeat([]byte("s"), 48), align: 8},
		{name: ".empty", align: 1},
	}, more...)...)
}

// sectionsOf reads a file by another reader.
func sectionsOf(t *testing.T, data []byte) []*elf.Section {
	t.Helper()
	f, err := elf.NewFile(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return f.Sections
}

func contentOf(t *testing.T, s *elf.Section) []byte {
	t.Helper()
	if s.Type == elf.SHT_NOBITS || s.Type == elf.SHT_NULL {
		return nil
	}
	data, err := s.Data()
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// checkCut checks that out has the sections of in by number, all but those in
// gone unchanged.
func checkCut(t *testing.T, in, out []byte, gone []string) {
	t.Helper()
	before, after := sectionsOf(t, in), sectionsOf(t, out)
	if len(before) != len(after) {
		t.Fatalf("%d sections, want %d", len(after), len(before))
	}
	for i, b := range before {
		a := after[i]
		if slices.Contains(gone, b.Name) {
			if a.SectionHeader != (elf.SectionHeader{}) {
				t.Errorf("section %d, %s, is %+v, want nothing", i, b.Name, a.SectionHeader)
			}
			continue
		}
		if !bytes.Equal(contentOf(t, a), contentOf(t, b)) {
			t.Errorf("section %d, %s, has other contents", i, b.Name)
		}
		ah, bh := a.SectionHeader, b.SectionHeader
		ah.Offset, bh.Offset = 0, 0
		if ah != bh {
			t.Errorf("section %d is %+v, want %+v", i, ah, bh)
		}
		if b.Addralign > 1 && a.Type != elf.SHT_NOBITS && a.Size > 0 && a.Offset%a.Addralign != 0 {
			t.Errorf("section %d, %s, is at %d, not aligned to %d", i, b.Name, a.Offset, a.Addralign)
		}
	}
	if head := slices.Clone(out[:64]); !bytes.Equal(append(head[:40], head[48:]...), append(in[:40:40], in[48:64]...)) {
		t.Error("the ELF header changed beyond e_shoff")
	}
}

func TestCut(t *testing.T) {
	debug := []string{".debug_info", ".rela.debug_info"}
	tests := []struct {
		name string
		more []part
		gone []string
	}{
		{"BTF", nil, append(debug, ".BTF")},
		{"BTF.base", []part{{name: ".BTF.base", data: []byte("x")}}, append(debug, ".BTF", ".BTF.base")},
		{"kfuncs", []part{{name: ".BTF_ids", flags: elf.SHF_ALLOC, data: []byte("ids"), align: 4}}, debug},
		{"loaded section of that name", []part{{name: ".debug_state", flags: elf.SHF_ALLOC, data: []byte("x")}}, append(debug, ".BTF")},
	}
	for _, tt := range tests {
		for _, machine := range []elf.Machine{x86, arm64, riscv} {
			in := module(machine, tt.more...)
			out, err := Cut(sign(in, []byte("signature")))
			if err != nil {
				t.Errorf("%s: Cut = %v", tt.name, err)
				continue
			}
			checkCut(t, in, out, tt.gone)
			if len(out) >= len(in) {
				t.Errorf("%s: Cut = %d bytes of %d", tt.name, len(out), len(in))
			}
			if again, err := Cut(out); err != nil || !bytes.Equal(again, out) {
				t.Errorf("%s: Cut of what is cut = %d bytes, %v, want the same", tt.name, len(again), err)
			}
		}
	}
}

// The sections of Debian's riscv64 modules are in the file at no multiple of
// their alignment; what is cut has them where they say.
func TestCutMisaligned(t *testing.T) {
	data := module(riscv)
	le := binary.LittleEndian
	header := data[le.Uint64(data[offSections:])+sectionHeaderSize:]
	if le.Uint64(header[24:])%4096 == 0 {
		t.Fatal("section 1 is aligned")
	}
	le.PutUint64(header[48:], 4096)
	out, err := Cut(data)
	if err != nil {
		t.Fatal(err)
	}
	o, err := parseObject(out)
	if err != nil || o.sections[1].off%4096 != 0 {
		t.Errorf("section 1 is at %d, %v, want a multiple of 4096", o.sections[1].off, err)
	}
}

// What has neither signature nor BTF is as it was, byte for byte.
func TestCutNothing(t *testing.T) {
	in := elfFor(x86)
	if out, err := Cut(in); err != nil || !bytes.Equal(out, in) {
		t.Errorf("Cut = %d bytes, %v, want the same %d", len(out), err, len(in))
	}
	for n := range 3 {
		signed := in
		for range n {
			signed = sign(signed, bytes.Repeat([]byte("s"), 300*n))
		}
		if out, err := Cut(signed); err != nil || !bytes.Equal(out, in) {
			t.Errorf("Cut(%d signatures) = %d bytes, %v, want %d", n, len(out), err, len(in))
		}
	}
}

func TestCutErrors(t *testing.T) {
	edit := func(f func(b []byte)) []byte {
		b := slices.Clone(module(x86))
		f(b)
		return b
	}
	le := binary.LittleEndian
	header := func(b []byte, i int) []byte { return b[le.Uint64(b[40:])+uint64(i)*64:] }
	long := sign(elfFor(x86), nil)
	binary.BigEndian.PutUint32(long[len(long)-len(marker)-4:], 1<<31)
	tests := []struct {
		name string
		data []byte
		want string
	}{
		{"nothing", nil, "not an ELF file"},
		{"marker alone", []byte(marker), "trailer is cut short"},
		{"signature too long", long, "module signature of 2147483648 bytes in a file with"},
		{"32 bits", edit(func(b []byte) { b[4] = 1 }), "not an ELF file of 64 bits"},
		{"big endian", edit(func(b []byte) { b[5] = 2 }), "not an ELF file of 64 bits"},
		{"program", edit(func(b []byte) { b[16] = 2 }), "of type ET_EXEC"},
		{"segments", edit(func(b []byte) { b[56] = 1 }), "with segments"},
		{"no sections", edit(func(b []byte) { b[60] = 0 }), "without section headers"},
		{"headers cut short", module(x86)[:len(module(x86))-1], "end behind the file"},
		{"headers far away", edit(func(b []byte) { le.PutUint64(b[40:], 1<<63) }), "end behind the file"},
		{"section outside", edit(func(b []byte) { le.PutUint64(header(b, 1)[24:], 1<<60) }), "section 1, 4 bytes at 1152921504606846976"},
		{"section too long", edit(func(b []byte) { le.PutUint64(header(b, 1)[32:], 1<<63) }), "ends behind the file"},
		{"odd alignment", edit(func(b []byte) { le.PutUint64(header(b, 1)[48:], 3) }), "has alignment 3; want a power of two"},
		{"not aligned", edit(func(b []byte) { le.PutUint64(header(b, 1)[48:], 1<<20) }), "has alignment 1048576; want a power of two, 65536 at most"},
		{"overlap", edit(func(b []byte) { copy(header(b, 5)[24:32], header(b, 6)[24:32]) }), "overlaps"},
		{"name outside", edit(func(b []byte) { le.PutUint32(header(b, 1), 1<<31) }), "has its name at 2147483648"},
		{"names in no table", edit(func(b []byte) { b[62] = 1 }), "no string table"},
		{"names nowhere", edit(func(b []byte) { b[62] = 200 }), "no string table"},
	}
	for _, tt := range tests {
		out, err := Cut(tt.data)
		if out != nil || err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: Cut = %d bytes, %v, want an error with %q", tt.name, len(out), err, tt.want)
		}
	}
}

func TestModinfo(t *testing.T) {
	info := []byte("license=GPL\x00firmware=a/b.bin\x00parmtype=x:int\x00firmware=c=d\x00odd\x00")
	if got := modinfo(info, "firmware"); !slices.Equal(got, []string{"a/b.bin", "c=d"}) {
		t.Errorf("modinfo(firmware) = %q, want two", got)
	}
}

// FuzzCut holds that what is cut has no signature, is no longer, is the same
// when it is cut again, and has each section that stays as it was.
func FuzzCut(f *testing.F) {
	f.Add(module(x86))
	f.Add(sign(module(arm64), []byte("signature")))
	f.Add(sign(sign(module(riscv), nil), []byte("x")))
	f.Add(traced(tracedParts()))
	f.Fuzz(func(t *testing.T, data []byte) {
		out, err := Cut(data)
		if err != nil {
			if out != nil {
				t.Errorf("Cut gave both %d bytes and %v", len(out), err)
			}
			return
		}
		if signed(out) {
			t.Error("Cut left a signature")
		}
		if again, err := Cut(out); err != nil || !bytes.Equal(again, out) {
			t.Errorf("Cut of what is cut = %d bytes, %v, want %d", len(again), err, len(out))
		}
		checkKept(t, data, out)
	})
}

// checkKept checks by the package's own reader, which takes what debug/elf
// does not.
func checkKept(t *testing.T, in, out []byte) {
	t.Helper()
	in, err := cutSignatures(in)
	if err != nil {
		t.Fatal(err)
	}
	before, err := parseObject(in)
	if err != nil {
		t.Fatal(err)
	}
	after, err := parseObject(out)
	if err != nil {
		t.Fatal(err)
	}
	if limit := len(in) + 8 + sectionHeaderSize*len(before.sections); len(out) > limit {
		t.Errorf("%d bytes, want %d at most", len(out), limit)
	}
	for i, b := range before.sections {
		a := after.sections[i]
		switch {
		case a.kind == elf.SHT_NULL && b.kind != elf.SHT_NULL:
			if !slices.Contains(mayGo, b.name) && !strings.HasPrefix(b.name, ".debug_") && !relocates(b) {
				t.Errorf("section %d, %s, is gone", i, b.name)
			}
		case b.kind == relocating:
			checkRelocations(t, before, after, i)
		case b.kind == elf.SHT_SYMTAB || b.kind == elf.SHT_STRTAB:
		case bytes.Equal(before.content(i), after.content(i)):
		case !bytes.Equal(withoutCalls(before.content(i)), withoutCalls(after.content(i))):
			t.Errorf("section %d, %s, has other contents", i, b.name)
		}
	}
	if diff := cmp.Diff(lasting(before), lasting(after), cmp.AllowUnexported(symbol{})); diff != "" {
		t.Errorf("functions and global symbols: -before +after\n%s", diff)
	}
}

// mayGo are sections that Cut drops, with their relocations.
var mayGo = []string{
	".BTF", ".BTF.base", ".BTF.ext", ".comment", ".orc_unwind", ".orc_unwind_ip", ".orc_header", "__mcount_loc",
}

func relocates(s section) bool { return s.kind == relocating || s.kind == elf.SHT_REL }

// withoutCalls returns text in which a call that waits for its relocation is a
// nop already.
func withoutCalls(text []byte) []byte { return bytes.ReplaceAll(text, callInstruction, nopInstruction) }

// checkRelocations checks that those of section i mean what they did, and that
// what is missing is a call of __fentry__ of which there is a nop.
func checkRelocations(t *testing.T, before, after *object, i int) {
	t.Helper()
	names, namesAfter := before.symbols(), after.symbols()
	rest := after.relocations(i)
	text := after.content(int(after.sections[i].info))
	for _, r := range before.relocations(i) {
		if len(rest) > 0 && rest[0].at == r.at && rest[0].kind == r.kind && rest[0].addend == r.addend {
			if int(r.symbol) < len(names) && !named(names[r.symbol], namesAfter, rest[0].symbol) {
				t.Errorf("section %d: relocation at %#x has another symbol than %s", i, r.at, names[r.symbol].name)
			}
			rest = rest[1:]
			continue
		}
		if names[r.symbol].name != "__fentry__" || !bytes.Equal(text[r.at-1:][:5], nopInstruction) {
			t.Errorf("section %d: relocation at %#x of %s is missing", i, r.at, names[r.symbol].name)
		}
	}
	if len(rest) > 0 {
		t.Errorf("section %d has %d relocations more", i, len(rest))
	}
}

// named reports that symbol number i of list is s, wherever its name is.
func named(s symbol, list []symbol, i uint32) bool {
	if int(i) >= len(list) {
		return false
	}
	got := list[i]
	got.nameAt = s.nameAt
	return got == s
}

// lasting returns what a trace of the stack and other modules see.
func lasting(o *object) []symbol {
	var list []symbol
	for _, s := range o.symbols() {
		if elf.ST_TYPE(s.info) == elf.STT_FUNC || elf.ST_BIND(s.info) != elf.STB_LOCAL {
			s.nameAt = 0
			list = append(list, s)
		}
	}
	return list
}
