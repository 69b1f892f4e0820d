package inspect

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestForeignUnpack compares the unpacked files with those that cpio unpacks.
func TestForeignUnpack(t *testing.T) {
	dir := foreignImages(t)
	for name := range foreignNames {
		tmp := t.TempDir()
		ours, theirs, raw := filepath.Join(tmp, "ours"), filepath.Join(tmp, "theirs"), filepath.Join(tmp, "raw")
		im := openImage(t, filepath.Join(dir, name))
		if done, err := im.Unpack(ours, UnpackOptions{Root: true}); err != nil || len(done.Warnings) > 0 {
			t.Errorf("Unpack(%s) = %+v, %v", name, done, err)
			continue
		}
		if err := errors.Join(os.Mkdir(theirs, 0o755), os.WriteFile(raw, rawArchive(t, dir, name), 0o600)); err != nil {
			t.Fatal(err)
		}
		output(t, raw, theirs, "cpio", "-idm", "--quiet", "--no-absolute-filenames")
		compareTrees(t, name, theirs, ours)
	}
}

func compareTrees(t *testing.T, name, want, got string) {
	t.Helper()
	w, g := snapshot(t, want), snapshot(t, got)
	if diff := cmp.Diff(w, g); diff != "" {
		t.Errorf("%s unpacked (-want +got):\n%s", name, diff)
	}
	if len(w) < 10 {
		t.Errorf("%s: %d files, want more", name, len(w))
	}
}

// snapshot describes every path below root but root itself.
func snapshot(t testing.TB, root string) map[string]string {
	t.Helper()
	list := make(map[string]string)
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil || name == root {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		list[rel], err = describe(name, info)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// describe tells mode, owner, links, time and content. The time of a folder is
// left out: cpio sets it before it puts files in.
func describe(name string, info fs.FileInfo) (string, error) {
	s := info.Mode().String() + " " + ownerLinks(info)
	switch {
	case info.Mode().IsRegular():
		f, err := os.Open(name)
		if err != nil {
			return "", err
		}
		defer f.Close()
		h := sha256.New()
		_, err = io.Copy(h, f)
		return fmt.Sprintf("%s %d %x", s, info.ModTime().Unix(), h.Sum(nil)), err
	case info.Mode()&fs.ModeSymlink != 0:
		target, err := os.Readlink(name)
		return s + " -> " + target, err
	}
	return s, nil
}

// TestForeignEarly reads a microcode archive before the image's own.
func TestForeignEarly(t *testing.T) {
	dir := foreignImages(t)
	name := filepath.Join(dir, "debian-early.img")
	im := openImage(t, name)
	listed, err := os.ReadFile(name + ".lsinitramfs")
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Split(strings.TrimSpace(string(listed)), "\n")
	var got []string
	for _, f := range im.EntryFiles() {
		got = append(got, f.Path)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("lsinitramfs (-want +got):\n%s", diff)
	}
	code, err := im.ReadFile("kernel/x86/microcode/GenuineIntel.bin", 100)
	if err != nil || string(code) != "no microcode\n" {
		t.Errorf("microcode = %q, %v", code, err)
	}
	tmp := t.TempDir()
	ours, theirs := filepath.Join(tmp, "ours"), filepath.Join(tmp, "theirs")
	if _, err := im.Unpack(ours, UnpackOptions{Root: true}); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(filepath.Join(dir, "bin", "unmkinitramfs"), name, theirs).CombinedOutput(); err != nil {
		t.Fatalf("unmkinitramfs: %v: %s", err, out)
	}
	both := snapshot(t, filepath.Join(theirs, "early"))
	maps.Copy(both, snapshot(t, filepath.Join(theirs, "main")))
	if diff := cmp.Diff(both, snapshot(t, ours)); diff != "" {
		t.Errorf("unmkinitramfs (-want +got):\n%s", diff)
	}
}

// TestForeignDiff: the compression makes no difference, and what dracut and
// initramfs-tools make differs as diff(1) finds it to.
func TestForeignDiff(t *testing.T) {
	dir := foreignImages(t)
	gz, xz := openImage(t, filepath.Join(dir, "debian-early.img")), openImage(t, filepath.Join(dir, "dracut.img"))
	if changes, err := Diff(gz, gz); err != nil || len(changes) > 0 {
		t.Errorf("Diff with itself = %+v, %v, want none", changes, err)
	}
	changes, err := Diff(gz, xz)
	if err != nil {
		t.Fatal(err)
	}
	kinds := make(map[string]ChangeKind)
	for _, c := range changes {
		kinds[c.Path] = c.Kind
	}
	tmp := t.TempDir()
	trees := make([]map[string]string, 2)
	for i, im := range []*Image{gz, xz} {
		to := filepath.Join(tmp, fmt.Sprint(i))
		if _, err := im.Unpack(to, UnpackOptions{Root: true}); err != nil {
			t.Fatal(err)
		}
		trees[i] = snapshot(t, to)
	}
	if diff := cmp.Diff(treeDiff(trees[0], trees[1]), kinds); diff != "" {
		t.Errorf("Diff (-want +got):\n%s", diff)
	}
}

// treeDiff compares two snapshots, the times of files passed over.
func treeDiff(a, b map[string]string) map[string]ChangeKind {
	kinds := make(map[string]ChangeKind)
	for name, was := range a {
		switch is, ok := b[name]; {
		case !ok:
			kinds[name] = Removed
		case withoutTime(was) != withoutTime(is):
			kinds[name] = Changed
		}
	}
	for name := range b {
		if _, ok := a[name]; !ok {
			kinds[name] = Added
		}
	}
	return kinds
}

// withoutTime cuts the third of the fields of a regular file.
func withoutTime(s string) string {
	fields := strings.Fields(s)
	if strings.HasPrefix(s, "-") || strings.HasPrefix(s, "u") {
		fields = slices.Delete(fields, 2, 3)
	}
	return strings.Join(fields, " ")
}
