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
		if tt.want != nil {
			if !errors.Is(err, tt.want) {
				t.Errorf("OpenAt(%s) = %v, want %v", tt.path, err, tt.want)
			}
			continue
		}
		must(t, err)
		buf := make([]byte, 10)
		n, err := syscall.Read(fd, buf)
		if err != nil || string(buf[:n]) != "inside" {
			t.Errorf("OpenAt(%s): %q, %v, want the file inside", tt.path, buf[:n], err)
		}
		must(t, syscall.Close(fd))
	}
}

func TestIsDir(t *testing.T) {
	root := t.TempDir()
	must(t, os.MkdirAll(root+"/a/b", 0o755))
	must(t, os.WriteFile(root+"/file", nil, 0o600))
	must(t, os.Symlink("a", root+"/link"))
	dir, err := Open(root)
	must(t, err)
	defer dir.Close()
	for path, want := range map[string]bool{
		"a": true, "a/b": true, ".": true, "file": false, "link": false, "link/b": false, "none": false, "..": false, "/a": false,
	} {
		if got := dir.IsDir(path); got != want {
			t.Errorf("IsDir(%s) = %v, want %v", path, got, want)
		}
	}
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
