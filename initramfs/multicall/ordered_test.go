package multicall

import (
	"bytes"
	"debug/elf"
	"debug/gosym"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"

	"github.com/kguest/kguest/initramfs/linker"
)

// functions returns the names of a program's, by address.
func functions(t *testing.T, program []byte) []string {
	t.Helper()
	f, err := elf.NewFile(bytes.NewReader(program))
	if err != nil {
		t.Fatal(err)
	}
	data, err := f.Section(".gopclntab").Data()
	if err != nil {
		t.Fatal(err)
	}
	table, err := gosym.NewTable(nil, gosym.NewLineTable(data, f.Section(".text").Addr))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range table.Funcs {
		names = append(names, f.Name)
	}
	return names
}

// inOrder reports how many of the functions of linker.Order come first, in that order;
// a function in assembler may be there twice. No other one of them comes later.
func inOrder(t *testing.T, names []string) int {
	t.Helper()
	place := make(map[string]int)
	for i, name := range linker.Order() {
		place[name] = i + 1
	}
	n, last := 0, 0
	for ; n < len(names) && place[names[n]] >= max(last, 1); n++ {
		last = place[names[n]]
	}
	for _, name := range names[n:] {
		if place[name] > 0 {
			t.Errorf("%s is number %d of the order, and comes after %s", name, place[name], names[n])
		}
	}
	return len(slices.Compact(names[:n]))
}

// TestOrdered: a third of kguest's program is called in a boot, and that is what comes
// first. Where names are missing, `make order` has to be run again.
func TestOrdered(t *testing.T) {
	m := Maker{Dir: filepath.Join("..", ".."), Cache: t.TempDir(), KeepTracebacks: true}
	names := functions(t, m.make(t, "amd64").data)
	n, of := inOrder(t, names), len(linker.Order())
	if n < of*95/100 {
		t.Errorf("%d of %d functions that a boot calls are in order, want 95 %%", n, of)
	}
	if n > len(names)/2 {
		t.Errorf("%d of %d functions come first, want a part", n, len(names))
	}
}

// TestOrderedElsewhere: the same functions come first on other architectures.
func TestOrderedElsewhere(t *testing.T) {
	m := Maker{Dir: ownModule(t), Cache: t.TempDir(), KeepTracebacks: true}
	for _, arch := range Arches() {
		if linker.Orders(arch) && inOrder(t, functions(t, m.make(t, arch).data)) < 300 {
			t.Errorf("%s: want most of the runtime's functions in order", arch)
		}
	}
}

// TestMakerKeepsLinker: one linker does for all programs; a damaged one is not taken.
func TestMakerKeepsLinker(t *testing.T) {
	m := Maker{Dir: ownModule(t), Cache: t.TempDir()}
	kept := func() (string, os.FileInfo) {
		t.Helper()
		files, err := filepath.Glob(filepath.Join(m.Cache, "linkers", "*"))
		if err != nil || len(files) != 1 {
			t.Fatalf("kept linkers: %q, %v, want one", files, err)
		}
		info, err := os.Stat(files[0])
		if err != nil {
			t.Fatal(err)
		}
		return files[0], info
	}
	want := m.make(t, runtime.GOARCH)
	file, first := kept()
	write(t, filepath.Join(m.Dir, "pkg/word/text"), "texts")
	m.make(t, runtime.GOARCH)
	if _, second := kept(); !os.SameFile(first, second) {
		t.Error("a program that was made again had a linker of its own")
	}
	write(t, file, "damaged")
	if err := os.Chmod(file, 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(m.Dir, "pkg/word/text"), "text")
	if got := m.make(t, runtime.GOARCH); got.kept || !bytes.Equal(got.data, want.data) {
		t.Errorf("with a damaged linker: kept %t, %d bytes, want %d", got.kept, len(got.data), len(want.data))
	}
	if _, again := kept(); again.Size() != first.Size() {
		t.Errorf("the damaged linker of %d bytes has %d now", first.Size(), again.Size())
	}
}

// TestUnknownGo: a Go whose linker is not known links as it does.
func TestUnknownGo(t *testing.T) {
	src, err := Find(t.Context(), ownModule(t))
	if err != nil {
		t.Fatal(err)
	}
	src.env.GOVERSION = "go1.99"
	if file, err := (Maker{}).linker(t.Context(), src, t.TempDir()); file != "" || err != nil {
		t.Errorf("linker of go1.99 = %s, %v, want none", file, err)
	}
}
