package modules

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestOpenErrors(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	noDepmod := kernel(t, map[string]string{"kernel/a.ko": ""})
	folder := kernel(t, map[string]string{"modules.dep/a": ""})
	tests := []struct{ name, dir, want string }{
		{"missing", "/no/such", "/no/such/modules.dep: no such file or directory; give a folder like /lib/modules/VERSION"},
		{"file", file, "not a directory; give a folder like"},
		{"all kernels", filepath.Dir(kernel(t, map[string]string{"modules.dep": ""})), "give one kernel's folder in it, such as "},
		{"no depmod", noDepmod, "make it with: depmod -b " + filepath.Dir(filepath.Dir(filepath.Dir(noDepmod))) + " 6.1.0-test"},
		{"folder", folder, "modules.dep: a folder, not a regular file"},
		{"bad dep", kernel(t, map[string]string{"modules.dep": "x"}), "modules.dep: line 1"},
		{"bad softdep", kernel(t, map[string]string{"modules.dep": "", "modules.softdep": "x"}), "modules.softdep: line 1"},
		{"bad builtin", kernel(t, map[string]string{"modules.dep": "", "modules.builtin": "x"}), "modules.builtin: line 1"},
		{"bad weakdep", kernel(t, map[string]string{"modules.dep": "", "modules.weakdep": "x"}), "modules.weakdep: line 1"},
		{"nothing but modules", kernel(t, map[string]string{"modules.builtin": "", "kernel/a.ko": ""}), "make it with: depmod"},
	}
	for _, tt := range tests {
		_, err := Open(tt.dir)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: Open(%s) = %v, want an error with %q", tt.name, tt.dir, err, tt.want)
		}
	}
}

func TestOpenTooBig(t *testing.T) {
	dir := kernel(t, map[string]string{"modules.dep": ""})
	if err := os.Truncate(filepath.Join(dir, "modules.dep"), maxIndexFile+1); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir); err == nil || !strings.Contains(err.Error(), "67108865 bytes, more than 67108864") {
		t.Errorf("Open = %v, want it too big", err)
	}
}

func TestRead(t *testing.T) {
	for _, suffix := range []string{"", ".gz", ".xz", ".zst"} {
		file := "kernel/a-b.ko" + suffix
		want := elfFor(x86)
		x := open(t, map[string]string{"modules.dep": file + ":\n", file: pack(t, suffix, want)})
		plan, err := x.Resolve([]Ask{{Name: "a_b"}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		m := plan.Modules[0]
		if got, err := x.read(m, form{arch: "amd64"}); err != nil || !bytes.Equal(got.data, want) {
			t.Errorf("read(%s) = %d bytes, %v, want %d", file, len(got.data), err, len(want))
		}
		if got, want := x.GuestPath(m), "lib/modules/6.1.0-test/kernel/a-b.ko"; got != want {
			t.Errorf("GuestPath(%s) = %s, want %s", file, got, want)
		}
	}
}

func TestReadErrors(t *testing.T) {
	truncated := func(suffix string) string {
		s := pack(t, suffix, elfFor(x86))
		return s[:len(s)-6]
	}
	tests := []struct{ file, data, want string }{
		{"gone.ko", "", "/gone.ko: no such file or directory; modules.dep names it: install all of this kernel's package (Debian: linux-image-6.1.0-test), or make modules.dep anew with: depmod -b /"},
		{"empty.ko", "", "not an ELF file; install this kernel's package again"},
		{"text.ko", strings.Repeat("text ", 10), "not an ELF file"},
		{"arm.ko", string(elfFor(arm64)), "made for EM_AARCH64, and the image is for EM_X86_64 (-arch amd64)"},
		{"plain.ko.gz", string(elfFor(x86)), "gzip: invalid header; install this kernel's package again"},
		{"plain.ko.xz", string(elfFor(x86)), "xz"},
		{"plain.ko.zst", string(elfFor(x86)), "magic number mismatch"},
		{"cut.ko.gz", truncated(".gz"), "unexpected EOF"},
		{"cut.ko.xz", truncated(".xz"), "EOF"},
		{"cut.ko.zst", truncated(".zst"), "unexpected EOF"},
		{"none.ko.xz", "", "EOF"},
	}
	for _, tt := range tests {
		files := map[string]string{"modules.dep": ""}
		if tt.file != "gone.ko" {
			files[tt.file] = tt.data
		}
		x := open(t, files)
		got, err := x.read(Module{Path: tt.file}, form{arch: "amd64"})
		if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), tt.file) {
			t.Errorf("read(%s) = %d bytes, %v, want an error with %q", tt.file, len(got.data), err, tt.want)
		}
	}
	x := open(t, map[string]string{"modules.dep": "", "dir.ko/x": ""})
	if _, err := x.read(Module{Path: "dir.ko"}, form{arch: "amd64"}); err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("read(folder) = %v, want it refused", err)
	}
}

// zeros is an endless module.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

func TestUnpackBounded(t *testing.T) {
	if _, err := unpack(zeros{}, ""); err == nil || !strings.Contains(err.Error(), "more than 134217728 bytes unpacked") {
		t.Errorf("unpack(endless) = %v, want it too big", err)
	}
}

// The dictionary's size is the byte after the LZMA2 filter's id and length.
func TestXZDictionary(t *testing.T) {
	b := []byte(pack(t, ".xz", elfFor(x86)))
	i := bytes.Index(b, []byte("\x21\x01"))
	if i < 0 {
		t.Fatal("no LZMA2 filter in what xz wrote")
	}
	b[i+2] = 40 // 4 GiB - 1
	if _, err := unpack(bytes.NewReader(b), ".xz"); err == nil || !strings.Contains(err.Error(), "xz dictionary of 4294967296 bytes") {
		t.Errorf("unpack(4 GiB dictionary) = %v, want it too big", err)
	}
}

// FuzzUnpack holds that a packed module gives bytes or an error, and never
// more than the bound.
func FuzzUnpack(f *testing.F) {
	for i, suffix := range []string{"", ".gz", ".xz", ".zst"} {
		f.Add(uint8(i), []byte(pack(f, suffix, elfFor(x86))))
	}
	f.Fuzz(func(t *testing.T, which uint8, data []byte) {
		suffix := []string{"", ".gz", ".xz", ".zst"}[which%4]
		got, err := unpack(bytes.NewReader(data), suffix)
		if err != nil && got != nil {
			t.Errorf("unpack gave both %d bytes and %v", len(got), err)
		}
		if len(got) > maxModule {
			t.Errorf("unpack gave %d bytes", len(got))
		}
	})
}
