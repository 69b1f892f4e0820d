package modules

import (
	"bytes"
	"debug/elf"
	"slices"
)

// Instructions of x86-64, of five bytes each: a call yet to be relocated, and
// the nop that Linux puts in its place (x86_nops[5]).
var (
	callInstruction = []byte{0xe8, 0, 0, 0, 0}
	nopInstruction  = []byte{0x0f, 0x1f, 0x44, 0, 0}
)

// dropTracing makes a nop of each call of __fentry__, as the kernel does when
// it has loaded a module (ftrace_nop_initialize), and drops the list of them. If
// the list holds anything else, all of it is left as it is.
func (o *object) dropTracing(drop []bool) {
	list := o.index("__mcount_loc")
	if list < 0 {
		return
	}
	calls := o.tracedCalls(list)
	edits := make(map[int][]byte)
	for section, addresses := range calls {
		relocations := o.relocationsOf(section)
		text, rest, ok := o.withNops(section, relocations, addresses)
		if !ok {
			return
		}
		edits[section], edits[relocations] = text, rest
	}
	for i, content := range edits {
		o.edit(i, content)
	}
	if len(calls) > 0 {
		drop[list] = true
	}
}

// tracedCalls returns the addresses, by section, that the list names by its
// relocations; none where it is not understood.
func (o *object) tracedCalls(list int) map[int][]uint64 {
	relocations := o.relocations(o.relocationsOf(list))
	if len(relocations) != len(o.content(list))/8 {
		return nil
	}
	symbols := o.symbols()
	calls := make(map[int][]uint64)
	for _, r := range relocations {
		if elf.R_X86_64(r.kind) != elf.R_X86_64_64 || int(r.symbol) >= len(symbols) {
			return nil
		}
		s := symbols[r.symbol]
		calls[int(s.section)] = append(calls[int(s.section)], s.value+uint64(r.addend)) //nolint:gosec // G115: withNops checks it
	}
	return calls
}

// withNops returns the contents of a section with nops in place of the calls at
// the addresses, and of its relocations without theirs. It is not ok where
// something other than a call of __fentry__ is there.
func (o *object) withNops(section, relocations int, addresses []uint64) (text, rest []byte, ok bool) {
	size := uint64(len(callInstruction))
	text = slices.Clone(o.content(section))
	found := make(map[uint64]bool) // by the address of the operand
	for _, at := range addresses {
		if uint64(len(text)) < size || at > uint64(len(text))-size || !bytes.Equal(text[at:at+size], callInstruction) {
			return nil, nil, false
		}
		copy(text[at:], nopInstruction)
		found[at+1] = false
	}
	symbols := o.symbols()
	for _, r := range o.relocations(relocations) {
		twice, traced := found[r.at]
		switch {
		case !traced:
			rest = r.append(rest)
		case twice || !r.calls(symbols, "__fentry__"):
			return nil, nil, false
		default:
			found[r.at] = true
		}
	}
	for _, ok := range found {
		if !ok {
			return nil, nil, false
		}
	}
	return text, rest, true
}

// calls reports a relocation of a call's operand.
func (r relocation) calls(symbols []symbol, name string) bool {
	kind := elf.R_X86_64(r.kind)
	return (kind == elf.R_X86_64_PLT32 || kind == elf.R_X86_64_PC32) &&
		r.addend == -4 && int(r.symbol) < len(symbols) && symbols[r.symbol].name == name
}
