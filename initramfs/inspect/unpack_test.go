package inspect

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/kguest/kguest/initramfs/inspect/archive"
)

// jail returns a folder to unpack into, which is not there yet, beside a
// folder and a file that must stay as they are, and a function that checks it.
func jail(t *testing.T) (target string, check func()) {
	t.Helper()
	root := t.TempDir()
	if err := errors.Join(
		os.Mkdir(filepath.Join(root, "outside"), 0o755),
		os.WriteFile(filepath.Join(root, "outside", "secret"), []byte("secret"), 0o600),
		os.WriteFile(filepath.Join(root, "file"), []byte("file"), 0o644),
	); err != nil {
		t.Fatal(err)
	}
	before := snapshot(t, root)
	return filepath.Join(root, "target"), func() {
		t.Helper()
		if err := os.RemoveAll(filepath.Join(root, "target")); err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff(before, snapshot(t, root)); diff != "" {
			t.Errorf("outside of the target (-before +after):\n%s", diff)
		}
	}
}

// escapes are images that try to write outside; abs is the folder beside the
// target.
func escapes(abs string) map[string][]byte {
	return map[string][]byte{
		"parent":             newc(file("../file", "evil"), file("../../../../../../../../tmp/kguest-evil", "evil"), dir("a"), file("a/../../file", "evil")),
		"absolute":           newc(file(abs+"/secret", "evil"), file("/x", "1")),
		"folder link":        newc(link("l", "../outside"), file("l/secret", "evil"), file("l/new", "evil")),
		"absolute link":      newc(link("l", abs), file("l/secret", "evil"), dir("l/sub")),
		"link then file":     newc(link("l", "../file"), file("l", "evil")),
		"link of links":      newc(link("a", ".."), link("b", "a/outside"), file("b/secret", "evil")),
		"later archive":      append(newc(dir("d"), file("d/x", "1")), newc(link("e", "../outside"), file("e/secret", "evil"))...),
		"hard link":          newc(link("l", "../outside"), hard("l/secret", "", 1, 2), hard("x", "evil", 1, 2)),
		"hard link to above": newc(hard("../outside/secret", "", 1, 2), hard("x", "evil", 1, 2)),
		"device on a link":   newc(link("l", "../outside"), entry{name: "l/pipe", mode: archive.TypeFIFO | 0o600}),
		"folder on a link":   newc(link("l", "../outside"), entry{name: "l", mode: archive.TypeDir | 0o777}),
		"root's mode":        newc(entry{name: ".", mode: archive.TypeDir | 0o700}, entry{name: "..", mode: archive.TypeDir | 0o777}),
	}
}

func TestUnpackStaysInside(t *testing.T) {
	for _, force := range []bool{false, true} {
		target, check := jail(t)
		for name, data := range escapes(filepath.Join(filepath.Dir(target), "outside")) {
			im := image(t, data)
			_, err := im.Unpack(target, UnpackOptions{Force: force})
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			check()
		}
	}
}

// With -force what is there may lead out.
func TestUnpackForce(t *testing.T) {
	target, check := jail(t)
	if err := errors.Join(
		os.MkdirAll(filepath.Join(target, "d"), 0o755),
		os.Symlink("../outside", filepath.Join(target, "l")),
		os.Symlink("../file", filepath.Join(target, "x")),
		os.WriteFile(filepath.Join(target, "y"), []byte("old"), 0o600),
	); err != nil {
		t.Fatal(err)
	}
	im := image(t, newc(dir("l"), file("l/secret", "1"), file("x", "2"), file("y", "3"), dir("d"), file("d/z", "4")))
	if _, err := im.Unpack(target, UnpackOptions{}); err == nil || !strings.Contains(err.Error(), "is not empty") {
		t.Errorf("Unpack(full folder) = %v, want an error that says so", err)
	}
	done, err := im.Unpack(target, UnpackOptions{Force: true})
	if err != nil || done.Files != 6 {
		t.Errorf("Unpack(Force) = %+v, %v, want 6 files", done, err)
	}
	for name, want := range map[string]string{"l/secret": "1", "x": "2", "y": "3", "d/z": "4"} {
		if got, err := os.ReadFile(filepath.Join(target, name)); err != nil || string(got) != want {
			t.Errorf("%s = %q, %v, want %q", name, got, err, want)
		}
	}
	check()
}

// After an error nothing stays.
func TestUnpackFails(t *testing.T) {
	target, check := jail(t)
	data := newc(dir("d"), file("d/a", "1"), link("l", "d"), file("z", strings.Repeat("x", 9000)))
	src := &failing{data: data, at: int64(bytes.Index(data, []byte("xxxx")))}
	im, err := New("image", src, int64(len(data)), archive.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	src.armed = true
	_, err = im.Unpack(target, UnpackOptions{})
	if !errors.Is(err, errBadSector) || strings.Contains(err.Error(), "\n") {
		t.Errorf("Unpack = %v, want %v in one line", err, errBadSector)
	}
	if _, err := os.Lstat(target); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the target is there: %v", err)
	}
	if err := os.Mkdir(target, 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := im.Unpack(target, UnpackOptions{}); err == nil {
		t.Error("Unpack = nil, want an error")
	}
	if left := snapshot(t, target); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	check()
}

var errBadSector = errors.New("bad sector")

// failing is a disk that fails from at on, once armed.
type failing struct {
	data  []byte
	at    int64
	armed bool
}

func (f *failing) ReadAt(p []byte, off int64) (int, error) {
	if f.armed && off+int64(len(p)) > f.at+8000 {
		return 0, errBadSector
	}
	return bytes.NewReader(f.data).ReadAt(p, off)
}

// Modes and times are restored, whatever the umask is.
func TestUnpackModes(t *testing.T) {
	target, check := jail(t)
	old := unix.Umask(0o077)
	defer unix.Umask(old)
	im := image(t, newc(
		entry{name: "d", mode: archive.TypeDir | 0o1750},
		entry{name: "d/su", mode: archive.TypeReg | 0o6755, body: "x"},
		entry{name: "p", mode: archive.TypeFIFO | 0o622},
		entry{name: "null", mode: archive.TypeChar | 0o666, minor: 3},
		link("l", "gone"),
	))
	done, err := im.Unpack(target, UnpackOptions{})
	if err != nil || done.Files != 4 || len(done.Warnings) != 1 || !strings.HasPrefix(done.Warnings[0], "null: a device node") {
		t.Errorf("Unpack = %+v, %v, want 4 files and a warning of null", done, err)
	}
	for name, want := range map[string]os.FileMode{
		"d": os.ModeDir | os.ModeSticky | 0o750, "d/su": os.ModeSetuid | os.ModeSetgid | 0o755,
		"p": os.ModeNamedPipe | 0o622, "l": os.ModeSymlink | 0o777,
	} {
		info, err := os.Lstat(filepath.Join(target, name))
		if err != nil || info.Mode() != want || info.ModTime().Unix() != 86400 {
			t.Errorf("%s: %v, %v, want %v of 86400", name, info, err, want)
		}
	}
	check()
}

// FuzzUnpack holds that nothing is made or changed outside of the target, and
// that what is unpacked is what Files tells.
func FuzzUnpack(f *testing.F) {
	for _, data := range escapes("/tmp/kguest-outside") {
		f.Add(data)
	}
	f.Add(newc(hard("a", "", 1, 2), hard("b", "1", 1, 2), entry{name: "s", mode: archive.TypeSocket | 0o600}))
	limits := archive.Limits{Entries: 100, Text: 1 << 16, Window: 1 << 20}
	f.Fuzz(func(t *testing.T, data []byte) {
		im, err := New("image", bytes.NewReader(data), int64(len(data)), limits)
		if err != nil {
			return
		}
		files := im.Files()
		total := int64(0)
		for _, file := range files {
			total += file.Size
		}
		if total > 1<<20 {
			return
		}
		target, check := jail(t)
		done, err := im.Unpack(target, UnpackOptions{})
		if err == nil && done.Files+len(done.Warnings) != len(files) {
			t.Errorf("unpacked %d and warned of %d, want %d", done.Files, len(done.Warnings), len(files))
		}
		check()
	})
}
