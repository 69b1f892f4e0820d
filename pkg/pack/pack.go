// Package pack writes the disks that a guest boots from: the image's files,
// and the configuration beside them. The work is done by the distribution's
// own tools (squashfs-tools, erofs-utils, e2fsprogs), none of which needs root.
package pack

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/kguest/kguest/pkg/scratch"
)

// Formats of a disk.
const (
	Squashfs = "squashfs"
	Erofs    = "erofs"
	Ext4     = "ext4"
)

// Options of a disk; the zero value is a squashfs with lz4hc, all owned by root.
type Options struct {
	Format string // default Squashfs
	// Compression of a squashfs: lz4 (the high-compression variant, default),
	// gzip, zstd, xz or none. An erofs knows lz4 and none (default), an ext4 none.
	Compression string
	Label       string // ext4 only, at most 16 bytes
	// KeepOwners keeps the owners that the files have here. An ext4 always does.
	KeepOwners bool
	// Attrs are set in the image, not here. Squashfs only.
	Attrs []Attr
}

// Attr is the mode and owner of one file.
type Attr struct {
	Path     string // from the root of the image, without a leading slash
	Mode     fs.FileMode
	UID, GID uint32
}

// Image writes the files below root into a disk image out. It is made beside
// out and renamed: out is complete, or as it was before.
func Image(ctx context.Context, root, out string, o Options) error {
	if info, err := os.Stat(root); err != nil {
		return fmt.Errorf("pack %s: %w", out, err)
	} else if !info.IsDir() {
		return fmt.Errorf("pack %s: %s: is no directory", out, root)
	}
	if info, err := os.Stat(out); err == nil && !info.Mode().IsRegular() {
		return fmt.Errorf("pack %s: exists and is no regular file", out)
	}
	work, err := scratch.Make(filepath.Dir(out), workPrefix)
	if err != nil {
		return fmt.Errorf("pack %s: make a folder in %s: %w", out, filepath.Dir(out), cause(err))
	}
	defer work.Remove() //nolint:errcheck // nothing is lost with it
	tmp := filepath.Join(work.Path, filepath.Base(out))
	if err := makeImage(ctx, root, tmp, o); err != nil {
		return fmt.Errorf("pack %s: %w", out, err)
	}
	if err := os.Rename(tmp, out); err != nil {
		return fmt.Errorf("pack %s: %w", out, err)
	}
	return nil
}

// Files writes a squashfs with the given files, mode 0644, and the directories
// that lead to them. Paths are relative and stay inside.
func Files(ctx context.Context, out string, files map[string][]byte) error {
	dir, err := os.MkdirTemp("", "pack-*")
	if err != nil {
		return fmt.Errorf("pack %s: %w", out, err)
	}
	defer os.RemoveAll(dir) //nolint:errcheck // nothing is lost with a temporary directory
	if err := os.Chmod(dir, 0o755); err != nil {
		return fmt.Errorf("pack %s: %w", out, err)
	}
	for name, content := range files {
		if !filepath.IsLocal(name) {
			return fmt.Errorf("pack %s: path %q leads out of the disk", out, name)
		}
		path := filepath.Join(dir, name)
		err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, content, 0o644))
		if err != nil {
			return fmt.Errorf("pack %s: %w", out, err)
		}
	}
	return Image(ctx, dir, out, Options{})
}

// run runs a tool; its own words are part of the error.
func run(ctx context.Context, debianPackage, tool string, args ...string) error {
	path, err := find(tool)
	if err != nil {
		return fmt.Errorf("%s is not installed (Debian package %s)", tool, debianPackage)
	}
	cmd := exec.CommandContext(ctx, path, args...)
	var words bytes.Buffer
	cmd.Stderr, cmd.Stdout = &words, &words
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w: %s", tool, err, strings.ReplaceAll(strings.TrimSpace(words.String()), "\n", "; "))
	}
	return nil
}

// find looks along PATH and then where users other than root do not look.
func find(tool string) (string, error) {
	path, err := exec.LookPath(tool)
	if err == nil {
		return path, nil
	}
	return exec.LookPath(filepath.Join("/usr/sbin", tool))
}
