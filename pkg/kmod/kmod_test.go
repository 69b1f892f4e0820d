package kmod

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestReadOrder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "order")
	tests := []struct {
		content string
		want    []Module
		err     string
	}{
		{"", nil, ""},
		{"\n\n", nil, ""},
		{"/a.ko\n/b.ko\n", []Module{{"/a.ko", ""}, {"/b.ko", ""}}, ""},
		{"/b.ko\n\n/a.ko", []Module{{"/b.ko", ""}, {"/a.ko", ""}}, ""},
		{"/a.ko\n/a.ko\n", []Module{{"/a.ko", ""}, {"/a.ko", ""}}, ""},
		{"/a.ko a=1 b=\"c  d\"\n/b.ko e", []Module{{"/a.ko", "a=1 b=\"c  d\""}, {"/b.ko", "e"}}, ""},
		{" /a.ko\n", nil, path + `: " /a.ko": not an absolute path`},
		{"/a.ko\nb.ko\n", nil, path + `: "b.ko": not an absolute path`},
		{"\x00\n", nil, path + `: "\x00": not an absolute path`},
	}
	for _, tt := range tests {
		if err := os.WriteFile(path, []byte(tt.content), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := ReadOrder(path)
		if diff := cmp.Diff(tt.want, got); diff != "" || errText(err) != tt.err {
			t.Errorf("ReadOrder(%q) = %v, want %q (-want +got):\n%s", tt.content, err, tt.err, diff)
		}
	}
	if got, err := ReadOrder(path + ".none"); got != nil || err != nil {
		t.Errorf("ReadOrder(none) = %v, %v, want none", got, err)
	}
	var perr *fs.PathError
	if _, err := ReadOrder(path + "/file"); !errors.As(err, &perr) {
		t.Errorf("ReadOrder below a file = %v, want an *fs.PathError", err)
	}
}

func TestName(t *testing.T) {
	for file, want := range map[string]string{
		"/lib/modules/6.1/kernel/drivers/block/virtio_blk.ko": "virtio_blk",
		"/x/xen-blkfront.ko": "xen_blkfront",
		"/x/a.b.ko":          "a.b",
		"crc32c-intel":       "crc32c_intel",
	} {
		if got := Name(file); got != want {
			t.Errorf("Name(%s) = %s, want %s", file, got, want)
		}
	}
}

func TestHint(t *testing.T) {
	tests := []struct {
		err  error
		want string
	}{
		{syscall.ENOEXEC, " (built for another kernel, or not a module)"},
		{&fs.PathError{Op: "open", Path: "/x", Err: syscall.ENOENT}, " (the file, or a symbol the module needs, is missing)"},
		{syscall.EKEYREJECTED, " (this kernel takes only modules signed for it)"},
		{syscall.ENOKEY, " (this kernel takes only modules signed for it)"},
		{syscall.EPERM, " (the caller is not root, or this kernel loads no modules, or none that is unsigned)"},
		{syscall.ENODEV, " (its hardware is not there)"},
		{syscall.EINVAL, ""},
	}
	for _, tt := range tests {
		if got := hint(tt.err); got != tt.want {
			t.Errorf("hint(%v) = %q, want %q", tt.err, got, tt.want)
		}
	}
}

// TestLoadErrors: the kernel refuses these whatever the privilege, one for its
// content and another for its lack; which error it has depends on that.
func TestLoadErrors(t *testing.T) {
	dir := t.TempDir()
	text, empty := filepath.Join(dir, "not-a-module.ko"), filepath.Join(dir, "empty.ko")
	for path, content := range map[string]string{text: "#!/bin/sh\n", empty: ""} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	tests := []struct {
		file, prefix string
	}{
		{text, "load module not_a_module: "},
		{empty, "load module empty: "},
		{filepath.Join(dir, "none.ko"), "load module none: open " + filepath.Join(dir, "none.ko") + ": no such file or directory (the file, "},
		{dir, "load module " + Name(dir) + ": "},
	}
	for _, tt := range tests {
		err := Module{File: tt.file}.Load()
		if err == nil || !strings.HasPrefix(err.Error(), tt.prefix) {
			t.Errorf("Module{%s}.Load() = %v, want %q...", tt.file, err, tt.prefix)
		}
	}
}

func errText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
