package pack

import (
	"context"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// tree writes a small root with a link and an executable.
func tree(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	if err := os.Chmod(root, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(root, "bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "bin/tool \"x\""), []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("bin", filepath.Join(root, "link")); err != nil {
		t.Fatal(err)
	}
	return root
}

// output runs a tool of the distribution and returns what it prints.
func output(t *testing.T, tool string, args ...string) string {
	t.Helper()
	path, err := find(tool)
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), path, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", tool, err, out)
	}
	return string(out)
}

func TestImageSquashfs(t *testing.T) {
	for _, compression := range []string{"", "lz4", "gzip", "zstd", "xz", "none"} {
		t.Run("compression="+compression, func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "image")
			o := Options{
				Compression: compression,
				Attrs:       []Attr{{Path: `bin/tool "x"`, Mode: fs.ModeSetuid | 0o750, UID: 1000, GID: 100}},
			}
			if err := Image(t.Context(), tree(t), out, o); err != nil {
				t.Fatal(err)
			}
			listing := output(t, "unsquashfs", "-llnumeric", out)
			for _, want := range []string{"-rwsr-x--- 1000/100 ", "drwxr-xr-x 0/0 ", "lrwxrwxrwx 0/0 ", "/link -> bin"} {
				if !strings.Contains(listing, want) {
					t.Errorf("listing lacks %q:\n%s", want, listing)
				}
			}
			if compression != "" && compression != "none" {
				want := "Compression " + compression + "\n"
				if super := output(t, "unsquashfs", "-stat", out); !strings.Contains(super, want) {
					t.Errorf("superblock lacks %q:\n%s", want, super)
				}
			}
		})
	}
}

func TestImageErofs(t *testing.T) {
	for _, compression := range []string{"", "lz4"} {
		out := filepath.Join(t.TempDir(), "image")
		if err := Image(t.Context(), tree(t), out, Options{Format: Erofs, Compression: compression}); err != nil {
			t.Fatal(err)
		}
		output(t, "fsck.erofs", out)
	}
}

func TestImageExt4(t *testing.T) {
	root := tree(t)
	for name, size := range map[string]int{"big": 40 << 20, "small": 1} {
		if err := os.WriteFile(filepath.Join(root, name), make([]byte, size), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	out := filepath.Join(t.TempDir(), "image")
	if err := Image(t.Context(), root, out, Options{Format: Ext4, Label: "kguest image"}); err != nil {
		t.Fatal(err)
	}
	output(t, "e2fsck", "-fn", out)
	if super := output(t, "dumpe2fs", "-h", out); !strings.Contains(super, "Filesystem volume name:   kguest image\n") {
		t.Errorf("superblock lacks the label:\n%s", super)
	}
}

func TestFiles(t *testing.T) {
	out := filepath.Join(t.TempDir(), "disk")
	if err := Files(t.Context(), out, map[string][]byte{"a/b/c": []byte("deep"), "d": []byte("er")}); err != nil {
		t.Fatal(err)
	}
	if got := output(t, "unsquashfs", "-cat", out, "a/b/c", "d"); got != "deeper" {
		t.Errorf("disk has %q, want deeper", got)
	}
}

func TestErrors(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	image := func(root, out string, o Options) error { return Image(t.Context(), root, out, o) }
	out := filepath.Join(dir, "out")
	tests := []struct {
		name string
		err  error
		want string // with DIR for dir
	}{
		{"no root", image(filepath.Join(dir, "none"), out, Options{}), "pack DIR/out: stat DIR/none: no such file or directory"},
		{"root is a file", image(file, out, Options{}), "pack DIR/out: DIR/file: is no directory"},
		{"out is a directory", image(dir, dir, Options{}), "pack DIR: exists and is no regular file"},
		{"no directory for out", image(dir, filepath.Join(dir, "none/out"), Options{}), "pack DIR/none/out: make a folder in DIR/none: no such file"},
		{"format", image(dir, out, Options{Format: "xfs"}), `pack DIR/out: unknown format "xfs" (known: squashfs erofs ext4)`},
		{"compression", image(dir, out, Options{Compression: "lzo"}), `pack DIR/out: unknown compression "lzo" of a squashfs`},
		{"erofs", image(dir, out, Options{Format: Erofs, Compression: "xz"}), `pack DIR/out: unknown compression "xz" of an erofs`},
		{"ext4", image(dir, out, Options{Format: Ext4, Compression: "xz"}), `pack DIR/out: unknown compression "xz" of an ext4`},
		{"label", image(dir, out, Options{Label: "x"}), "pack DIR/out: a label is only for ext4"},
		{"attributes", image(dir, out, Options{Format: Ext4, Attrs: []Attr{{}}}), "pack DIR/out: attributes are only for squashfs"},
		{"a tool's own", image(dir, out, Options{Attrs: []Attr{{Path: "none"}}}), "pack DIR/out: set attributes: lstat DIR/none: "},
		{"a way out", Files(t.Context(), out, map[string][]byte{"../x": nil}), `pack DIR/out: path "../x" leads out of the disk`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.err == nil || !strings.HasPrefix(strings.ReplaceAll(tt.err.Error(), dir, "DIR"), tt.want) {
				t.Errorf("error %v, want %s", tt.err, tt.want)
			}
		})
	}
	t.Setenv("PATH", t.TempDir())
	err0 := image(dir, out, Options{})
	if want := "pack " + out + ": mksquashfs is not installed (Debian package squashfs-tools)"; err0 == nil || err0.Error() != want {
		t.Errorf("without the tool: %v, want %s", err0, want)
	}
	left, err := filepath.Glob(filepath.Join(dir, "*out*"))
	hidden, err2 := filepath.Glob(filepath.Join(dir, ".pack*"))
	if diff := cmp.Diff([]string(nil), append(left, hidden...)); diff != "" || err != nil || err2 != nil {
		t.Errorf("files left behind: %s", diff)
	}
}

func TestImageKeepsTheOldOne(t *testing.T) {
	out := filepath.Join(t.TempDir(), "image")
	if err := os.WriteFile(out, []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := Image(ctx, tree(t), out, Options{}); err == nil {
		t.Error("Image under a canceled context = nil, want an error")
	}
	if got, err := os.ReadFile(out); err != nil || string(got) != "old" {
		t.Errorf("after an error: %q, %v, want %q", got, err, "old")
	}
}

func TestBusyboxRoot(t *testing.T) {
	root := t.TempDir()
	if err := BusyboxRoot(t.Context(), "/bin/busybox", root); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"bin/sh", "usr/bin/env", "sbin/ip"} {
		if got, err := os.Readlink(filepath.Join(root, name)); err != nil || got != "/bin/busybox" {
			t.Errorf("%s leads to %q, %v, want /bin/busybox", name, got, err)
		}
	}
	if got := output(t, filepath.Join(root, "bin/busybox"), "echo", "up"); got != "up\n" {
		t.Errorf("busybox echo up = %q, want %q", got, "up\n")
	}
}
