package multicall

import (
	"bytes"
	"debug/elf"
	"debug/gosym"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
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
	return len(slices.Compact(slices.Clone(names[:n])))
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
}

// TestOrderedElsewhere: the same functions come first on other architectures.
func TestOrderedElsewhere(t *testing.T) {
	m := Maker{Dir: ownModule(t), Cache: t.TempDir(), KeepTracebacks: true}
	for _, arch := range Arches() {
		if linker.Serves(arch) && inOrder(t, functions(t, m.make(t, arch).data)) < 300 {
			t.Errorf("%s: want most of the runtime's functions in order", arch)
		}
	}
}

// goRoot makes one with links to the files of the one at root, but for the sources of
// its tools where these are left out.
func goRoot(t *testing.T, root string, tools bool) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "go")
	link := func(sub, but string) {
		t.Helper()
		entries, err := os.ReadDir(filepath.Join(root, sub))
		if err = errors.Join(err, os.Mkdir(filepath.Join(dir, sub), 0o755)); err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if e.Name() == but {
				continue
			}
			if err := os.Symlink(filepath.Join(root, sub, e.Name()), filepath.Join(dir, sub, e.Name())); err != nil {
				t.Fatal(err)
			}
		}
	}
	if tools {
		link("", "")
	} else {
		link("", "src")
		link("src", "cmd")
	}
	return dir
}

// TestOrderedLinker: it can be made of each toolchain, wherever that is and whatever
// go commands are told.
func TestOrderedLinker(t *testing.T) {
	for name, prepare := range map[string]func(t *testing.T, src *Source) (work string){
		"as it is":        func(t *testing.T, _ *Source) string { return t.TempDir() },
		"blanks in names": func(t *testing.T, _ *Source) string { return t.TempDir() + "/a b" },
		"quotes in names": func(t *testing.T, _ *Source) string { return t.TempDir() + `/a'b"c` },
		"told otherwise": func(t *testing.T, _ *Source) string {
			t.Setenv("GOFLAGS", "-mod=mod -tags=x")
			t.Setenv("GOOS", "js")
			t.Setenv("GOARCH", "wasm")
			t.Setenv("GOENV", "/none")
			t.Setenv("GOPROXY", "off")
			return t.TempDir()
		},
		"links to sources": func(t *testing.T, src *Source) string {
			src.GoRoot = goRoot(t, src.GoRoot, true)
			return t.TempDir()
		},
		"in the module cache": func(t *testing.T, src *Source) string {
			t.Setenv("GOMODCACHE", filepath.Dir(src.GoRoot))
			return t.TempDir()
		},
	} {
		t.Run(name, func(t *testing.T) {
			src, err := Find(t.Context(), ownModule(t))
			if err != nil {
				t.Fatal(err)
			}
			work := prepare(t, &src)
			if err := os.MkdirAll(work, 0o700); err != nil {
				t.Fatal(err)
			}
			if toolexec, err := src.orderedLinker(t.Context(), work); err != nil || !strings.Contains(toolexec, work) {
				t.Errorf("orderedLinker = %s, %v, want one in %s", toolexec, err, work)
			}
		})
	}
}

// TestMakerKeepsLinker: one linker does for all programs, in a folder that is named in
// any way; a damaged one is not taken.
func TestMakerKeepsLinker(t *testing.T) {
	t.Chdir(t.TempDir())
	m := Maker{Dir: ownModule(t), Cache: "ca[c] he"}
	kept := func() (string, os.FileInfo) {
		t.Helper()
		files, err := os.ReadDir(m.Cache + "/linkers")
		if err != nil || len(files) != 1 {
			t.Fatalf("kept linkers: %q, %v, want one", files, err)
		}
		info, err := files[0].Info()
		if err != nil {
			t.Fatal(err)
		}
		return filepath.Join(m.Cache, "linkers", files[0].Name()), info
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

// TestOrderedLinkerElsewhere: where no program can be told of in one folder, it is in
// the other.
func TestOrderedLinkerElsewhere(t *testing.T) {
	src, err := Find(t.Context(), ownModule(t))
	if err != nil {
		t.Fatal(err)
	}
	work := filepath.Join(t.TempDir(), `'a' "b"`)
	if err := os.Mkdir(work, 0o700); err != nil {
		t.Fatal(err)
	}
	const want = `which has blanks and both kinds of quotes; set TMPDIR to another folder`
	if toolexec, err := src.orderedLinker(t.Context(), work); err == nil || !strings.HasSuffix(err.Error(), want) {
		t.Errorf("orderedLinker = %s, %v, want %q", toolexec, err, want)
	}
	if err := os.RemoveAll(filepath.Join(work, "linker")); err != nil {
		t.Fatal(err)
	}
	src.cache = t.TempDir()
	if toolexec, err := src.orderedLinker(t.Context(), work); err != nil || filepath.Dir(toolexec) != src.cache+"/linkers" {
		t.Errorf("orderedLinker = %s, %v, want the one that was kept", toolexec, err)
	}
}

// TestLinkerOfVersion: another version of Go in the same folder has another linker.
func TestLinkerOfVersion(t *testing.T) {
	src, err := Find(t.Context(), ownModule(t))
	if err != nil {
		t.Fatal(err)
	}
	var r linker.Replaced
	if file := src.linkerFile(r); file != "" {
		t.Errorf("without a cache the linker is kept as %s", file)
	}
	src.cache = "/cache"
	now := src.linkerFile(r)
	src.env.GOVERSION += "1"
	if later := src.linkerFile(r); now == later || filepath.Dir(now) != "/cache/linkers" {
		t.Errorf("the linkers are kept as %s and %s", now, later)
	}
}

// TestUnordered: without the linker a program is in the usual order, and says why. It
// is not kept, since the next may be in order.
func TestUnordered(t *testing.T) {
	dir := ownModule(t)
	for _, tt := range []struct {
		name, want string
		change     func(src *Source)
	}{
		{"other version", "", func(src *Source) { src.env.GOVERSION = "go1.99" }},
		{
			"no sources", "kguest's functions are in the linker's usual order, which costs a boot some page faults: read the linker's sources: open ",
			func(src *Source) { src.GoRoot = goRoot(t, src.GoRoot, false) },
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := Maker{Dir: dir, Cache: t.TempDir(), KeepTracebacks: true}
			set, err := m.Resolve(t.Context(), "amd64", []Ask{{Name: "kinit", From: "-cmd kinit"}})
			if err != nil {
				t.Fatal(err)
			}
			tt.change(&set[0].src)
			if err := set.Build(t.Context(), t.TempDir()); err != nil {
				t.Fatal(err)
			}
			warnings := strings.Join(set.Warnings(), "\n")
			if !strings.HasPrefix(warnings, tt.want) || strings.Contains(warnings, "\n") || (tt.want == "") != (warnings == "") {
				t.Errorf("warnings are %q, want one that begins with %q", warnings, tt.want)
			}
			if first := functions(t, set[0].data)[0]; first == linker.Order()[0] {
				t.Errorf("the first function is %s", first)
			}
			if kept := len(m.keptFiles(t)) > 0; kept != (tt.want == "") {
				t.Errorf("the program was kept: %t", kept)
			}
		})
	}
}
