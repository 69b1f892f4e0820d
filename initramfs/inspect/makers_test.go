package inspect

import (
	"bytes"
	"errors"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/kguest/kguest/initramfs/inspect/archive"
)

// sampleTree makes a folder with every kind of file that this user may make.
func sampleTree(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	at := func(name string) string { return filepath.Join(root, name) }
	errs := []error{
		os.MkdirAll(at("bin/deep"), 0o755),
		os.WriteFile(at("bin/one"), []byte("linked"), 0o755),
		os.Link(at("bin/one"), at("bin/deep/two")),
		os.Link(at("bin/one"), at("three")),
		os.WriteFile(at("empty"), nil, 0o600),
		os.Link(at("empty"), at("empty2")),
		os.WriteFile(at("big"), bytes.Repeat([]byte("0123456789"), 50_001), 0o644),
		os.WriteFile(at("su"), []byte("x"), 0o755),
		os.Chmod(at("su"), 0o755|os.ModeSetuid),
		os.WriteFile(at("wide ☃ \\ \x1b \xff"), []byte("abc"), 0o644),
		os.Symlink("bin/one", at("init")),
		os.Symlink("/nowhere", at("dangling")),
		unix.Mkfifo(at("pipe"), 0o640),
		os.Chmod(at("bin/deep"), 0o755|os.ModeSticky),
	}
	if os.Getuid() == 0 {
		errs = append(errs, unix.Mknod(at("null"), unix.S_IFCHR|0o666, int(unix.Mkdev(1, 3))), os.Chown(at("big"), 70000, 1234))
	}
	old := time.Unix(1_000_000_000, 0)
	for _, name := range []string{"big", "empty", "su", "three"} {
		errs = append(errs, os.Chtimes(at(name), old, old))
	}
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	return root
}

// makers are commands, run in a folder, that print it as an archive.
var makers = map[string]string{
	"cpio newc":   "find . | cpio -o -H newc --quiet",
	"cpio crc":    "find . | cpio -o -H crc --quiet",
	"bsdtar newc": "bsdtar -cf - --format newc .",
	"in reverse":  "find . -depth | sort -r | tac | cpio -o -H newc --quiet --reproducible",
}

// TestMakers unpacks what GNU cpio and bsdtar made of a folder, and compares
// it with that.
func TestMakers(t *testing.T) {
	root := sampleTree(t)
	want := snapshot(t, root)
	for name, command := range makers {
		cmd := exec.Command("sh", "-c", command)
		cmd.Dir = root
		cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8")
		data, err := cmd.Output()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		im := image(t, data)
		if wantFormat := map[bool]archive.Format{true: archive.CRC, false: archive.Newc}[strings.HasSuffix(name, "crc")]; im.Segments[0].Format != wantFormat {
			t.Errorf("%s: format %s, want %s", name, im.Segments[0].Format, wantFormat)
		}
		to := filepath.Join(t.TempDir(), "to")
		if done, err := im.Unpack(to, UnpackOptions{Root: os.Getuid() == 0}); err != nil || len(done.Warnings) > 0 {
			t.Errorf("%s: Unpack = %+v, %v", name, done, err)
			continue
		}
		if diff := cmp.Diff(want, snapshot(t, to)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		listed := strings.Split(strings.TrimSpace(string(outputOf(t, data, "cpio", "-t", "--quiet"))), "\n")
		if len(listed) != len(im.Entries) {
			t.Errorf("%s: %d entries, cpio -t has %d", name, len(im.Entries), len(listed))
		}
		tarred := strings.Count(string(outputOf(t, data, "bsdtar", "-tf", "-")), "\n")
		if tarred != len(im.Entries) {
			t.Errorf("%s: %d entries, bsdtar -tf has %d", name, len(im.Entries), tarred)
		}
		if got := slices.Collect(maps.Keys(want)); len(got)+1 != len(im.Files()) { // and "."
			t.Errorf("%s: %d files, want %d", name, len(im.Files()), len(got)+1)
		}
	}
}

func outputOf(t *testing.T, input []byte, program string, args ...string) []byte {
	t.Helper()
	cmd := exec.Command(program, args...)
	cmd.Stdin = bytes.NewReader(input)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v", program, err)
	}
	return out
}
