package inroot

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

func TestOpenAt(t *testing.T) {
	base := t.TempDir()
	root := filepath.Join(base, "root")
	must(t, os.MkdirAll(root+"/usr/etc", 0o755))
	must(t, os.WriteFile(root+"/usr/etc/file", []byte("inside"), 0o600))
	must(t, os.WriteFile(base+"/file", []byte("outside"), 0o600))
	for link, target := range map[string]string{
		"absolute": "/usr/etc", "up": "../../usr/etc", "chain": "absolute", "out": base, "climb": "../file", "loop": "loop", "dangling": "/none",
	} {
		must(t, os.Symlink(target, filepath.Join(root, link)))
	}
	dir, err := Open(root)
	must(t, err)
	defer dir.Close()
	tests := []struct {
		path string
		want error // nil for the file inside
	}{
		{"usr/etc/file", nil},
		{"/usr/etc/file", nil},
		{"../../usr/etc/file", nil},
		{"absolute/file", nil},
		{"up/file", nil},
		{"chain/file", nil},
		{"out/file", fs.ErrNotExist},
		{"climb", fs.ErrNotExist},
		{"loop", syscall.ELOOP},
		{"dangling", fs.ErrNotExist},
	}
	for _, tt := range tests {
		fd, err := dir.OpenAt(tt.path, syscall.O_RDONLY)
		checkOpened(t, tt.path, fd, err, tt.want)
		fd, err = OpenBelow(root, tt.path, syscall.O_RDONLY)
		checkOpened(t, tt.path, fd, err, tt.want)
	}
}

// checkOpened wants an error, or the file inside.
func checkOpened(t *testing.T, path string, fd int, err, want error) {
	t.Helper()
	if want != nil {
		if !errors.Is(err, want) {
			t.Errorf("open %s = %v, want %v", path, err, want)
		}
		return
	}
	must(t, err)
	buf := make([]byte, 10)
	n, err := syscall.Read(fd, buf)
	if err != nil || string(buf[:n]) != "inside" {
		t.Errorf("open %s: %q, %v, want the file inside", path, buf[:n], err)
	}
	must(t, syscall.Close(fd))
}

func TestOpenErrors(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	must(t, os.WriteFile(file, nil, 0o600))
	for path, want := range map[string]error{file: syscall.ENOTDIR, file + ".none": fs.ErrNotExist} {
		if _, err := Open(path); !errors.Is(err, want) {
			t.Errorf("Open(%s) = %v, want %v", path, err, want)
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
