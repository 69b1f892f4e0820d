package pack

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// layersImage returns the folder of .ci/image-layers.
func layersImage(t *testing.T) string {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root: owners and devices are compared as unsquashfs and umoci restore them")
	}
	script, err := filepath.Abs("../../.ci/image-layers")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), script)
	var words bytes.Buffer
	cmd.Stderr = &words
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", script, err, words.String())
	}
	return strings.TrimSpace(string(out))
}

// listing describes every file below root, by path: all that a disk is to keep.
func listing(t *testing.T, root string) map[string]string {
	t.Helper()
	list := map[string]string{}
	first := map[uint64]string{}
	err := filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		list[name], err = describe(path, name, first)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func describe(path, name string, first map[uint64]string) (string, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return "", err
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return "", fmt.Errorf("no stat of %s", path)
	}
	line := fmt.Sprintf("%v %d:%d %d", info.Mode(), st.Uid, st.Gid, st.Mtim.Sec)
	if st.Nlink > 1 && !info.IsDir() {
		if first[st.Ino] == "" {
			first[st.Ino] = name
		}
		line += fmt.Sprintf(" %d links, %s", st.Nlink, first[st.Ino])
	}
	switch {
	case info.Mode().IsRegular():
		sum, err := sumOf(path)
		if err != nil {
			return "", err
		}
		line += fmt.Sprintf(" %d %s", info.Size(), sum)
	case info.Mode().Type() == fs.ModeSymlink:
		target, err := os.Readlink(path)
		if err != nil {
			return "", err
		}
		line += " -> " + target
	case info.Mode()&fs.ModeDevice != 0:
		line += fmt.Sprintf(" %d/%d", unix.Major(st.Rdev), unix.Minor(st.Rdev))
	}
	attrs, err := attributes(path)
	return line + attrs, err
}

func attributes(path string) (string, error) {
	buf := make([]byte, 64<<10)
	n, err := unix.Llistxattr(path, buf)
	if err != nil {
		return "", err
	}
	line := ""
	for name := range strings.FieldsFuncSeq(string(buf[:n]), func(r rune) bool { return r == 0 }) {
		value := make([]byte, 64<<10)
		n, err := unix.Lgetxattr(path, name, value)
		if err != nil {
			return "", err
		}
		line += fmt.Sprintf(" %s=%q", name, value[:n])
	}
	return line, nil
}

func sumOf(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	_, err = io.Copy(h, f)
	return hex.EncodeToString(h.Sum(nil)), err
}

// mounted mounts a disk by this machine's kernel, which is no code of ours.
func mounted(t *testing.T, disk, format string) string {
	t.Helper()
	dir := t.TempDir()
	out, err := exec.CommandContext(t.Context(), "mount", "-t", format, "-o", "loop,ro", disk, dir).CombinedOutput()
	if err != nil {
		t.Skipf("needs a kernel with %s, and loop devices: %s", format, out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", dir).CombinedOutput(); err != nil {
			t.Errorf("umount: %v: %s", err, out)
		}
	})
	return dir
}

func TestDebianAsUmoci(t *testing.T) {
	dir := layersImage(t)
	want := listing(t, filepath.Join(dir, "bundle/rootfs"))
	for _, format := range []string{Squashfs, Erofs} {
		r, err := Pack(t.Context(), Request{Source: "oci:" + dir + "/oci:debian", Dir: t.TempDir(), Format: format})
		if err != nil {
			t.Fatal(err)
		}
		if format == Erofs {
			output(t, "fsck.erofs", r.Image)
		}
		if diff := cmp.Diff(want, listing(t, mounted(t, r.Image, format))); diff != "" {
			t.Errorf("%s (-umoci +kguest), of %d files:\n%s", format, len(want), diff)
		}
	}
}
