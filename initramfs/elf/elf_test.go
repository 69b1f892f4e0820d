package elf

import (
	"bytes"
	stdelf "debug/elf"
	"encoding/binary"
	"errors"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// sample describes an ELF file that a test makes.
type sample struct {
	machine        stdelf.Machine
	interp         string
	needed         []string
	rpath, runpath string
	narrow, big    bool // 32 bits, big-endian
	extra          string
}

// bytes returns the file: header, three program headers, strings, dynamic
// segment.
func (s sample) bytes() []byte {
	if s.machine == 0 {
		s.machine = stdelf.EM_X86_64
	}
	var order binary.AppendByteOrder = binary.LittleEndian
	data := stdelf.ELFDATA2LSB
	if s.big {
		order, data = binary.BigEndian, stdelf.ELFDATA2MSB
	}
	header, ph, word, class := 64, 56, 8, stdelf.ELFCLASS64
	if s.narrow {
		header, ph, word, class = 52, 32, 4, stdelf.ELFCLASS32
	}
	num := func(b []byte, n uint64) []byte {
		if word == 8 {
			return order.AppendUint64(b, n)
		}
		return order.AppendUint32(b, uint32(n))
	}
	const vaddr = 0x10000
	text := []byte("\x00")
	str := func(v string) uint64 {
		at := len(text)
		text = append(text, v+"\x00"...)
		return uint64(at)
	}
	start := header + 3*ph
	var tags [][2]uint64
	for _, n := range s.needed {
		tags = append(tags, [2]uint64{uint64(stdelf.DT_NEEDED), str(n)})
	}
	if s.rpath != "" {
		tags = append(tags, [2]uint64{uint64(stdelf.DT_RPATH), str(s.rpath)})
	}
	if s.runpath != "" {
		tags = append(tags, [2]uint64{uint64(stdelf.DT_RUNPATH), str(s.runpath)})
	}
	interp := str(s.interp)
	text = append(text, s.extra...)
	tags = append(tags, [2]uint64{uint64(stdelf.DT_STRTAB), vaddr + uint64(start)}, [2]uint64{})
	var dynamic []byte
	for _, t := range tags {
		dynamic = num(num(dynamic, t[0]), t[1])
	}
	total := start + len(text) + len(dynamic)
	b := append([]byte(stdelf.ELFMAG), byte(class), byte(data), 1)
	b = append(b, make([]byte, 9)...)
	b = order.AppendUint16(b, uint16(stdelf.ET_DYN))
	b = order.AppendUint16(b, uint16(s.machine))
	b = order.AppendUint32(b, 1)
	b = num(num(num(b, 0), uint64(header)), 0)
	b = order.AppendUint32(b, 0)
	for _, v := range []uint16{uint16(header), uint16(ph), 3, 0, 0, 0} {
		b = order.AppendUint16(b, v)
	}
	prog := func(typ stdelf.ProgType, off, size int) {
		b = order.AppendUint32(b, uint32(typ))
		if word == 8 {
			b = order.AppendUint32(b, 0)
		}
		b = num(num(num(num(num(b, uint64(off)), vaddr+uint64(off)), 0), uint64(size)), uint64(size))
		if word == 4 {
			b = order.AppendUint32(b, 0)
		}
		b = num(b, 1)
	}
	prog(stdelf.PT_LOAD, 0, total)
	if s.interp == "" {
		prog(stdelf.PT_NULL, 0, 0)
	} else {
		prog(stdelf.PT_INTERP, start+int(interp), len(s.interp)+1)
	}
	prog(stdelf.PT_DYNAMIC, start+len(text), len(dynamic))
	return append(append(b, text...), dynamic...)
}

func TestRead(t *testing.T) {
	for _, s := range []sample{
		{interp: "/lib64/ld.so", needed: []string{"libc.so.6", "libm.so.6"}, runpath: "$ORIGIN/../lib:/opt/lib"},
		{machine: stdelf.EM_386, narrow: true, needed: []string{"libc.so.6"}, rpath: "/old"},
		{machine: stdelf.EM_S390, big: true, needed: []string{"a"}},
		{machine: stdelf.EM_AARCH64},
	} {
		o, err := Read(bytes.NewReader(s.bytes()))
		if err != nil || o == nil {
			t.Fatalf("Read(%+v) = %v, %v", s, o, err)
		}
		join := func(list []string) string { return strings.Join(list, ":") }
		got := sample{machine: o.Machine, interp: o.Interp, needed: o.Needed, rpath: join(o.RPath), runpath: join(o.RunPath)}
		if s.machine == 0 {
			s.machine = stdelf.EM_X86_64
		}
		s.narrow, s.big = false, false
		if diff := cmp.Diff(s, got, cmp.AllowUnexported(sample{})); diff != "" {
			t.Errorf("Read (-want +got):\n%s", diff)
		}
	}
}

func TestReadOther(t *testing.T) {
	module := sample{}.bytes()
	module[16] = byte(stdelf.ET_REL)
	for name, data := range map[string][]byte{"empty": nil, "text": []byte("#!/bin/sh\n"), "short": []byte("\x7fEL"), "module": module} {
		if o, err := Read(bytes.NewReader(data)); o != nil || err != nil {
			t.Errorf("%s: Read = %v, %v, want nil, nil", name, o, err)
		}
	}
	whole := sample{interp: "/ld", needed: []string{"a"}}.bytes()
	for cut := 5; cut < len(whole)-16; cut += 7 {
		if o, err := Read(bytes.NewReader(whole[:cut])); err == nil {
			t.Errorf("Read(%d of %d bytes) = %+v, want an error", cut, len(whole), o)
		}
	}
}

// FuzzRead holds that Read ends, and that what it returns is bounded and free
// of what is no string of the file's.
func FuzzRead(f *testing.F) {
	f.Add(sample{interp: "/ld", needed: []string{"a", "b"}, runpath: "$ORIGIN:/x"}.bytes())
	f.Add(sample{machine: stdelf.EM_386, narrow: true, needed: []string{"a"}, rpath: "/x"}.bytes())
	f.Add(sample{machine: stdelf.EM_S390, big: true, interp: "/ld"}.bytes())
	f.Fuzz(func(t *testing.T, data []byte) {
		o, err := Read(bytes.NewReader(data))
		if err != nil || o == nil {
			return
		}
		for _, name := range slices.Concat(o.Needed, o.RPath, o.RunPath, []string{o.Interp}) {
			if len(name) > maxString || !bytes.Contains(data, []byte(name)) || strings.Contains(name, "\x00") {
				t.Errorf("name %q is not in the file", name)
			}
		}
		if len(o.Needed) > maxNeeded || o.RPath != nil && o.RunPath != nil {
			t.Errorf("%d needed, RPATH %q, RUNPATH %q", len(o.Needed), o.RPath, o.RunPath)
		}
	})
}

// sysroot makes a root file system. A value "-> X" is a symbolic link.
func sysroot(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, data := range files {
		file := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		var err error
		if target, ok := strings.CutPrefix(data, "-> "); ok {
			err = os.Symlink(target, file)
		} else {
			err = os.WriteFile(file, []byte(data), 0o755)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func text(s sample) string { return string(s.bytes()) }

// closure returns all that the program at host needs, as lines "GUEST" or
// "GUEST -> TARGET", sorted.
func closure(t *testing.T, root, host, guest string) ([]string, error) {
	t.Helper()
	s, err := NewSearch(root, func(string) (io.ReaderAt, bool) { return nil, false })
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(host)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	o, err := Read(f)
	if err != nil {
		t.Fatal(err)
	}
	lines := make(map[string]bool)
	seen := make(map[string]bool)
	for queue := []*Program{{Object: o, Guest: guest, Host: host}}; len(queue) > 0; queue = queue[1:] {
		found, err := s.Needs(queue[0])
		if err != nil {
			return nil, err
		}
		for _, f := range found {
			for _, p := range f.Places {
				line := p.Guest
				if p.Target != "" {
					line += " -> " + p.Target
				}
				lines[line] = true
			}
			if !seen[f.Program.Guest] {
				seen[f.Program.Guest] = true
				queue = append(queue, f.Program)
			}
		}
	}
	var list []string
	for line := range lines {
		list = append(list, line)
	}
	slices.Sort(list)
	return list, nil
}

const loader = "/lib/x86_64-linux-gnu/\x00/usr/lib/x86_64-linux-gnu/\x00/lib/\x00/usr/lib/\x00"

// usrmerged is like Debian: /lib and /lib64 are links, the loader is behind
// another.
func usrmerged(more map[string]string) map[string]string {
	files := map[string]string{
		"lib":                                "-> usr/lib",
		"lib64":                              "-> usr/lib64",
		"usr/lib64/ld-linux-x86-64.so.2":     "-> ../lib/x86_64-linux-gnu/ld-linux-x86-64.so.2",
		"usr/lib/x86_64-linux-gnu/libc.so.6": text(sample{needed: []string{"ld-linux-x86-64.so.2"}}),
		"usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2": text(sample{extra: loader}),
		"etc/ld.so.conf":            "# all\ninclude ld.so.conf.d/*.conf\n",
		"etc/ld.so.conf.d/opt.conf": "/opt/lib # ours\n/nowhere\n",
	}
	maps.Copy(files, more)
	return files
}

const ld64 = "/lib64/ld-linux-x86-64.so.2"

func TestNeeds(t *testing.T) {
	base := []string{
		"/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2",
		"/lib/x86_64-linux-gnu/libc.so.6",
		"/lib64/ld-linux-x86-64.so.2 -> ../lib/x86_64-linux-gnu/ld-linux-x86-64.so.2",
	}
	tests := []struct {
		name    string
		program sample
		files   map[string]string
		want    []string
	}{
		{"plain", sample{interp: ld64, needed: []string{"libc.so.6"}}, nil, nil},
		{
			"chain of links",
			sample{interp: ld64, needed: []string{"libc.so.6", "liba.so.1"}},
			map[string]string{
				"usr/lib/liba.so.1": "-> liba.so.1.2", "usr/lib/liba.so.1.2": "-> /usr/lib/real/liba", "usr/lib/real/liba": text(sample{}),
			},
			[]string{"/lib/liba.so.1 -> liba.so.1.2", "/lib/liba.so.1.2 -> /usr/lib/real/liba", "/usr/lib/real/liba"},
		},
		{
			"RUNPATH, and not its libraries'",
			sample{interp: ld64, needed: []string{"libc.so.6", "liba.so"}, runpath: "/none:$ORIGIN/../priv"},
			map[string]string{
				"opt/priv/liba.so": text(sample{needed: []string{"libb.so"}}), "usr/lib/libb.so": text(sample{}), "opt/priv/libb.so": text(sample{}),
			},
			[]string{"/app/priv/liba.so", "/lib/libb.so"},
		},
		{
			"RPATH is inherited",
			sample{interp: ld64, needed: []string{"libc.so.6", "liba.so"}, rpath: "${ORIGIN}/../priv"},
			map[string]string{
				"opt/priv/liba.so": text(sample{needed: []string{"libb.so"}}), "usr/lib/libb.so": text(sample{}), "opt/priv/libb.so": text(sample{}),
			},
			[]string{"/app/priv/liba.so", "/app/priv/libb.so"},
		},
		{
			"$LIB",
			sample{interp: ld64, needed: []string{"libc.so.6", "liba.so"}, runpath: "/vendor/$LIB"},
			map[string]string{"vendor/lib64/liba.so": text(sample{})},
			[]string{"/vendor/lib64/liba.so"},
		},
		{
			"configured folder, of which the guest has no cache",
			sample{interp: ld64, needed: []string{"libc.so.6", "liba.so"}},
			map[string]string{"opt/lib/liba.so": text(sample{})},
			[]string{"/lib/x86_64-linux-gnu/liba.so -> /opt/lib/liba.so", "/opt/lib/liba.so"},
		},
		{
			"another machine's is passed over",
			sample{interp: ld64, needed: []string{"libc.so.6", "liba.so"}},
			map[string]string{
				"usr/lib/x86_64-linux-gnu/liba.so": text(sample{machine: stdelf.EM_AARCH64}), "usr/lib/liba.so": text(sample{}),
			},
			[]string{"/lib/liba.so"},
		},
		{
			"path in place of a name",
			sample{interp: ld64, needed: []string{"libc.so.6", "/plugins/liba.so"}},
			map[string]string{"plugins/liba.so": text(sample{})},
			[]string{"/plugins/liba.so"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			files := usrmerged(tt.files)
			files["opt/bin/app"] = text(tt.program)
			root := sysroot(t, files)
			got, err := closure(t, root, filepath.Join(root, "opt/bin/app"), "/app/bin/x")
			want := slices.Sorted(slices.Values(slices.Concat(base, tt.want)))
			if diff := cmp.Diff(want, got); err != nil || diff != "" {
				t.Errorf("needs: %v (-want +got):\n%s", err, diff)
			}
		})
	}
}

// A loader that does not tell its folders is one of a distribution.
func TestNeedsArm64(t *testing.T) {
	const interp = "/lib/ld-linux-aarch64.so.1"
	arm := func(needed ...string) string { return text(sample{machine: stdelf.EM_AARCH64, needed: needed}) }
	root := sysroot(t, map[string]string{
		"app":                                 text(sample{machine: stdelf.EM_AARCH64, interp: interp, needed: []string{"libc.so.6"}}),
		"lib/ld-linux-aarch64.so.1":           "-> aarch64-linux-gnu/ld-2.so",
		"lib/aarch64-linux-gnu/ld-2.so":       arm(),
		"usr/lib/aarch64-linux-gnu/libc.so.6": arm(),
		"usr/lib/x86_64-linux-gnu/libc.so.6":  text(sample{}),
	})
	got, err := closure(t, root, filepath.Join(root, "app"), "/bin/app")
	want := []string{"/lib/aarch64-linux-gnu/ld-2.so", interp + " -> aarch64-linux-gnu/ld-2.so", "/usr/lib/aarch64-linux-gnu/libc.so.6"}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("needs: %v (-want +got):\n%s", err, diff)
	}
}

func TestNeedsNotFound(t *testing.T) {
	root := sysroot(t, usrmerged(map[string]string{
		"app":             text(sample{interp: ld64, needed: []string{"liba.so"}, runpath: "/r"}),
		"usr/lib/liba.so": text(sample{machine: stdelf.EM_ARM}),
		"loaderless":      text(sample{interp: "/lib/ld-none.so"}),
	}))
	_, err := closure(t, root, filepath.Join(root, "app"), "/app")
	want := "shared library liba.so, which is not there; looked in /r, /opt/lib, /nowhere, /lib/x86_64-linux-gnu, /usr/lib/x86_64-linux-gnu, /lib, /usr/lib; " +
		"/lib/liba.so, /usr/lib/liba.so is for another machine"
	if missing, ok := errors.AsType[*NotFound](err); !ok || missing.Error() != want {
		t.Errorf("Needs = %v, want %s", err, want)
	}
	if _, err := closure(t, root, filepath.Join(root, "loaderless"), "/x"); err == nil || !strings.Contains(err.Error(), "dynamic loader /lib/ld-none.so, which is not there; looked in "+root+"/lib") {
		t.Errorf("Needs = %v, want no loader", err)
	}
}

// What the root's links say stays in the root.
func TestNeedsConfined(t *testing.T) {
	outside := sysroot(t, map[string]string{"liba.so": text(sample{})})
	root := sysroot(t, usrmerged(map[string]string{
		"app":                        text(sample{interp: ld64, needed: []string{"liba.so"}}),
		"usr/lib/liba.so":            "-> " + outside + "/liba.so",
		"etc/ld.so.conf.d/evil.conf": "../../../../../../../" + outside + "\n/../../../../../.." + outside + "\n",
	}))
	if got, err := closure(t, root, filepath.Join(root, "app"), "/app"); err == nil {
		t.Errorf("Needs = %q, want nothing from outside the root", got)
	}
}

func TestConfLoop(t *testing.T) {
	root := sysroot(t, map[string]string{"etc/ld.so.conf": "include /etc/ld.so.conf\n"})
	if _, err := NewSearch(root, nil); err == nil || !strings.Contains(err.Error(), "included more than 8 deep") {
		t.Errorf("NewSearch = %v, want a circle", err)
	}
}

// The loader itself is the oracle.
func TestAgainstLoader(t *testing.T) {
	for _, program := range []string{"bash", "qemu-system-x86_64", "xz", "cpio"} {
		host, err := exec.LookPath(program)
		if err != nil {
			continue
		}
		out, err := exec.Command("/lib64/ld-linux-x86-64.so.2", "--list", host).Output()
		if err != nil {
			t.Fatal(err)
		}
		want := make(map[string]bool)
		for line := range strings.Lines(string(out)) {
			if _, at, ok := strings.Cut(line, " => "); ok {
				file, _, _ := strings.Cut(at, " (")
				want[resolved(t, file)] = true
			}
		}
		got := make(map[string]bool)
		list, err := closure(t, "/", host, host)
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range list {
			if !strings.Contains(line, " -> ") {
				got[resolved(t, line)] = true
			}
		}
		delete(got, resolved(t, ld64))
		delete(want, resolved(t, ld64))
		if diff := cmp.Diff(want, got); diff != "" || len(want) == 0 {
			t.Errorf("%s (-loader +got):\n%s", program, diff)
		}
	}
}

func resolved(t *testing.T, file string) string {
	t.Helper()
	to, err := filepath.EvalSymlinks(file)
	if err != nil {
		t.Fatal(err)
	}
	return to
}
