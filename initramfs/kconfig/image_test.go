package kconfig

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// bzImage makes the beginning of one, with its release at the offset that it
// says, less 0x200.
func bzImage(release string, offset int, flags uint16) []byte {
	b := make([]byte, 0x1000)
	copy(b[0x202:], "HdrS")
	le := binary.LittleEndian
	le.PutUint16(b[0x206:], 0x20f)
	le.PutUint16(b[0x20e:], uint16(offset))
	le.PutUint16(b[0x236:], flags)
	copy(b[min(offset+0x200, len(b)):], release)
	return b
}

func with(size, offset int, magic string) []byte {
	b := make([]byte, size)
	copy(b[offset:], magic)
	return b
}

func peImage(machine uint16) []byte {
	b := with(0x100, 0, "MZ")
	b[0x3c] = 0x80
	copy(b[0x80:], "PE\x00\x00")
	binary.LittleEndian.PutUint16(b[0x84:], machine)
	return b
}

func packed(t *testing.T, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestReadImage(t *testing.T) {
	const banner = "Linux version 6.1.0-9-arm64 (debian) (gcc) #1 SMP\n"
	arm := append(with(3<<20, 56, "ARM\x64"), "Linux version %s (\x00"+banner...)
	split := append(with(headSize+1<<20-5, 48, "RISCV"), banner...)
	vmlinux := append(with(1000, 0, "\x7fELF\x02\x01\x01"), banner...)
	vmlinux[18] = 62
	tests := []struct {
		name          string
		data          []byte
		arch, release string
	}{
		{"bzImage", bzImage("6.1.0-56-cloud-amd64 (debian) #1", 0x400, 1), "amd64", "6.1.0-56-cloud-amd64"},
		{"bzImage without release", bzImage("", 0, 1), "amd64", ""},
		{"bzImage, 32 bits", bzImage("6.1 x", 0x400, 0), "386", "6.1"},
		{"Image", arm, "arm64", "6.1.0-9-arm64"},
		{"Image, banner across reads", split, "riscv64", "6.1.0-9-arm64"},
		{"Image without banner", with(100, 56, "ARM\x64"), "arm64", ""},
		{"Image.gz", packed(t, arm), "arm64", ""},
		{"vmlinux", vmlinux, "amd64", "6.1.0-9-arm64"},
		{"EFI", peImage(0xaa64), "arm64", ""},
		{"EFI, amd64", peImage(0x8664), "amd64", ""},
		{"EFI, riscv64", peImage(0x5064), "riscv64", ""},
		{"EFI, other", peImage(0x1c4), "PE machine 0x1c4", ""},
	}
	for _, tt := range tests {
		file := write(t, filepath.Join(t.TempDir(), "kernel"), string(tt.data))
		k, err := ReadImage(file)
		if want := (Image{file, tt.arch, tt.release}); err != nil || k != want {
			t.Errorf("%s: ReadImage = %+v, %v, want %+v", tt.name, k, err, want)
		}
	}
}

func TestReadImageErrors(t *testing.T) {
	tests := []struct {
		name string
		data []byte
		want string
	}{
		{"empty", nil, "not a kernel"},
		{"text", []byte("hello"), "not a kernel"},
		{"cpio", []byte("070701" + strings.Repeat("0", 104)), "not a kernel"},
		{"header cut short", bzImage("", 0, 1)[:0x210], "unexpected EOF"},
		{"release outside", bzImage("", 0xfff0, 1), "behind the header"},
		{"no release", bzImage("\xff\xff", 0x400, 1), "no release at byte 1536"},
		{"DOS", with(0x100, 0, "MZ"), "without a PE header"},
		{"DOS, short", []byte("MZ"), "unexpected EOF"},
		{"gzip of text", packed(t, []byte("hello")), "not a kernel"},
		{"gzip cut short", packed(t, bzImage("", 0, 1))[:20], "EOF"},
	}
	for _, tt := range tests {
		file := write(t, filepath.Join(t.TempDir(), "kernel"), string(tt.data))
		k, err := ReadImage(file)
		if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), file) {
			t.Errorf("%s: ReadImage = %+v, %v, want an error with %q", tt.name, k, err, tt.want)
		}
	}
	if _, err := ReadImage(t.TempDir()); err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("ReadImage(folder) = %v, want it refused", err)
	}
}

func TestImageChecks(t *testing.T) {
	k := Image{"vmlinuz", "amd64", "6.1"}
	if err := k.CheckModules("/lib/modules/6.1"); err != nil {
		t.Errorf("CheckModules = %v", err)
	}
	if err := (Image{}).CheckModules("/lib/modules/6.1"); err != nil {
		t.Errorf("CheckModules, release unknown = %v", err)
	}
	link := filepath.Join(t.TempDir(), "current")
	write(t, filepath.Join(filepath.Dir(link), "6.1", "modules.dep"), "")
	if err := os.Symlink("6.1", link); err != nil {
		t.Fatal(err)
	}
	if err := k.CheckModules(link); err != nil {
		t.Errorf("CheckModules(link) = %v", err)
	}
	for dir, remedy := range map[string]string{
		"/no/such/6.2/":                          "those of one kernel",
		filepath.Join(filepath.Dir(link), "6.2"): "-modules-dir " + filepath.Join(filepath.Dir(link), "6.1"),
	} {
		want := "kernel vmlinuz is release 6.1, and the modules in " + filepath.Clean(dir) + " are of 6.2; give " + remedy
		if err := k.CheckModules(dir); err == nil || err.Error() != want {
			t.Errorf("CheckModules(%s) = %v, want %q", dir, err, want)
		}
	}
	if err := k.CheckArch("amd64"); err != nil {
		t.Errorf("CheckArch(amd64) = %v", err)
	}
	if err := k.CheckArch("arm64"); err == nil || err.Error() != "kernel vmlinuz is for amd64, and the image is for arm64 (-arch)" {
		t.Errorf("CheckArch(arm64) = %v, want an error", err)
	}
}

// FuzzImage holds that a header gives a kernel with an architecture and a
// release that is one word, or an error.
func FuzzImage(f *testing.F) {
	f.Add(bzImage("6.1 x", 0x400, 1))
	f.Add(peImage(0xaa64))
	f.Add(append(with(100, 56, "ARM\x64"), "Linux version 6.1 x"...))
	f.Fuzz(func(t *testing.T, data []byte) {
		k, err := readImage(bytes.NewReader(data))
		switch {
		case err != nil && k != Image{}:
			t.Errorf("readImage gave both %+v and %v", k, err)
		case err == nil && k.Arch == "":
			t.Error("readImage gave no architecture")
		}
		if len(k.Release) > 64 || strings.ContainsAny(k.Release, " /\n\x00") {
			t.Errorf("readImage gave the release %q", k.Release)
		}
	})
}
