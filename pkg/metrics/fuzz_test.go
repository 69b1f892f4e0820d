package metrics

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// seed adds the files of the fixtures that match pattern.
func seed(f *testing.F, pattern string) {
	f.Helper()
	paths, err := filepath.Glob(filepath.Join("testdata/linux-*", pattern))
	if err != nil || len(paths) == 0 {
		f.Fatalf("no fixtures %s: %v", pattern, err)
	}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
}

// oneOf holds that there is a value or an error, and that parsing does not
// change its input.
func oneOf[T any](t *testing.T, parser func([]byte) (T, error), data []byte) (T, bool) {
	t.Helper()
	before := bytes.Clone(data)
	got, err := parser(data)
	if !bytes.Equal(before, data) {
		t.Fatalf("parsing %q changed it to %q", before, data)
	}
	var none T
	if err != nil && !cmp.Equal(got, none, unexported) {
		t.Fatalf("parsing %q = %+v and %v", data, got, err)
	}
	return got, err == nil
}

// FuzzStat holds that a process's name changes nothing.
func FuzzStat(f *testing.F) {
	seed(f, "proc/*/stat")
	f.Add([]byte("x\n) Z 7 (y"))
	f.Fuzz(func(t *testing.T, data []byte) {
		oneOf(t, parseStat, data)
		got, err := parseStat(fmt.Appendf(nil, "7 (%s)%s", data, statTail))
		if want := (stat{start: 8500}); err != nil || got != want {
			t.Fatalf("with the name %q = %+v, %v, want %+v", data, got, err, want)
		}
	})
}

// FuzzStatus holds that ids have 32 bits, and that lines after the known ones
// change nothing unless they are known.
func FuzzStatus(f *testing.F) {
	seed(f, "proc/*/status")
	f.Fuzz(func(t *testing.T, data []byte) {
		got, ok := oneOf(t, parseStatus, data)
		if !ok {
			return
		}
		if max(got.uid, got.euid, got.gid, got.egid) > math.MaxUint32 {
			t.Fatalf("parseStatus(%q) = %+v", data, got)
		}
		again, err := parseStatus(append(bytes.Clone(data), "\nNew:\tUid:\t1\nUidx:\t7\n"...))
		if err != nil || again != got {
			t.Fatalf("parseStatus(%q) = %+v, with more lines %+v, %v", data, got, again, err)
		}
	})
}

// FuzzSystem holds that sizes are whole KiB.
func FuzzSystem(f *testing.F) {
	seed(f, "proc/meminfo")
	seed(f, "proc/uptime")
	f.Fuzz(func(t *testing.T, data []byte) {
		oneOf(t, parseUptime, data)
		oneOf(t, parseLimit, data)
		if m, ok := oneOf(t, parseMeminfo, data); ok && (m.total|m.free|m.available)%1024 != 0 {
			t.Fatalf("parseMeminfo(%q) = %+v", data, m)
		}
	})
}

// FuzzPairs holds that pairs that are written and read again are the same.
func FuzzPairs(f *testing.F) {
	seed(f, "task/memory.events")
	seed(f, "task/cpu.stat")
	f.Fuzz(func(t *testing.T, data []byte) {
		got, ok := oneOf(t, parsePairs, data)
		if !ok {
			return
		}
		var written []byte
		for _, p := range got {
			written = fmt.Appendf(written, "%s %d\n", p.key, p.value)
		}
		again, err := parsePairs(written)
		if diff := cmp.Diff(got, again, unexported); err != nil || diff != "" {
			t.Fatalf("parsePairs(%q) written and read again: %v\n%s", data, err, diff)
		}
	})
}

// FuzzRows holds that there are no more rows than words, that numbers are
// those of a wire that knows no infinity, and that where the lines break does
// not matter.
func FuzzRows(f *testing.F) {
	seed(f, "task/io.stat")
	seed(f, "task/*.pressure")
	f.Add([]byte("7:7 7:6 254:0 rbytes=1\n(unknown) rbytes=2\n252:0 "))
	f.Fuzz(func(t *testing.T, data []byte) {
		words := bytes.Fields(data)
		oneLine := bytes.Join(words, []byte{' '})
		rows, ok := oneOf(t, parseIO, data)
		if again, err := parseIO(oneLine); len(rows) > len(words) || !cmp.Equal(rows, again, unexported) || ok != (err == nil) {
			t.Fatalf("parseIO(%q) = %+v, in one line %+v", data, rows, again)
		}
		stalls, ok := oneOf(t, parsePressure, data)
		if again, err := parsePressure(oneLine); !cmp.Equal(stalls, again, unexported) || ok != (err == nil) {
			t.Fatalf("parsePressure(%q) = %+v, in one line %+v", data, stalls, again)
		}
		for _, s := range stalls {
			for _, n := range []float64{s.avg10, s.avg60, s.avg300, s.total} {
				if math.IsNaN(n) || math.IsInf(n, 0) || n < 0 {
					t.Fatalf("parsePressure(%q) has %v", data, n)
				}
			}
		}
	})
}

// FuzzTables holds that names are valid, and that a link that is written and
// read again is the same.
func FuzzTables(f *testing.F) {
	seed(f, "proc/net/dev")
	seed(f, "proc/diskstats")
	f.Add([]byte("a|:0: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		disks, _ := oneOf(t, parseDisks, data)
		for _, d := range disks {
			checkText(t, d.name)
			checkText(t, strings.ReplaceAll(d.device, ":", ""))
		}
		links, _ := oneOf(t, parseLinks, data)
		for _, l := range links {
			checkText(t, l.name)
			line := fmt.Appendf(nil, " %s:%d %d %d %d 0 0 0 0 %d %d %d %d 0 0 0 0", l.name,
				l.rx.bytes, l.rx.packets, l.rx.errors, l.rx.drops, l.tx.bytes, l.tx.packets, l.tx.errors, l.tx.drops)
			again, err := parseLinks(line)
			if err != nil || len(again) != 1 || again[0] != l {
				t.Fatalf("%+v written and read again: %+v, %v", l, again, err)
			}
		}
	})
}

// FuzzText holds that text is valid and bounded, unchanged where it was both,
// and that arguments are the same as what a program was given.
func FuzzText(f *testing.F) {
	seed(f, "proc/*/cmdline")
	f.Add([]byte("a\xffb\xc3\x00\x00é\x00"))
	f.Add(bytes.Repeat([]byte("a\xff\x00"), MaxText))
	f.Fuzz(func(t *testing.T, data []byte) {
		s := text(data)
		checkText(t, s)
		valid := utf8.Valid(data) && len(data) <= MaxText
		if valid && s != string(data) {
			t.Fatalf("text(%q) = %q", data, s)
		}
		args := Value{Text: new(keeper).arguments(data)}.List()
		total := 0
		for _, arg := range args {
			checkText(t, arg)
			total += len(arg)
		}
		if total > MaxText || len(args) > MaxArguments || strings.Contains(strings.Join(args, ""), "\x00") {
			t.Fatalf("arguments(%q) = %q", data, args)
		}
		trimmed := strings.TrimRight(string(data), "\x00")
		if valid && len(args) < MaxArguments && strings.Join(args, "\x00") != trimmed {
			t.Fatalf("arguments(%q) = %q", data, args)
		}
	})
}

func checkText(t *testing.T, s string) {
	t.Helper()
	if !utf8.ValidString(s) || len(s) > MaxText {
		t.Fatalf("%q: %d bytes, valid UTF-8 %t", s, len(s), utf8.ValidString(s))
	}
}
