package build

import (
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/kguest/kguest/initramfs/cpio"
)

// image writes an archive of the entries, whose bodies are their names.
func image(t *testing.T, entries ...cpio.Entry) string {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "image"))
	if err != nil {
		t.Fatal(err)
	}
	w := cpio.NewWriter(f)
	for _, e := range entries {
		if err := w.Write(e, strings.NewReader(e.Name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return f.Name()
}

func TestCompare(t *testing.T) {
	file := cpio.Entry{Name: "a", Mode: cpio.TypeReg | 0o644, Size: 1}
	other, late := file, file
	other.Mode, late.ModTime = cpio.TypeReg|0o755, 5
	second := cpio.Entry{Name: "b", Mode: cpio.TypeReg | 0o644, Size: 1}
	one := image(t, file)
	tests := []struct{ second, want string }{
		{one, "^$"},
		{image(t, file), "^$"},
		{image(t, other), "^verify: two builds differ: /a has mode 0644 and 0755$"},
		{image(t, file, second), "^verify: two builds differ: /b is only in one$"},
		{image(t, other, second), "^verify: two builds differ: /a has mode 0644 and 0755, and 1 more$"},
		{image(t, late), `^verify: two builds of the same files differ from byte \d+ on$`},
		{"gone", "^open gone: no such file or directory$"},
	}
	for _, tt := range tests {
		text := ""
		if err := compare(t.Context(), one, tt.second); err != nil {
			text = err.Error()
		}
		if !regexp.MustCompile(tt.want).MatchString(text) {
			t.Errorf("compare = %q, want %s", text, tt.want)
		}
	}
}

func TestRoom(t *testing.T) {
	dir := t.TempDir()
	if err := room("x.cpio", dir)(1); err != nil {
		t.Errorf("room(1 byte) = %v", err)
	}
	err := room("x.cpio", dir)(math.MaxInt64)
	want := regexp.MustCompile(`^write x\.cpio: the image has 9223372036854 MB, and its file system has \d+ (MB|kB|bytes) free; free space there, or give another -o$`)
	if err == nil || !want.MatchString(err.Error()) {
		t.Errorf("room(2^63-1 bytes) = %v, want %v", err, want)
	}
}

func TestLsMode(t *testing.T) {
	tests := []struct {
		mode fs.FileMode
		want string
	}{
		{0o644, "-rw-r--r--"},
		{fs.ModeDir | 0o755, "drwxr-xr-x"},
		{fs.ModeDir | fs.ModeSticky | 0o777, "drwxrwxrwt"},
		{fs.ModeSticky | 0o666, "-rw-rw-rwT"},
		{fs.ModeSetuid | 0o755, "-rwsr-xr-x"},
		{fs.ModeSetuid | fs.ModeSetgid, "---S--S---"},
		{fs.ModeSetgid | 0o711, "-rwx--s--x"},
		{fs.ModeSymlink | 0o777, "lrwxrwxrwx"},
		{fs.ModeDevice | fs.ModeCharDevice | 0o600, "crw-------"},
		{fs.ModeDevice | 0o660, "brw-rw----"},
		{fs.ModeNamedPipe | 0o600, "prw-------"},
	}
	for _, tt := range tests {
		if got := lsMode(tt.mode); got != tt.want {
			t.Errorf("lsMode(%v) = %s, want %s", tt.mode, got, tt.want)
		}
	}
}

func TestSteps(t *testing.T) {
	var b strings.Builder
	s := newSteps(&b, true)
	s.begin("one")
	s.begin("two")
	s.end()
	want := regexp.MustCompile(`^ +\d+\.\d{3} s  one\n +\d+\.\d{3} s  two\n +\d+\.\d{3} s  in all\n$`)
	if !want.MatchString(b.String()) {
		t.Errorf("steps: %q, want %v", b.String(), want)
	}
	b.Reset()
	s = newSteps(&b, false)
	s.begin("one")
	s.end()
	if b.String() != "" {
		t.Errorf("steps, not verbose and no terminal: %q, want nothing", b.String())
	}
}
