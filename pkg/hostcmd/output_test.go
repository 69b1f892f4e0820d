package hostcmd

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestWriteFile(t *testing.T) {
	dir := t.TempDir()
	for _, base := range []string{"x", strings.Repeat("x", 255)} {
		name := filepath.Join(dir, base)
		for _, body := range []string{"first", "2nd"} {
			size, err := writeFile(name, func(w io.Writer) error {
				_, err := io.WriteString(w, body)
				return err
			})
			if err != nil || size != int64(len(body)) {
				t.Errorf("writeFile(%d letters) = %d, %v, want %d", len(base), size, err, len(body))
			}
			if got, err := os.ReadFile(name); string(got) != body || err != nil {
				t.Errorf("file = %q, %v, want %q", got, err, body)
			}
		}
	}
	if left := snapshot(t, dir); len(left) != 3 {
		t.Errorf("folder has %q, want two files", left)
	}
}

func TestWriteFileFails(t *testing.T) {
	dir := t.TempDir()
	name := write(t, filepath.Join(dir, "x"), "before")
	before := snapshot(t, dir)
	want := errors.New("no more")
	_, err := writeFile(name, func(w io.Writer) error {
		if _, err := io.WriteString(w, "half"); err != nil {
			return err
		}
		return want
	})
	if !errors.Is(err, want) {
		t.Errorf("writeFile = %v, want %v", err, want)
	}
	if after := snapshot(t, dir); strings.Join(after, "\n") != strings.Join(before, "\n") {
		t.Errorf("folder = %q, want %q", after, before)
	}
}

// What is renamed away while it is written is told, not lost.
func TestWriteFileFolderGone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "dir")
	name := write(t, filepath.Join(dir, "x"), "")
	_, err := writeFile(name, func(io.Writer) error { return os.RemoveAll(dir) })
	if err == nil || strings.Contains(err.Error(), "\n") {
		t.Errorf("writeFile(folder gone) = %v, want one line", err)
	}
}
