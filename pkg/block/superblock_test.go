package block

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// images are file systems by the tools of those who made the formats.
var images = []struct {
	name string
	make []string // DIR and IMAGE stand for a folder and the file to make
	want Super
}{
	{"squashfs gzip", []string{"mksquashfs", "DIR", "IMAGE", "-quiet", "-comp", "gzip"}, Super{FSType: "squashfs"}},
	{"squashfs xz", []string{"mksquashfs", "DIR", "IMAGE", "-quiet", "-comp", "xz"}, Super{FSType: "squashfs"}},
	{"squashfs zstd", []string{"mksquashfs", "DIR", "IMAGE", "-quiet", "-comp", "zstd"}, Super{FSType: "squashfs"}},
	{"squashfs lz4", []string{"mksquashfs", "DIR", "IMAGE", "-quiet", "-comp", "lz4", "-Xhc"}, Super{FSType: "squashfs"}},
	{"erofs", []string{"mkfs.erofs", "--quiet", "IMAGE", "DIR"}, Super{FSType: "erofs"}},
	{"ext4", []string{"mkfs.ext4", "-q", "-d", "DIR", "IMAGE", "1M"}, Super{FSType: "ext4"}},
	{"ext4 label", []string{"mkfs.ext4", "-q", "-L", "sixteen-bytes-ok", "IMAGE", "1M"}, Super{FSType: "ext4", Label: "sixteen-bytes-ok"}},
}

func makeImage(t *testing.T, command []string) string {
	t.Helper()
	dir, image := t.TempDir(), filepath.Join(t.TempDir(), "image")
	if err := os.WriteFile(filepath.Join(dir, "file"), []byte("content\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	args := make([]string, len(command))
	for i, arg := range command {
		switch arg {
		case "DIR":
			arg = dir
		case "IMAGE":
			arg = image
		}
		args[i] = arg
	}
	cmd := exec.CommandContext(t.Context(), args[0], args[1:]...)
	cmd.Env = append(os.Environ(), "PATH="+os.Getenv("PATH")+":/usr/sbin:/sbin")
	if path, err := exec.LookPath("/usr/sbin/" + args[0]); err == nil {
		cmd.Path, cmd.Err = path, nil
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", args, err, out)
	}
	return image
}

func TestReadSuper(t *testing.T) {
	for _, tt := range images {
		t.Run(tt.name, func(t *testing.T) {
			image := makeImage(t, tt.make)
			got, err := ReadSuper(image)
			if diff := cmp.Diff(tt.want, got); err != nil || diff != "" {
				t.Errorf("ReadSuper = %v (-want +got):\n%s", err, diff)
			}
			cutAtEveryLength(t, image, tt.want)
		})
	}
}

// cutAtEveryLength holds that a device that is cut short is either no file
// system or the right one, and that the whole superblock is enough.
func cutAtEveryLength(t *testing.T, image string, want Super) {
	t.Helper()
	data, err := os.ReadFile(image)
	if err != nil {
		t.Fatal(err)
	}
	for n := range superSize + 1 {
		got, err := ParseSuper(data[:n])
		switch {
		case errors.Is(err, ErrNoFileSystem) && got == Super{}:
			if n == superSize {
				t.Errorf("ParseSuper(first %d bytes) = %v, want %v", n, err, want)
			}
		case err != nil || got != want:
			t.Errorf("ParseSuper(first %d bytes) = %v, %v, want %v", n, got, err, want)
		}
	}
}

// TestErofsLabel sets the volume name by hand: mkfs.erofs 1.5 has no option for it.
func TestErofsLabel(t *testing.T) {
	image := makeImage(t, []string{"mkfs.erofs", "--quiet", "IMAGE", "DIR"})
	for _, name := range []string{"guest-root", "sixteen-bytes-ok"} {
		f, err := os.OpenFile(image, os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteAt([]byte(name), 1024+64); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		want := Super{FSType: "erofs", Label: name}
		if got, err := ReadSuper(image); err != nil || got != want {
			t.Errorf("ReadSuper = %+v, %v, want %+v", got, err, want)
		}
	}
}

func TestParseSuperRefuses(t *testing.T) {
	gzip := append([]byte{0x1f, 0x8b, 8, 0, 1, 2, 3, 4, 5}, make([]byte, superSize)...)
	bigEndian := append([]byte("sqsh"), make([]byte, superSize)...)
	tests := []struct {
		name string
		in   []byte
		want string
	}{
		{"nothing", nil, "not a file system: no squashfs, erofs or ext4 superblock (it begins empty)"},
		{"three bytes", []byte("hsq"), "not a file system: no squashfs, erofs or ext4 superblock (it begins 68 73 71)"},
		{"zeros", make([]byte, superSize), "not a file system: no squashfs, erofs or ext4 superblock (it begins 00 00 00 00 00 00 00 00)"},
		{"gzip", gzip[:superSize], "not a file system: no squashfs, erofs or ext4 superblock (it begins 1f 8b 08 00 01 02 03 04)"},
		{"big-endian squashfs", bigEndian[:superSize], "not a file system: no squashfs, erofs or ext4 superblock (it begins 73 71 73 68 00 00 00 00)"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ParseSuper(tt.in)
			if err == nil || err.Error() != tt.want || !errors.Is(err, ErrNoFileSystem) {
				t.Errorf("ParseSuper = %+v, %v, want %s", got, err, tt.want)
			}
		})
	}
}

// TestReadSuperOfSmallDevices: the end of a device is not an error of reading it.
func TestReadSuperOfSmallDevices(t *testing.T) {
	file := filepath.Join(t.TempDir(), "device")
	for _, n := range []int{0, 1, 512, 1024, superSize - 1} {
		if err := os.WriteFile(file, make([]byte, n), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := ReadSuper(file); !errors.Is(err, ErrNoFileSystem) || got != (Super{}) {
			t.Errorf("ReadSuper of %d zeros = %+v, %v, want %v", n, got, err, ErrNoFileSystem)
		}
	}
}

func TestReadSuperErrors(t *testing.T) {
	dir := t.TempDir()
	for path, want := range map[string]error{filepath.Join(dir, "none"): fs.ErrNotExist, dir: syscall.EISDIR} {
		_, err := ReadSuper(path)
		var perr *fs.PathError
		if !errors.As(err, &perr) || perr.Path != path || !errors.Is(err, want) {
			t.Errorf("ReadSuper(%s) = %v, want %v of it", path, err, want)
		}
	}
}

func FuzzParseSuper(f *testing.F) {
	squash := append([]byte("hsqs"), make([]byte, 92)...)
	erofs, ext4 := make([]byte, superSize), make([]byte, superSize)
	binary.LittleEndian.PutUint32(erofs[1024:], 0xE0F5E1E2)
	copy(erofs[1024+64:], "0123456789abcdefX")
	binary.LittleEndian.PutUint16(ext4[1024+56:], 0xEF53)
	copy(ext4[1024+120:], "root")
	for _, seed := range [][]byte{nil, squash, erofs, ext4, erofs[:1152], ext4[:2047]} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := ParseSuper(data)
		known := got.FSType == "squashfs" || got.FSType == "erofs" || got.FSType == "ext4"
		if (err == nil) != known || err != nil && (got != Super{}) {
			t.Fatalf("ParseSuper = %+v, %v, want a known type or an error", got, err)
		}
		if len(got.Label) > 16 || bytes.IndexByte([]byte(got.Label), 0) >= 0 {
			t.Fatalf("label = %q, want at most 16 bytes without a zero", got.Label)
		}
	})
}
