package pclntab

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const module = "example.org/program"

// compiled returns testdata/program, linked for arch as multicall does it.
func compiled(t testing.TB, arch string) []byte {
	t.Helper()
	program := filepath.Join(t.TempDir(), "program")
	flags := "-s -w -buildid="
	if arch == "amd64" {
		flags += " -funcalign=1"
	}
	cmd := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-buildvcs=false", "-ldflags", flags, "-o", program, ".")
	cmd.Dir = filepath.Join("testdata", "program")
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=", "GOOS=linux", "GOARCH="+arch, "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("compile: %v\n%s", err, out)
	}
	data, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func cut(t testing.TB, program []byte) []byte {
	t.Helper()
	small, err := Cut(program, module)
	if err != nil {
		t.Fatal(err)
	}
	return small
}

// result is how a program ended.
type result struct {
	Status         int
	Stdout, Stderr string
}

func run(t *testing.T, program []byte, env []string, args ...string) result {
	t.Helper()
	path := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(path, program, 0o700); err != nil {
		t.Fatal(err)
	}
	var out, words bytes.Buffer
	cmd := exec.CommandContext(t.Context(), path, args...)
	cmd.Env, cmd.Stdout, cmd.Stderr = env, &out, &words
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return result{cmd.ProcessState.ExitCode(), out.String(), words.String()}
}

// TestWork has a program whose table was cut do what the whole one does, with the
// collector, stacks that move, panics and package reflect.
func TestWork(t *testing.T) {
	whole := compiled(t, runtime.GOARCH)
	small := cut(t, whole)
	if len(small) > len(whole)*85/100 {
		t.Errorf("%d bytes of %d are left", len(small), len(whole))
	}
	want := run(t, whole, nil, "work")
	if want.Status != 0 || !strings.Contains(want.Stdout, "wrapper point.name called using nil *point pointer") || !strings.HasSuffix(want.Stdout, "locked 3200\n") {
		t.Fatalf("the whole program: %+v", want)
	}
	for _, env := range []string{
		"", "GOGC=1", "GOMAXPROCS=1", "GODEBUG=clobberfree=1,gcstoptheworld=1", "GODEBUG=invalidptr=1,gcshrinkstackoff=1",
	} {
		t.Run(env, func(t *testing.T) {
			if diff := cmp.Diff(want, run(t, small, []string{env}, "work")); diff != "" {
				t.Errorf("-whole +cut\n%s", diff)
			}
		})
	}
}

// TestCrash: what a crash prints still says what happened, and in which function of
// the module.
func TestCrash(t *testing.T) {
	whole := compiled(t, runtime.GOARCH)
	small := cut(t, whole)
	for what, in := range map[string]string{"crash": "inner.Crash", "fault": "inner.Run"} {
		want, got := run(t, whole, nil, what), run(t, small, nil, what)
		first := func(r result) string {
			reason, _, _ := strings.Cut(r.Stderr, "\n")
			return reason
		}
		if got.Status != 2 || want.Status != 2 || first(got) != first(want) {
			t.Errorf("%s: %+v, want the reason of %+v", what, got, want)
		}
		if !strings.Contains(want.Stderr, "inner.go:") || !strings.Contains(got.Stderr, "\n"+in+"()\n\t?:0 +0x") {
			t.Errorf("%s: %+v, want it in %s; the whole one: %+v", what, got, in, want)
		}
	}
}

// TestTrace: the runtime can say what the initialization of each package takes.
func TestTrace(t *testing.T) {
	small := cut(t, compiled(t, runtime.GOARCH))
	got := run(t, small, []string{"GODEBUG=inittrace=1"}, "nothing")
	for _, pkg := range []string{"runtime", "os", "internal/godebug", "syscall"} {
		if !strings.Contains(got.Stderr, "\ninit "+pkg+" @") && !strings.HasPrefix(got.Stderr, "init "+pkg+" @") {
			t.Errorf("package %s is missing in %+v", pkg, got)
		}
	}
	if got.Status != 0 {
		t.Errorf("status %d", got.Status)
	}
	if got := run(t, small, []string{"GOTRACEBACK=all", "GODEBUG=tracebackancestors=3"}, "crash"); got.Status != 2 {
		t.Errorf("with all tracebacks: %+v", got)
	}
}

// TestTable compares the tables of each architecture, function by function.
func TestTable(t *testing.T) {
	for _, arch := range []string{"amd64", "arm64", "riscv64"} {
		t.Run(arch, func(t *testing.T) {
			whole := compiled(t, arch)
			small := cut(t, whole)
			before, after := tableOf(t, whole), tableOf(t, small)
			if len(before.funcs) != len(after.funcs) || !bytes.Equal(before.find, after.find) {
				t.Fatalf("%d functions, was %d; or the buckets differ", len(after.funcs), len(before.funcs))
			}
			endsBefore, endsAfter := before.dataEnds(), after.dataEnds()
			names := 0
			for i := range before.funcs {
				was, is := before.funcs[i], after.funcs[i]
				if before.index[2*i] != after.index[2*i] || was.Entry != is.Entry || was.Args != is.Args ||
					was.DeferReturn != is.DeferReturn || was.ID != is.ID || was.Flag != is.Flag {
					t.Fatalf("function %d: %+v, was %+v", i, is, was)
				}
				compareStreams(t, i, before, after)
				compareData(t, i, was, is, valuesOf(before, endsBefore), valuesOf(after, endsAfter))
				compareInlined(t, i, before, after)
				name, short := nameOf(t, before, was.Name), nameOf(t, after, is.Name)
				if own, ok := strings.CutPrefix(name, module+"/"); ok {
					names++
					if short != own {
						t.Errorf("function %s: is called %q, want %q", name, short, own)
					}
				}
				if runtimeName(name) != runtimeName(short) {
					t.Errorf("function %s: is called %q, which is not of the runtime as it was", name, short)
				}
			}
			if names < 40 {
				t.Errorf("%d functions of the module, want more", names)
			}
			compareFiles(t, whole, small)
		})
	}
}

// compareStreams compares what the runtime looks up by address in a function.
func compareStreams(t *testing.T, i int, before, after *table) {
	t.Helper()
	streams := func(table *table) [][]byte {
		f := &table.funcs[i]
		list := make([][]byte, 6)
		for k, at := range append([]uint32{f.SP}, f.pcData...) {
			if at != 0 && k != 1+pcInlined && k != 1+pcArgLive {
				stream, _, err := table.stream(at)
				if err != nil {
					t.Fatal(err)
				}
				list[k] = stream
			}
		}
		return list
	}
	if diff := cmp.Diff(streams(before), streams(after)); diff != "" {
		t.Fatalf("function %d: values by address: -was +is\n%s", i, diff)
	}
}

// valuesOf returns what returns a function's data.
func valuesOf(t *table, ends map[uint32]uint32) func(at uint32) []byte {
	return func(at uint32) []byte { return t.funcData[at:ends[at]] }
}

// compareData compares what the runtime knows of a whole function.
func compareData(t *testing.T, i int, was, is function, before, after func(at uint32) []byte) {
	t.Helper()
	for k, at := range was.data {
		if at == noData || k == dataInlined || k == dataArgs || k == dataArgLive {
			continue
		}
		if k >= len(is.data) || is.data[k] == noData {
			t.Fatalf("function %d: data %d is gone", i, k)
		}
		if now := is.data[k]; !bytes.HasPrefix(after(now), before(at)) || now%word != at%word {
			t.Fatalf("function %d: data %d at %#x is % x, was at %#x % x", i, k, now, after(now), at, before(at))
		}
	}
}

// compareInlined: calls that were inlined are all there, or the runtime does nothing
// else for them than for the function that they are in.
func compareInlined(t *testing.T, i int, before, after *table) {
	t.Helper()
	was, is := inlinedOf(t, before, before.funcs[i]), inlinedOf(t, after, after.funcs[i])
	name := nameOf(t, before, before.funcs[i].Name)
	if is == nil {
		for _, call := range was {
			if call.ID != idNormal || before.funcs[i].ID != idNormal || isRuntime(nameOf(t, before, call.Name)) != isRuntime(name) {
				t.Fatalf("function %d, %s: inlined call %+v is gone", i, name, call)
			}
		}
		return
	}
	if len(is) != len(was) {
		t.Fatalf("function %d, %s: %d inlined calls, want %d", i, name, len(is), len(was))
	}
	for k := range was {
		want, got := nameOf(t, before, was[k].Name), nameOf(t, after, is[k].Name)
		if is[k].ID != was[k].ID || is[k].Parent != was[k].Parent || runtimeName(got) != runtimeName(want) {
			t.Fatalf("function %d, %s: inlined call %+v of %q, was %+v of %q", i, name, is[k], got, was[k], want)
		}
	}
	at, now := before.funcs[i].pcData[pcInlined], after.funcs[i].pcData[pcInlined]
	a, _, errA := before.stream(at)
	b, _, errB := after.stream(now)
	if err := errors.Join(errA, errB); err != nil || !bytes.Equal(a, b) {
		t.Fatalf("function %d, %s: where calls were inlined is % x, was % x, %v", i, name, b, a, err)
	}
}

func inlinedOf(t *testing.T, table *table, f function) []inlinedCall {
	t.Helper()
	if len(f.data) <= dataInlined || f.data[dataInlined] == noData {
		return nil
	}
	_, most, err := table.stream(f.pcData[pcInlined])
	if err != nil {
		t.Fatal(err)
	}
	calls := make([]inlinedCall, most+1)
	mustDecode(table.funcData[f.data[dataInlined]:], calls)
	return calls
}

// compareFiles: nothing but the table and what is behind it has moved or changed,
// and others can read the file.
func compareFiles(t *testing.T, whole, small []byte) {
	t.Helper()
	a, err := elf.NewFile(bytes.NewReader(whole))
	if err != nil {
		t.Fatal(err)
	}
	b, err := elf.NewFile(bytes.NewReader(small))
	if err != nil {
		t.Fatal(err)
	}
	moved := map[string]bool{".gopclntab": true, ".typelink": true, ".itablink": true}
	for i, was := range a.Sections {
		is := b.Sections[i]
		if is.Name != was.Name || !moved[was.Name] && is.Addr != was.Addr {
			t.Errorf("section %s at %#x, was %s at %#x", is.Name, is.Addr, was.Name, was.Addr)
		}
		if was.Type == elf.SHT_NOBITS || was.Type == elf.SHT_NULL || was.Name == ".gopclntab" || was.Name == ".go.module" {
			continue
		}
		want, err1 := was.Data()
		got, err2 := is.Data()
		if err := errors.Join(err1, err2); err != nil || !bytes.Equal(want, got) {
			t.Errorf("section %s: differs, or %v", was.Name, err)
		}
	}
	for i, p := range b.Progs {
		if p.Type == elf.PT_LOAD && (p.Off%p.Align != p.Vaddr%p.Align || p.Off+p.Filesz > uint64(len(small))) {
			t.Errorf("segment %d: %+v in %d bytes", i, p.ProgHeader, len(small))
		}
	}
}

func tableOf(t *testing.T, program []byte) *table {
	t.Helper()
	f, err := readFile(program)
	if err != nil {
		t.Fatal(err)
	}
	table, err := f.readTable()
	if err != nil {
		t.Fatal(err)
	}
	return table
}

func nameOf(t *testing.T, table *table, at int32) string {
	t.Helper()
	name, err := table.name(at)
	if err != nil {
		t.Fatal(err)
	}
	return name
}

// TestDamaged: a file that no linker wrote is refused, or cut, and never worse.
func TestDamaged(t *testing.T) {
	whole := compiled(t, "amd64")
	f, err := readFile(whole)
	if err != nil {
		t.Fatal(err)
	}
	table := f.sections[f.table]
	h := tableOf(t, whole).header
	refused := 0
	for _, part := range [][3]uint64{ // from, to, step
		{0, 0x600, 7},
		{f.sections[f.module].Off, f.sections[f.module].Off + f.sections[f.module].Size, 7},
		{table.Off, table.Off + 80, 3},
		{table.Off + h.Index, table.Off + table.Size, table.Size / 50},
		{table.Off + h.PCData, table.Off + h.Index, table.Size / 20},
	} {
		for at := part[0]; at < part[1]; at += part[2] {
			damaged := bytes.Clone(whole)
			binary.LittleEndian.PutUint32(damaged[at:], 0xfffffff0)
			if _, err := Cut(damaged, module); err != nil {
				refused++
			}
		}
	}
	if refused < 100 {
		t.Errorf("%d damaged files were refused, want more", refused)
	}
	for size := 0; size < len(whole); size += len(whole) / 20 {
		if _, err := Cut(whole[:size], module); err == nil {
			t.Errorf("Cut takes %d bytes of %d", size, len(whole))
		}
	}
}

func TestVersion(t *testing.T) {
	for version, want := range map[string]bool{
		"go1.26": true, "go1.26.8-X:nodwarf5": true, "go1.26.8": true, "go1.26rc1": true, "go1.26-custom": false, "go1.260": false, "go1.25.3": false, "go1.27": false, "devel": false,
	} {
		if known.MatchString(version) != want {
			t.Errorf("known(%q) = %t", version, !want)
		}
	}
	other := bytes.ReplaceAll(compiled(t, "amd64"), []byte(runtime.Version()), []byte(strings.Replace(runtime.Version(), "1.26", "1.99", 1)))
	if _, err := Cut(other, module); !errors.Is(err, ErrVersion) {
		t.Errorf("Cut of another version's: %v, want %v", err, ErrVersion)
	}
	if _, err := Cut([]byte("#!/bin/sh\n"), module); err == nil || errors.Is(err, ErrVersion) {
		t.Errorf("Cut of a script: %v", err)
	}
}
