package pclntab

import (
	"encoding/binary"
	"maps"
	"slices"
	"strings"
)

// smallTable is a table that was cut.
type smallTable struct {
	data     []byte
	header   tableHeader
	funcs    uint64 // size of the index and the functions
	funcData uint64 // where the functions' data begin
	find     uint64 // where the buckets begin
}

// cutter collects what stays of a table.
type cutter struct {
	*table
	module   string
	ends     map[uint32]uint32 // of data, by where they begin
	names    []byte
	nameAt   map[string]int32
	pcData   []byte
	pcDataAt map[uint32]uint32 // by where they were
	kept     map[uint32][]byte // data by where they were
	early    int               // how many functions come first
	first    []uint32          // where the data of those were
}

// cut keeps what the runtime works with, and the names of module's functions.
func (t *table) cut(module string) (*smallTable, error) {
	c := &cutter{
		table: t, module: module, ends: t.dataEnds(),
		names: []byte{0}, nameAt: map[string]int32{"": 0}, // 0 is for none, in both
		pcData: []byte{0}, pcDataAt: map[uint32]uint32{0: 0},
		kept: map[uint32][]byte{},
	}
	turns, err := c.turns()
	if err != nil {
		return nil, err
	}
	small := make([]function, len(t.funcs))
	for n, i := range turns {
		if small[i], err = c.shorten(&t.funcs[i]); err != nil {
			return nil, err
		}
		if n+1 == c.early {
			c.first = slices.Sorted(maps.Keys(c.kept))
		}
	}
	return c.assemble(small, turns), nil
}

// earlyNames are of the functions that the runtime looks up as a program starts:
// goroutines begin with them, the first stack that grows has them in it, and preemption
// wants to know how much of a stack they take. They come first in each part of the
// table, so that the rest of it stays untouched.
var earlyNames = []string{
	"runtime.goexit", "runtime.main", "runtime.doInit1", "runtime.forcegchelper", "runtime.bgsweep", "runtime.bgscavenge",
	"runtime.gcenable.gowrap1", "runtime.gcenable.gowrap2", "runtime.updateMaxProcsGoroutine", "runtime.runFinalizers",
	"runtime.runCleanups", "runtime.asyncPreempt", "runtime.asyncPreempt2", "runtime.xRegRestore",
}

// earlyOwn begin the names of those of the module: what has the stack grow, and the
// goroutine of a boot.
var earlyOwn = []string{"pkg/stackroom.", "pkg/boot.(*Machine).spawn"}

// turns returns the functions' indices in the order in which they are laid out.
func (c *cutter) turns() ([]int, error) {
	var early, late []int
	for i := range c.funcs {
		name, err := c.name(c.funcs[i].Name)
		if err != nil {
			return nil, err
		}
		if c.isEarly(name) {
			early = append(early, i)
		} else {
			late = append(late, i)
		}
	}
	c.early = len(early)
	return append(early, late...), nil
}

func (c *cutter) isEarly(name string) bool {
	own, isOwn := strings.CutPrefix(name, c.module)
	return slices.Contains(earlyNames, name) ||
		isOwn && slices.ContainsFunc(earlyOwn, func(prefix string) bool { return strings.HasPrefix(own, prefix) })
}

// dataEnds returns where each of the functions' data ends: where the next begins.
func (t *table) dataEnds() map[uint32]uint32 {
	all := []uint32{uint32(len(t.funcData))} //nolint:gosec // G115: less than 4 GiB, as its offsets are
	for i := range t.funcs {
		all = append(all, t.funcs[i].data...)
	}
	slices.Sort(all)
	all = slices.Compact(all)
	ends := make(map[uint32]uint32, len(all))
	for i, at := range all[:len(all)-1] {
		if all[i+1] <= uint32(len(t.funcData)) { //nolint:gosec // G115: see above
			ends[at] = all[i+1]
		}
	}
	return ends
}

// shorten returns what stays of a function. Its data are still where they were.
func (c *cutter) shorten(f *function) (function, error) {
	name, err := c.name(f.Name)
	if err != nil {
		return function{}, err
	}
	inlined, err := c.inlined(f, name)
	if err != nil {
		return function{}, err
	}
	small := function{fixedFunc: f.fixedFunc, pcData: slices.Clone(f.pcData), data: slices.Clone(f.data)}
	small.File, small.Line, small.Unit, small.StartLine = 0, 0, 0, 0
	small.Name = c.putName(c.shortName(name, f.ID))
	if small.SP, err = c.putPCData(f.SP); err != nil {
		return function{}, err
	}
	for i, at := range f.pcData {
		if i == pcArgLive || i == pcInlined && inlined == nil {
			at = 0
		}
		if small.pcData[i], err = c.putPCData(at); err != nil {
			return function{}, err
		}
	}
	for i, at := range f.data {
		switch {
		case i == dataArgs, i == dataArgLive, i == dataInlined && inlined == nil:
			small.data[i] = noData
		case i == dataInlined:
			c.kept[at] = inlined
		case at != noData:
			if c.kept[at], err = c.dataOf(at); err != nil {
				return function{}, err
			}
		}
	}
	small.pcData, small.data = trim(small.pcData, 0), trim(small.data, noData)
	small.PCData, small.Data = uint32(len(small.pcData)), uint8(len(small.data)) //nolint:gosec // G115: no more than there were
	return small, nil
}

// trim leaves out what the runtime takes to be there, too, where there is no more.
func trim(values []uint32, none uint32) []uint32 {
	for len(values) > 0 && values[len(values)-1] == none {
		values = values[:len(values)-1]
	}
	return values
}

// appendAs appends values that have a fixed size.
func appendAs(b []byte, values ...any) []byte {
	for _, v := range values {
		at := len(b)
		b = append(b, make([]byte, binary.Size(v))...)
		mustEncode(b[at:], v)
	}
	return b
}

// runtimeNames begin the names of functions that may not be interrupted anywhere
// (runtime.isAsyncSafePoint). Those of the first kind are no goroutines of the program's
// either (isSystemGoroutine), and do not panic (panicCheck1).
var runtimeNames = []string{"runtime.", "internal/runtime/", "reflect."}

func isRuntime(name string) bool { return runtimeName(name) != "" }

func runtimeName(name string) string {
	for _, prefix := range runtimeNames {
		if strings.HasPrefix(name, prefix) {
			return prefix
		}
	}
	return ""
}

// shortName returns what stays of a function's name.
func (c *cutter) shortName(name string, id uint8) string {
	own, isOwn := strings.CutPrefix(name, c.module)
	switch {
	case isOwn && !isRuntime(own):
		return own
	case isOwn,
		isInit(name),                                     // runtime.funcpkgpath reads before the beginning of an empty one, under GODEBUG=inittrace=1
		name == "runtime.gopanic",                        // a traceback has it as "panic"
		strings.HasPrefix(name, "reflect."),              // runtime.(*stkframe).argMapInternal knows two; panics have the others
		id == idWrapper && strings.Contains(name, ".(*"): // runtime.panicwrap takes it apart for its panic
		return name
	default:
		return runtimeName(name)
	}
}

// isInit reports the function that initializes a package, or a part of it.
func isInit(name string) bool {
	_, function, _ := strings.Cut(name[strings.LastIndexByte(name, '/')+1:], ".")
	return function == "init" || strings.HasPrefix(function, "init.")
}

// inlinedCall is runtime.inlinedCall.
type inlinedCall struct {
	ID        uint8
	_         [3]uint8
	Name      int32
	Parent    int32
	StartLine int32
}

const inlinedSize = 16

// inlined returns what stays of the calls that were inlined into a function: all of
// them or none. The runtime looks at them to know whether its own code runs, and at
// those that are wrappers, or are in one, to know who may recover from a panic.
func (c *cutter) inlined(f *function, name string) ([]byte, error) {
	if len(f.pcData) <= pcInlined || len(f.data) <= dataInlined || f.pcData[pcInlined] == 0 ||
		f.data[dataInlined] == noData {
		return nil, nil
	}
	_, most, err := c.stream(f.pcData[pcInlined])
	if err != nil {
		return nil, err
	}
	at := f.data[dataInlined]
	raw, err := c.dataOf(at)
	if err != nil {
		return nil, err
	}
	if int(most) >= len(raw)/inlinedSize {
		return nil, errFormat("inlined call %d in %d bytes", most, len(raw))
	}
	calls := make([]inlinedCall, most+1)
	mustDecode(raw, calls)
	needed := f.ID != idNormal
	names := make([]string, len(calls))
	for i := range calls {
		if names[i], err = c.name(calls[i].Name); err != nil {
			return nil, err
		}
		needed = needed || calls[i].ID != idNormal || isRuntime(names[i]) != isRuntime(name)
	}
	if !needed {
		return nil, nil
	}
	for i := range calls {
		calls[i].Name, calls[i].StartLine = c.putName(c.shortName(names[i], calls[i].ID)), 0
	}
	return appendAs(nil, calls), nil
}

func (c *cutter) putName(name string) int32 {
	at, ok := c.nameAt[name]
	if !ok {
		at = int32(len(c.names)) //nolint:gosec // G115: less than it was
		c.names = append(append(c.names, name...), 0)
		c.nameAt[name] = at
	}
	return at
}

func (c *cutter) putPCData(was uint32) (uint32, error) {
	at, ok := c.pcDataAt[was]
	if !ok {
		stream, _, err := c.stream(was)
		if err != nil {
			return 0, err
		}
		at = uint32(len(c.pcData)) //nolint:gosec // G115: see below
		if c.pcData = append(c.pcData, stream...); len(c.pcData) > len(c.table.pcData) {
			return 0, errFormat("values at %#x are part of others", was)
		}
		c.pcDataAt[was] = at
	}
	return at, nil
}

func (c *cutter) dataOf(at uint32) ([]byte, error) {
	end, ok := c.ends[at]
	if !ok {
		return nil, errFormat("data at %#x of %d bytes", at, len(c.table.funcData))
	}
	return c.table.funcData[at:end], nil
}

// layOut lays out the functions' data, but for the first in their old order, which
// is by alignment, and returns with them where each is now, by where it was.
func (c *cutter) layOut() (funcData []byte, now map[uint32]uint32) {
	now = map[uint32]uint32{noData: noData}
	for _, was := range append(c.first, slices.Sorted(maps.Keys(c.kept))...) {
		if _, ok := now[was]; ok {
			continue
		}
		for len(funcData)%word != int(was%word) {
			funcData = append(funcData, 0)
		}
		now[was] = uint32(len(funcData)) //nolint:gosec // G115: less than it was
		funcData = append(funcData, c.kept[was]...)
	}
	return funcData, now
}

// functions returns the index, and the functions behind it.
func (c *cutter) functions(small []function, turns []int, now map[uint32]uint32) []byte {
	index := slices.Clone(c.index)
	var funcs []byte
	for _, i := range turns {
		f := &small[i]
		index[2*i+1] = uint32(4*len(index) + len(funcs)) //nolint:gosec // G115: less than it was
		for j := range f.data {
			f.data[j] = now[f.data[j]]
		}
		funcs = appendAs(funcs, f.fixedFunc, f.pcData, f.data)
	}
	return append(appendAs(nil, index), funcs...)
}

// assemble puts the parts one behind the other. Those where a file and a line were
// looked up are empty.
func (c *cutter) assemble(small []function, turns []int) *smallTable {
	s := &smallTable{header: c.header}
	h := &s.header
	s.data = make([]byte, binary.Size(h))
	funcData, now := c.layOut()
	h.Files = 0
	h.Names = s.append(c.names)
	h.Units = s.append(nil)
	h.FileNames = h.Units
	h.PCData = s.append(c.pcData)
	h.Index = s.append(c.functions(small, turns, now))
	s.funcs = uint64(len(s.data)) - h.Index
	s.funcData = s.append(funcData)
	s.find = s.append(c.find)
	mustEncode(s.data, h)
	return s
}

// append returns where the part begins.
func (s *smallTable) append(part []byte) uint64 {
	for len(s.data)%word != 0 {
		s.data = append(s.data, 0)
	}
	at := uint64(len(s.data))
	s.data = append(s.data, part...)
	return at
}

// describe writes into a file's moduledata where the parts are.
func (s *smallTable) describe(f *file) {
	at := f.sections[f.table].Addr
	module := f.content(f.module)
	set := func(field int, values ...uint64) {
		mustEncode(module[word*field:], values)
	}
	slice := func(field int, begin, end, size uint64) {
		n := (end - begin) / size
		set(field, at+begin, n, n)
	}
	h := &s.header
	slice(moduleNames, h.Names, h.Units, 1)
	slice(moduleUnits, h.Units, h.FileNames, 4)
	slice(moduleFiles, h.FileNames, h.PCData, 1)
	slice(modulePCData, h.PCData, h.Index, 1)
	slice(moduleFuncs, h.Index, h.Index+s.funcs, 1)
	set(moduleIndex, at+h.Index)
	set(moduleFind, at+s.find)
	set(moduleFuncData, at+s.funcData)
	set(moduleEnd, at+uint64(len(s.data)))
	set(moduleTypeLinks, f.sections[f.typelink].Addr)
	set(moduleITabLinks, f.sections[f.itablink].Addr)
}
