package pclntab

import (
	"bytes"
	"encoding/binary"
	"slices"
)

// Words of runtime.moduledata, by their index. A slice has three.
const (
	moduleHeader    = 0
	moduleNames     = 1
	moduleUnits     = 4
	moduleFiles     = 7
	modulePCData    = 10
	moduleFuncs     = 13
	moduleIndex     = 16
	moduleFind      = 19
	moduleFuncData  = 40
	moduleEnd       = 41
	moduleTypeLinks = 45
	moduleITabLinks = 48
	moduleWords     = 51
)

// word is the size of a pointer, in bytes.
const word = 8

// magic begins every table since Go 1.20.
const magic = 0xfffffff1

// tableHeader is runtime.pcHeader. Offsets are from its own place.
type tableHeader struct {
	Magic       uint32
	_           [2]uint8
	Quantum     uint8
	PointerSize uint8
	Funcs       uint64
	Files       uint64
	_           uint64
	Names       uint64 // strings, each with a zero at its end
	Units       uint64 // of compilation: which files
	FileNames   uint64
	PCData      uint64 // streams of varints: values by address
	Index       uint64 // of functions, by address; functions behind it
}

// fixedFunc is runtime._func. Behind it are, as uint32 each, its tables of values
// by address, and its data.
type fixedFunc struct {
	Entry       uint32
	Name        int32
	Args        int32
	DeferReturn uint32
	SP          uint32
	File        uint32
	Line        uint32
	PCData      uint32 // number of tables
	Unit        uint32
	StartLine   int32
	ID          uint8
	Flag        uint8
	_           uint8
	Data        uint8 // number of data
}

// fixedSize is that of a fixedFunc, entrySize that of an entry of the index.
const (
	fixedSize = 44
	entrySize = 8
)

// Tables of values by address (PCDATA in internal/abi).
const (
	pcInlined = 2
	pcArgLive = 3
	pcTables  = 5 // how many there are
)

// Data of functions (FUNCDATA in internal/abi).
const (
	dataInlined = 3
	dataArgs    = 5
	dataArgLive = 6
	dataTables  = 8
	noData      = ^uint32(0)
)

// Functions that the runtime knows by number (FuncID in internal/abi).
const (
	idNormal  = 0
	idWrapper = 23
)

// function is one of the table.
type function struct {
	fixedFunc
	pcData []uint32 // offsets among the streams, 0 for none
	data   []uint32 // offsets among the data, noData for none
}

// table is what the linker wrote.
type table struct {
	header   tableHeader
	names    []byte
	pcData   []byte
	funcData []byte
	find     []byte // buckets by address, of indices
	index    []uint32
	funcs    []function
}

func (f *file) readTable() (*table, error) {
	raw := f.content(f.table)
	t := new(table)
	if _, err := binary.Decode(raw, order, &t.header); err != nil {
		return nil, errFormat("%d bytes", len(raw))
	}
	h := &t.header
	if h.Magic != magic || h.PointerSize != word {
		return nil, errFormat("magic %#x, pointers of %d bytes", h.Magic, h.PointerSize)
	}
	var module [moduleWords]uint64
	if _, err := binary.Decode(f.content(f.module), order, &module); err != nil {
		return nil, errFormat("moduledata of %d bytes", len(f.content(f.module)))
	}
	at := f.sections[f.table].Addr
	for field, want := range map[int]uint64{
		moduleHeader: at, moduleNames: at + h.Names, moduleUnits: at + h.Units, moduleFiles: at + h.FileNames,
		modulePCData: at + h.PCData, moduleFuncs: at + h.Index, moduleIndex: at + h.Index, moduleIndex + 1: h.Funcs + 1,
		moduleEnd: at + uint64(len(raw)), moduleTypeLinks: f.sections[f.typelink].Addr, moduleITabLinks: f.sections[f.itablink].Addr,
	} {
		if module[field] != want {
			return nil, errFormat("word %d of moduledata is %#x, want %#x", field, module[field], want)
		}
	}
	data, find, end := module[moduleFuncData]-at, module[moduleFind]-at, uint64(len(raw))
	if !slices.IsSorted([]uint64{h.Names, h.Units, h.FileNames, h.PCData, h.Index, data, find, end}) {
		return nil, errFormat("order of its parts")
	}
	t.names, t.pcData = raw[h.Names:h.Units], raw[h.PCData:h.Index]
	t.funcData, t.find = raw[data:find], raw[find:]
	return t, t.readFuncs(raw[h.Index:data])
}

// readFuncs reads the index, whose last entry is where the last function ends, and
// what it points to.
func (t *table) readFuncs(raw []byte) error {
	n := t.header.Funcs
	if n > uint64(len(raw))/entrySize {
		return errFormat("%d functions in %d bytes", n, len(raw))
	}
	t.index = make([]uint32, 2*n+1)
	if _, err := binary.Decode(raw, order, t.index); err != nil {
		return errFormat("%d functions in %d bytes", n, len(raw))
	}
	t.funcs = make([]function, n)
	for i := range t.funcs {
		f := &t.funcs[i]
		at := uint64(t.index[2*i+1])
		if at > uint64(len(raw)) {
			return errFormat("function %d at %#x", i, at)
		}
		if _, err := binary.Decode(raw[at:], order, &f.fixedFunc); err != nil {
			return errFormat("function %d at %#x", i, at)
		}
		rest := raw[at+fixedSize:]
		if f.PCData > pcTables || f.Data > dataTables || uint64(f.PCData)+uint64(f.Data) > uint64(len(rest))/4 {
			return errFormat("function %d at %#x with %d and %d values", i, at, f.PCData, f.Data)
		}
		f.pcData, f.data = make([]uint32, f.PCData), make([]uint32, f.Data)
		for j := range f.pcData {
			f.pcData[j] = order.Uint32(rest[4*j:])
		}
		for j := range f.data {
			f.data[j] = order.Uint32(rest[4*(len(f.pcData)+j):])
		}
	}
	return nil
}

// name returns the string at an offset among the names, which is empty at 0.
func (t *table) name(at int32) (string, error) {
	if at < 0 || int(at) >= len(t.names) {
		return "", errFormat("name at %#x of %d bytes", at, len(t.names))
	}
	if at == 0 {
		return "", nil
	}
	s, _, ok := bytes.Cut(t.names[at:], []byte{0})
	if !ok {
		return "", errFormat("name at %#x without an end", at)
	}
	return string(s), nil
}

// stream returns the stream of varints at an offset, and the most of its values.
func (t *table) stream(at uint32) (stream []byte, most int32, err error) {
	if uint64(at) >= uint64(len(t.pcData)) {
		return nil, 0, errFormat("values at %#x of %d bytes", at, len(t.pcData))
	}
	rest := t.pcData[at:]
	value, most := int32(-1), int32(-1) // runtime.pcvalue begins so
	for first := true; ; first = false {
		delta, n := binary.Uvarint(rest)
		if n <= 0 {
			return nil, 0, errFormat("values at %#x without an end", at)
		}
		rest = rest[n:]
		if delta == 0 && !first {
			return t.pcData[at : len(t.pcData)-len(rest)], most, nil
		}
		value += int32(uint32(delta)>>1) ^ -int32(uint32(delta)&1) //nolint:gosec // G115: zig-zag, as runtime.step has it
		most = max(most, value)
		if _, n = binary.Uvarint(rest); n <= 0 {
			return nil, 0, errFormat("values at %#x without an end", at)
		}
		rest = rest[n:]
	}
}
