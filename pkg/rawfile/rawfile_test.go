package rawfile

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestRead(t *testing.T) {
	const limit = 4 * mapMost
	path := filepath.Join(t.TempDir(), "file")
	for _, size := range []int{0, 1, usual, usual + 1, 4096, mapMost, mapMost + 1, limit, limit + 1} {
		want := bytes.Repeat([]byte("0123456789abcde\n"), size/16+1)[:size]
		must(t, os.WriteFile(path, want, 0o600))
		got, err := Read(path, limit)
		if size > limit {
			if err == nil || !strings.HasSuffix(err.Error(), "larger than 65536 bytes") {
				t.Errorf("Read of %d bytes = %v, want it refused", size, err)
			}
			continue
		}
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("Read of %d bytes = %d bytes, %v", size, len(got), err)
		}
	}
}

// TestReadKernel has files of which the size says nothing.
func TestReadKernel(t *testing.T) {
	for _, path := range []string{"/proc/self/cmdline", "/proc/cpuinfo", "/sys/kernel/mm/transparent_hugepage/enabled", "/proc/self/mountinfo"} {
		want, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		must(t, err)
		got, err := Read(path, 1<<20)
		if err != nil || len(got) == 0 || len(got) < len(want)/2 {
			t.Errorf("Read(%s) = %d bytes, %v, want some %d", path, len(got), err, len(want))
		}
	}
	if _, err := Read("/proc/self/maps", 10); err == nil || err.Error() != "read /proc/self/maps: larger than 10 bytes" {
		t.Errorf("Read of more than the limit = %v", err)
	}
}

func TestReadRefused(t *testing.T) {
	dir := t.TempDir()
	fifo := filepath.Join(dir, "fifo")
	must(t, syscall.Mkfifo(fifo, 0o600))
	time.AfterFunc(10*time.Second, func() { // a Read that waits for the writer
		if f, err := os.OpenFile(fifo, os.O_WRONLY|syscall.O_NONBLOCK, 0); err == nil {
			_ = f.Close()
		}
	})
	for path, want := range map[string]string{
		fifo:         "read " + fifo + ": not a regular file (a FIFO)",
		"/dev/null":  "read /dev/null: not a regular file (a device)",
		dir:          "read " + dir + ": not a regular file (a directory)",
		dir + "/no":  "open " + dir + "/no: no such file or directory",
		dir + "/a/b": "open " + dir + "/a/b: no such file or directory",
	} {
		if got, err := Read(path, 10); got != nil || err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("Read(%s) = %q, %v, want %s", path, got, err, want)
		}
	}
}

// TestMappedShorter: a file that has lost the pages that were mapped is no crash.
func TestMappedShorter(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	must(t, os.WriteFile(path, []byte("short"), 0o600))
	f, err := open(path, 0)
	must(t, err)
	defer f.close()
	if got, ok := f.mapped(2 * os.Getpagesize()); ok {
		t.Errorf("mapped of a page beyond the end = %d bytes, want none", len(got))
	}
	if got, ok := f.mapped(5); !ok || string(got) != "short" {
		t.Errorf("mapped after it = %q, %v", got, ok)
	}
}

func TestHead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	content := strings.Repeat("x", 3000) + "end"
	must(t, os.WriteFile(path, []byte(content), 0o600))
	f, err := os.Open(path)
	must(t, err)
	defer f.Close()
	for _, most := range []int{1, 2048, len(content), len(content) + 1, 2 * mapMost} {
		want := content[:min(most, len(content))]
		if got, err := Head(path, most); err != nil || string(got) != want {
			t.Errorf("Head(%d) = %d bytes, %v, want %d", most, len(got), err, len(want))
		}
		if got, err := HeadFD(int(f.Fd()), path, most); err != nil || string(got) != want {
			t.Errorf("HeadFD(%d) = %d bytes, %v, want %d", most, len(got), err, len(want))
		}
	}
	if got, err := Head("/dev/zero", 10); err != nil || !bytes.Equal(got, make([]byte, 10)) {
		t.Errorf("Head of a device = %q, %v", got, err)
	}
	kernel, err := os.Open("/proc/self/status")
	must(t, err)
	defer kernel.Close()
	if got, err := HeadFD(int(kernel.Fd()), "status", 5); err != nil || string(got) != "Name:" {
		t.Errorf("HeadFD of a file of the kernel's = %q, %v, want Name:", got, err)
	}
}

func TestWrite(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	must(t, os.WriteFile(path, []byte("old"), 0o600))
	must(t, Write(path, "new"))
	if got, err := os.ReadFile(path); err != nil || string(got) != "new" {
		t.Errorf("written: %q, %v, want new", got, err)
	}
	for path, op := range map[string]string{path + "/x": "open", t.TempDir(): "open", "/dev/full": "write"} {
		err := Write(path, "x")
		var perr *fs.PathError
		if !errors.As(err, &perr) || perr.Op != op || perr.Path != path {
			t.Errorf("Write(%s) = %v, want an error of %s", path, err, op)
		}
	}
}

func TestWriteEach(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	must(t, os.WriteFile(path, nil, 0o600))
	must(t, WriteEach(path, []string{"a", "b"}, func(error) bool { return false }))
	if got, err := os.ReadFile(path); err != nil || string(got) != "ab" {
		t.Errorf("written: %q, %v, want ab", got, err)
	}
	for ignored, want := range map[bool][]error{false: {syscall.ENOSPC}, true: {syscall.ENOSPC, syscall.ENOSPC}} {
		var got []error
		err := WriteEach("/dev/full", []string{"a", "b"}, func(err error) bool {
			got = append(got, err)
			return ignored
		})
		if !slices.Equal(got, want) || (err == nil) != ignored {
			t.Errorf("WriteEach to a full device, errors ignored %v: %v, was asked of %v, want %v", ignored, err, got, want)
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
