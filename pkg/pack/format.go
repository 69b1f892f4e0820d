package pack

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Sizes of an ext4, in bytes.
const (
	ext4Block = 4096
	ext4Fixed = 8 << 20 // superblocks, group tables, lost+found
)

// makeImage writes root into the new file out.
func makeImage(ctx context.Context, root, out string, o Options) error {
	switch {
	case o.Label != "" && o.Format != Ext4:
		return errors.New("a label is only for ext4")
	case len(o.Attrs) > 0 && o.Format != Squashfs && o.Format != "":
		return errors.New("attributes are only for squashfs")
	}
	switch o.Format {
	case Squashfs, "":
		return makeSquashfs(ctx, root, out, o)
	case Erofs:
		return makeErofs(ctx, root, out, o)
	case Ext4:
		return makeExt4(ctx, root, out, o)
	default:
		return fmt.Errorf("unknown format %q (known: %s %s %s)", o.Format, Squashfs, Erofs, Ext4)
	}
}

func makeSquashfs(ctx context.Context, root, out string, o Options) error {
	format, err := squashfsFormat(o.Compression)
	if err != nil {
		return err
	}
	args := append([]string{root, out, "-noappend", "-quiet", "-no-progress"}, format...)
	switch {
	case len(o.Attrs) > 0:
		// -all-root would win over the attributes.
		definitions := out + ".pseudo"
		if err := writePseudo(definitions, root, o); err != nil {
			return err
		}
		args = append(args, "-pf", definitions)
	case !o.KeepOwners:
		args = append(args, "-all-root")
	}
	return run(ctx, "squashfs-tools", "mksquashfs", args...)
}

// writePseudo writes the definitions of mksquashfs(1) that set o.Attrs, and
// that give the rest below root to the user root unless o.KeepOwners. Of two
// definitions of one file mksquashfs takes the first.
func writePseudo(path, root string, o Options) error {
	var b strings.Builder
	for _, a := range o.Attrs {
		if _, err := os.Lstat(filepath.Join(root, a.Path)); err != nil {
			return fmt.Errorf("set attributes: %w", err)
		}
		b.WriteString(pseudo(a))
	}
	if !o.KeepOwners {
		if err := ownedByRoot(&b, root); err != nil {
			return err
		}
	}
	return os.WriteFile(path, []byte(b.String()), 0o644)
}

// ownedByRoot writes a definition for each file below root.
func ownedByRoot(b *strings.Builder, root string) error {
	return filepath.WalkDir(root, func(file string, entry os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, file)
		if name == "." {
			name = "/"
		}
		b.WriteString(pseudo(Attr{Path: name, Mode: info.Mode()}))
		return err
	})
}

// pseudo is the definition of a, a line.
func pseudo(a Attr) string {
	name := strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(a.Path)
	return fmt.Sprintf("\"%s\" m %o %d %d\n", name, unixMode(a.Mode), a.UID, a.GID)
}

// unixMode is the permission and set-id bits of mode as chmod(2) has them.
func unixMode(mode fs.FileMode) uint32 {
	bits := uint32(mode.Perm())
	for _, b := range []struct {
		mode fs.FileMode
		bit  uint32
	}{{fs.ModeSetuid, 0o4000}, {fs.ModeSetgid, 0o2000}, {fs.ModeSticky, 0o1000}} {
		if mode&b.mode != 0 {
			bits |= b.bit
		}
	}
	return bits
}

func makeErofs(ctx context.Context, root, out string, o Options) error {
	args := []string{"--quiet"}
	switch o.Compression {
	case "lz4":
		args = append(args, "-zlz4hc")
	case "", "none":
	default:
		return fmt.Errorf("unknown compression %q of an erofs (known: lz4 none)", o.Compression)
	}
	if !o.KeepOwners {
		args = append(args, "--all-root")
	}
	return run(ctx, "erofs-utils", "mkfs.erofs", append(args, out, root)...)
}

func makeExt4(ctx context.Context, root, out string, o Options) error {
	if o.Compression != "" && o.Compression != "none" {
		return fmt.Errorf("unknown compression %q of an ext4 (known: none)", o.Compression)
	}
	blocks, err := ext4Blocks(root)
	if err != nil {
		return err
	}
	// No journal: the guest mounts the image read-only.
	args := []string{"-q", "-b", strconv.Itoa(ext4Block), "-O", "^has_journal", "-m", "0", "-d", root}
	if o.Label != "" {
		args = append(args, "-L", o.Label)
	}
	return run(ctx, "e2fsprogs", "mkfs.ext4", append(args, out, strconv.FormatInt(blocks, 10))...)
}

// ext4Blocks is a size that the files below root fit into, with their inodes.
func ext4Blocks(root string) (int64, error) {
	blocks := int64(ext4Fixed / ext4Block)
	err := filepath.WalkDir(root, func(_ string, entry os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		blocks++ // its inode, its name, an extent
		if info.Mode().IsRegular() {
			blocks += (info.Size() + ext4Block - 1) / ext4Block
		}
		return nil
	})
	return blocks + blocks/8, err // an eighth for bitmaps and inode tables
}
