package hostfile

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"testing"
	"testing/iotest"

	"golang.org/x/sys/unix"
)

// TestIrregular: each was waited for or read until somebody ended the program.
func TestIrregular(t *testing.T) {
	dir := t.TempDir()
	fifo, socket := filepath.Join(dir, "fifo"), filepath.Join(dir, "socket")
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for name, want := range map[string]string{
		fifo:        "open " + fifo + ": a named pipe, not a regular file",
		dir:         "open " + dir + ": a folder, not a regular file",
		"/dev/zero": "open /dev/zero: a device, not a regular file",
	} {
		if _, _, err := Open(name); err == nil || err.Error() != want {
			t.Errorf("Open(%s) = %v, want %s", name, err, want)
		}
		if _, err := Read(name, 10); err == nil || err.Error() != want {
			t.Errorf("Read(%s) = %v, want %s", name, err, want)
		}
	}
	if _, _, err := Open(socket); !errors.Is(err, unix.ENXIO) {
		t.Errorf("Open(socket) = %v, want %v", err, unix.ENXIO)
	}
}

func TestRead(t *testing.T) {
	name := filepath.Join(t.TempDir(), "file")
	for _, size := range []int{0, 1, 511, 512, 513, 70000} {
		content := bytes.Repeat([]byte("x"), size)
		if err := os.WriteFile(name, content, 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := Read(name, int64(size)); err != nil || !bytes.Equal(got, content) {
			t.Errorf("Read of %d bytes = %d bytes, %v", size, len(got), err)
		}
		if _, err := Read(name, int64(size)-1); err == nil {
			t.Errorf("Read of %d bytes with a limit of %d: no error", size, size-1)
		}
		if got, err := ReadInto(name, int64(size), make([]byte, 513)); err != nil || !bytes.Equal(got, content) {
			t.Errorf("ReadInto of %d bytes = %d bytes, %v", size, len(got), err)
		}
		if got, err := ReadString(name, int64(size)); err != nil || got != string(content) {
			t.Errorf("ReadString of %d bytes = %d bytes, %v", size, len(got), err)
		}
		if _, err := ReadString(name, int64(size)-1); err == nil {
			t.Errorf("ReadString of %d bytes with a limit of %d: no error", size, size-1)
		}
	}
	if got, err := Read("/proc/self/cmdline", 1<<16); err != nil || len(got) == 0 {
		t.Errorf("Read(/proc/self/cmdline) = %q, %v", got, err)
	}
	if got, err := ReadString("/proc/self/cmdline", 1<<16); err != nil || got == "" {
		t.Errorf("ReadString(/proc/self/cmdline) = %q, %v", got, err)
	}
	if _, err := ReadString("/proc/self/maps", 1); err == nil {
		t.Error("ReadString(/proc/self/maps) with a limit of 1: no error")
	}
	if _, err := Read(filepath.Join(t.TempDir(), "none"), 1); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Read of none = %v, want %v", err, fs.ErrNotExist)
	}
}

func TestSHA256(t *testing.T) {
	name := filepath.Join(t.TempDir(), "file")
	for _, size := range []int{0, 1, bufferSize - 1, bufferSize, bufferSize + 1, 5*bufferSize + 7} {
		content := bytes.Repeat([]byte("xyz"), size/3+1)[:size]
		if err := os.WriteFile(name, content, 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := SHA256(name); err != nil || got != sha256.Sum256(content) {
			t.Errorf("SHA256 of %d bytes = %x, %v, want %x", size, got, err, sha256.Sum256(content))
		}
	}
	if _, err := SHA256(t.TempDir()); err == nil {
		t.Error("SHA256 of a folder: no error")
	}
	broken := errors.New("broken")
	if _, err := Sum(io.MultiReader(bytes.NewReader([]byte("x")), iotest.ErrReader(broken))); !errors.Is(err, broken) {
		t.Errorf("Sum of what cannot be read = %v, want %v", err, broken)
	}
}
