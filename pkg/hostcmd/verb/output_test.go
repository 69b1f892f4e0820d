package verb

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestWriteFile(t *testing.T) {
	dir := t.TempDir()
	for _, base := range []string{"x", strings.Repeat("x", 255)} {
		name := filepath.Join(dir, base)
		for _, body := range []string{"first", "2nd"} {
			size, err := WriteFile(name, func(w io.Writer) error {
				_, err := io.WriteString(w, body)
				return err
			})
			if err != nil || size != int64(len(body)) {
				t.Errorf("WriteFile(%d letters) = %d, %v, want %d", len(base), size, err, len(body))
			}
			if got, err := os.ReadFile(name); string(got) != body || err != nil {
				t.Errorf("file = %q, %v, want %q", got, err, body)
			}
		}
	}
	if left := files(t, dir); len(left) != 2 {
		t.Errorf("folder has %q, want two files", left)
	}
}

func TestWriteFileFails(t *testing.T) {
	dir := t.TempDir()
	name := write(t, dir, "before")
	before := files(t, dir)
	want := errors.New("no more")
	_, err := WriteFile(name, func(w io.Writer) error {
		if _, err := io.WriteString(w, "half"); err != nil {
			return err
		}
		return want
	})
	if !errors.Is(err, want) {
		t.Errorf("writeFile = %v, want %v", err, want)
	}
	if after := files(t, dir); strings.Join(after, "\n") != strings.Join(before, "\n") {
		t.Errorf("folder = %q, want %q", after, before)
	}
}

// What a killed process left beside the file goes with the next that writes it.
func TestWriteFileAfterKill(t *testing.T) {
	dir := t.TempDir()
	left := filepath.Join(dir, ".mkinitramfs-"+rand.Text())
	if err := errors.Join(os.Mkdir(left, 0o700), os.WriteFile(filepath.Join(left, "file"), nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	during := 0
	_, err := WriteFile(filepath.Join(dir, "x"), func(io.Writer) error {
		entries, err := os.ReadDir(dir)
		during = len(entries)
		return err
	})
	if after := files(t, dir); err != nil || during != 1 || len(after) != 1 {
		t.Errorf("WriteFile = %v with %d entries in the folder, then %q, want one, then the file", err, during, after)
	}
}

// What is renamed away while it is written is told, not lost.
func TestWriteFileFolderGone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "dir")
	name := write(t, dir, "")
	_, err := WriteFile(name, func(io.Writer) error { return os.RemoveAll(dir) })
	if err == nil || strings.Contains(err.Error(), "\n") {
		t.Errorf("WriteFile(folder gone) = %v, want one line", err)
	}
}

// What the output cannot take is told of the output, not of what was written.
func TestFillFileNoSpace(t *testing.T) {
	f, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = fillFile("x.cpio", f, func(w io.Writer) error {
		_, err := io.WriteString(w, "body")
		return fmt.Errorf("-file a:/b: %w", err)
	})
	want := "write x.cpio: no space left on device; free space on its file system, or give another -o"
	if !errors.Is(err, syscall.ENOSPC) || err.Error() != want {
		t.Errorf("fillFile(/dev/full) = %v, want %s", err, want)
	}
}

// files returns the names and contents of the files in dir.
func files(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, e := range entries {
		body, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, e.Name()+" "+string(body))
	}
	return list
}

// write makes the file x in dir.
func write(t *testing.T, dir, body string) string {
	t.Helper()
	name := filepath.Join(dir, "x")
	if err := errors.Join(os.MkdirAll(dir, 0o755), os.WriteFile(name, []byte(body), 0o600)); err != nil {
		t.Fatal(err)
	}
	return name
}
