package multicall

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// ownModule makes a module that is named like kguest, with a command kinit, and
// a package that it imports.
func ownModule(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, data := range map[string]string{
		"go.mod":             "module " + Module + "\n\ngo 1.26\n",
		"cmds/kinit/main.go": "package main\n\nimport \"" + Module + "/pkg/word\"\n\nfunc main() { println(word.Word) }\n",
		"pkg/word/word.go":   "package word\n\nimport _ \"embed\"\n\n//go:embed text\nvar Text string\n\nconst Word = \"one\"\n",
		"pkg/word/text":      "text",
	} {
		write(t, filepath.Join(dir, name), data)
	}
	return dir
}

// made is a program, and whether it was kept from before.
type made struct {
	data []byte
	kept bool
}

func (m Maker) make(t *testing.T, arch string) made {
	t.Helper()
	p, err := m.Resolve(t.Context(), arch, []Ask{{Name: "kinit", From: "-cmd kinit"}})
	if err != nil {
		t.Fatal(err)
	}
	want := []Command{{"kinit", Module + "/cmds/kinit", "-cmd kinit"}}
	if diff := cmp.Diff(want, p.Commands()); diff != "" {
		t.Errorf("Commands (-want +got):\n%s", diff)
	}
	kept := p[0].Kept()
	if err := p.Build(t.Context(), t.TempDir()); err != nil {
		t.Fatal(err)
	}
	data := read(t, p[0])
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	return made{data, kept}
}

func read(t *testing.T, p *Program) []byte {
	t.Helper()
	r, size, err := p.Open()
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(r)
	if err = errors.Join(err, r.Close()); err != nil || int64(len(data)) != size {
		t.Fatalf("read program: %d bytes of %d, %v", len(data), size, err)
	}
	return data
}

// keptFiles returns the files of what is kept.
func (m Maker) keptFiles(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(m.Cache, "programs", "*"))
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestMakerKeeps(t *testing.T) {
	m := Maker{Dir: ownModule(t), Cache: t.TempDir()}
	first, second := m.make(t, runtime.GOARCH), m.make(t, runtime.GOARCH)
	if first.kept || !second.kept || !bytes.Equal(first.data, second.data) {
		t.Errorf("first kept %v, second kept %v, want false, true and the same bytes", first.kept, second.kept)
	}
	if got := m.keptFiles(t); len(got) != 1 {
		t.Errorf("kept: %q, want one file", got)
	}
	if got := (Maker{Dir: m.Dir}).make(t, runtime.GOARCH); got.kept || !bytes.Equal(got.data, first.data) {
		t.Errorf("without a folder: kept %v, same bytes %v, want false, true", got.kept, bytes.Equal(got.data, first.data))
	}
}

// A kept program must not outlive anything that it was made of.
func TestMakerMakesAgain(t *testing.T) {
	dir := ownModule(t)
	m := Maker{Dir: dir, Cache: t.TempDir()}
	word := filepath.Join(dir, "pkg/word/word.go")
	m.make(t, runtime.GOARCH)
	tests := []struct {
		name   string
		change func(t *testing.T)
		same   bool // the program has the same bytes
	}{
		{"edited file, same size and time", func(t *testing.T) { editQuietly(t, word, "one", "two") }, false},
		{"added file", func(t *testing.T) {
			write(t, filepath.Join(dir, "pkg/word/more.go"), "package word\n\nfunc init() { println(\"more\") }\n")
		}, false},
		{"removed file", func(t *testing.T) { remove(t, filepath.Join(dir, "pkg/word/more.go")) }, false},
		{"embedded file", func(t *testing.T) { write(t, filepath.Join(dir, "pkg/word/text"), "texts") }, true},
		{"go.mod", func(t *testing.T) {
			write(t, filepath.Join(dir, "go.mod"), "module "+Module+"\n\ngo 1.26.0\n")
		}, true},
		{"workspace", func(t *testing.T) { write(t, filepath.Join(dir, "go.work"), "go 1.26.0\n\nuse .\n") }, true},
		{"environment", func(t *testing.T) { t.Setenv("GOFLAGS", "-tags=kguest") }, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			before := m.make(t, runtime.GOARCH)
			tt.change(t)
			after := m.make(t, runtime.GOARCH)
			if !before.kept || after.kept {
				t.Errorf("kept before: %v, after: %v, want true, false", before.kept, after.kept)
			}
			if same := bytes.Equal(before.data, after.data); same != tt.same {
				t.Errorf("same bytes: %v, want %v", same, tt.same)
			}
		})
	}
	fresh := (Maker{Dir: dir}).make(t, runtime.GOARCH)
	if last := m.make(t, runtime.GOARCH); !bytes.Equal(fresh.data, last.data) {
		t.Error("the kept program is not what a build from nothing gives")
	}
}

// editQuietly changes a file, and neither its size nor its time.
func editQuietly(t *testing.T, file, from, to string) {
	t.Helper()
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	write(t, file, strings.Replace(string(data), from, to, 1))
	if err := os.Chtimes(file, info.ModTime(), info.ModTime()); err != nil {
		t.Fatal(err)
	}
}

func remove(t *testing.T, file string) {
	t.Helper()
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
}

func removeAll(t *testing.T, dir string) {
	t.Helper()
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
}

// Another go command on PATH, or another guest, is another program.
func TestMakerToolchain(t *testing.T) {
	m := Maker{Dir: ownModule(t), Cache: t.TempDir()}
	m.make(t, runtime.GOARCH)
	goRoot := here(t).GoRoot
	bin := t.TempDir()
	write(t, filepath.Join(bin, "go"), "#!/bin/sh\nexec "+goRoot+"/bin/go \"$@\"\n")
	if err := os.Chmod(filepath.Join(bin, "go"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	if got := m.make(t, runtime.GOARCH); got.kept {
		t.Error("kept with another go command")
	}
	if got := m.make(t, runtime.GOARCH); !got.kept {
		t.Error("not kept with the same script as go command")
	}
	if p, err := m.Resolve(t.Context(), "riscv64", []Ask{{Name: "kinit"}}); err != nil || p[0].Kept() {
		t.Errorf("kept for another guest, or %v", err)
	}
}

// Every byte of what is kept counts.
func TestMakerDamage(t *testing.T) {
	m := Maker{Dir: ownModule(t), Cache: t.TempDir()}
	want := m.make(t, runtime.GOARCH)
	file := m.keptFiles(t)[0]
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	damages := map[string][]byte{"empty": {}, "cut": whole[:len(whole)-1], "longer": append(bytes.Clone(whole), 0), "sum only": whole[:65]}
	for _, at := range []int{0, 70, len(whole) / 2, len(whole) - 1} {
		b := bytes.Clone(whole)
		b[at] ^= 1
		damages["bit "+string(rune('a'+len(damages)))] = b
	}
	for name, damage := range damages {
		if _, _, ok := decodeKept(filepath.Base(file), bytes.NewReader(damage), int64(len(damage))); ok {
			t.Errorf("%s: decodeKept takes it", name)
		}
	}
	if _, _, ok := decodeKept(filepath.Base(file), bytes.NewReader(whole), int64(len(whole))); !ok {
		t.Error("decodeKept refuses what is whole")
	}
	if _, _, ok := decodeKept("another", bytes.NewReader(whole), int64(len(whole))); ok {
		t.Error("decodeKept takes what was kept under another key")
	}
	if err := os.WriteFile(file, damages["cut"], 0o600); err != nil {
		t.Fatal(err)
	}
	if got := m.make(t, runtime.GOARCH); got.kept || !bytes.Equal(got.data, want.data) {
		t.Errorf("damaged: kept %v, same bytes %v, want false, true", got.kept, bytes.Equal(got.data, want.data))
	}
	if got := m.make(t, runtime.GOARCH); !got.kept {
		t.Error("not kept after it was made again")
	}
}

// What happens to a kept program after it was found whole does not get into an
// image: another in its place does not count, and a change is an error.
func TestMakerKeptChanged(t *testing.T) {
	m := Maker{Dir: ownModule(t), Cache: t.TempDir()}
	want := m.make(t, runtime.GOARCH)
	file := m.keptFiles(t)[0]
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	p, err := m.Resolve(t.Context(), runtime.GOARCH, []Ask{{Name: "kinit"}})
	if err != nil || !p[0].Kept() {
		t.Fatalf("not kept, or %v", err)
	}
	defer p.Close()
	if err := os.Rename(file, file+"-away"); err != nil {
		t.Fatal(err)
	}
	write(t, file, "another")
	if got := read(t, p[0]); !bytes.Equal(got, want.data) {
		t.Error("another program in the place of the kept one was read")
	}
	whole[len(whole)-1] ^= 1
	for _, change := range [][]byte{whole, whole[:len(whole)-1]} {
		if err := os.WriteFile(file+"-away", change, 0o600); err != nil {
			t.Fatal(err)
		}
		r, size, err := p[0].Open()
		if err != nil || size != int64(len(want.data)) {
			t.Fatalf("Open = %d bytes, %v", size, err)
		}
		if _, err := io.ReadAll(r); err == nil || !strings.Contains(err.Error(), "changed while it was read") {
			t.Errorf("reading a changed program: %v, want an error", err)
		}
	}
}

// What was changed while the program was made is not kept.
func TestMakerChangedMeanwhile(t *testing.T) {
	m := Maker{Dir: ownModule(t), Cache: t.TempDir()}
	p, err := m.Resolve(t.Context(), runtime.GOARCH, []Ask{{Name: "kinit"}})
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(m.Dir, "pkg/word/word.go"), "package word\n\nconst Word = \"three\"\n")
	if err := p.Build(t.Context(), t.TempDir()); err != nil {
		t.Fatal(err)
	}
	if got := m.keptFiles(t); len(got) != 0 {
		t.Errorf("kept: %q, want nothing", got)
	}
}

// A folder that cannot be written costs time, and nothing else.
func TestMakerCannotKeep(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	write(t, file, "")
	if got := (Maker{Dir: ownModule(t), Cache: file}).make(t, runtime.GOARCH); len(got.data) == 0 {
		t.Error("no program")
	}
}

func TestPrune(t *testing.T) {
	dir := t.TempDir()
	for i := range maxKept + 3 {
		name := filepath.Join(dir, string(rune('a'+i)))
		write(t, name, "x")
		if err := os.Chtimes(name, time.Now(), time.Now().Add(-touchAfter*time.Duration(i))); err != nil {
			t.Fatal(err)
		}
	}
	prune(dir, maxKept)
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != maxKept || left[0].Name() != "a" {
		t.Errorf("left: %d, the first %v, %v; want %d and a", len(left), left, err, maxKept)
	}
}

// TestMakerWithoutGo has a kept program do where there is no go command, in
// another folder too, unless its sources say that it is an old one.
func TestMakerWithoutGo(t *testing.T) {
	dir, cache := ownModule(t), t.TempDir()
	want := Maker{Dir: dir, Cache: cache}.make(t, runtime.GOARCH)
	t.Setenv("PATH", t.TempDir())
	elsewhere := Maker{Dir: t.TempDir(), Cache: cache}
	asks := []Ask{{Name: "kinit", From: "-cmd kinit"}}
	source := filepath.Join(dir, "pkg/word/word.go")
	for _, tt := range []struct {
		name   string
		change func()
		arch   string
		asks   []Ask
		ok     bool
	}{
		{"unchanged", func() {}, runtime.GOARCH, asks, true},
		{"another architecture", func() {}, "riscv64", asks, false},
		{"another command", func() {}, runtime.GOARCH, append(asks, Ask{Name: "knet"}), false},
		{"changed", func() { editQuietly(t, source, "one", "two") }, runtime.GOARCH, asks, false},
		{"changed back", func() { editQuietly(t, source, "two", "one") }, runtime.GOARCH, asks, true},
		{"sources gone", func() { removeAll(t, dir) }, runtime.GOARCH, asks, true},
		{"damaged", func() { write(t, elsewhere.keptFiles(t)[0], "x") }, runtime.GOARCH, asks, false},
	} {
		tt.change()
		p, err := elsewhere.Resolve(t.Context(), tt.arch, tt.asks)
		switch {
		case !tt.ok && (err == nil || !strings.HasPrefix(err.Error(), "find the go command: ")):
			t.Errorf("%s: %v, want no go command", tt.name, err)
		case !tt.ok:
		case err != nil:
			t.Errorf("%s: %v", tt.name, err)
		case !p[0].Kept() || !bytes.Equal(read(t, p[0]), want.data):
			t.Errorf("%s: kept %t, want the program", tt.name, p[0].Kept())
		}
	}
}
