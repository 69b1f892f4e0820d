package initramfs

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/kguest/kguest/initramfs/compress"
	"github.com/kguest/kguest/initramfs/multicall"
)

// childSpec asks for what is in the working directory.
func childSpec() *Spec {
	return &Spec{
		Arch: "amd64", ModTime: 86400,
		Files: []File{
			{Host: "in", Guest: "/opt/in", From: "-file in:/opt/in"},
			{Host: "in/b", Guest: "/b", From: "-file in/b:/b"},
			{Kind: Text, Guest: "/etc/text", Data: []byte("text"), From: "-text"},
		},
	}
}

// writeChild writes the image of childSpec in every compression. The program
// stands for one that was compiled.
func writeChild(w io.Writer) error {
	s := childSpec()
	list := []program{{
		multicall.OwnProgram,
		[]multicall.Command{{Name: "kinit", Path: "example.com/kinit", From: "all"}},
		Bytes(bytes.Repeat([]byte("program"), 1<<18)),
	}}
	for _, c := range []Compression{None, compress.LZ4, compress.Zstd, compress.Gzip, "xz:0"} {
		t, err := s.tree(list, noModules(), nil)
		if err != nil {
			return err
		}
		l, err := t.layout()
		if err != nil {
			return err
		}
		if err := l.write(w, s.record("test"), c); err != nil {
			return err
		}
	}
	return nil
}

// input makes a folder "in" below dir, its files in the order given.
func input(t *testing.T, dir string, names []string) {
	t.Helper()
	if err := os.Mkdir(filepath.Join(dir, "in"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		file := filepath.Join(dir, "in", name)
		if err := os.WriteFile(file, bytes.Repeat([]byte(name[:1]), 1<<20), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(file, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(filepath.Join(dir, "in"), 0o755); err != nil {
		t.Fatal(err)
	}
}

// way is one of the ways to make the same image.
type way struct {
	uid, umask int
	procs      int
	names      []string
}

// digestOf returns the digest of the image made in that way, in a folder of
// its own.
func (w way) digestOf(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	input(t, dir, w.names)
	for up := dir; strings.HasPrefix(up, os.TempDir()+"/"); up = filepath.Dir(up) {
		if err := os.Chmod(up, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	err := filepath.WalkDir(dir, func(file string, _ fs.DirEntry, err error) error {
		if err != nil || os.Getuid() != 0 {
			return err
		}
		return os.Lchown(file, w.uid, w.uid)
	})
	if err != nil {
		t.Fatal(err)
	}
	self := filepath.Join(dir, "self")
	program, err := os.ReadFile("/proc/self/exe")
	if err == nil {
		err = os.WriteFile(self, program, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("/bin/sh", "-c", "umask "+strconv.FormatInt(int64(w.umask), 8)+"; exec ./self")
	cmd.Dir = dir
	cmd.Env = []string{childEnv + "=" + childWrite, "GOMAXPROCS=" + strconv.Itoa(w.procs), "TMPDIR=" + dir}
	if os.Getuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(w.uid), Gid: uint32(w.uid)}}
	}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, stderr.Bytes())
	}
	return fmt.Sprintf("%d bytes, %x", len(out), sha256.Sum256(out))
}

// Two folders, users, umasks, numbers of processors and orders of files: one
// digest.
func TestReproducible(t *testing.T) {
	names := []string{"a", "b", "c1", "c2", "d"}
	want := way{0, 0o022, 1, names}.digestOf(t)
	slices.Reverse(names)
	if got := (way{65534, 0o077, 4, names}).digestOf(t); got != want {
		t.Errorf("another folder, user, umask, GOMAXPROCS and order: %s, want %s", got, want)
	}
}
