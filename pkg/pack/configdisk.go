package pack

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"strings"

	"github.com/erofs/go-erofs"

	own "github.com/kguest/kguest/pkg/pack/erofs"
	"github.com/kguest/kguest/pkg/pack/flatten"
)

// The files of a configuration disk.
const (
	imageConfigFile = "image/config.json"
	launchFile      = "launch.json"
	// maxConfigFile bounds each, in bytes.
	maxConfigFile = 8 << 20
)

// ConfigDisk is a configuration disk.
type ConfigDisk struct {
	Format      string // Squashfs or Erofs
	Compression string // see Options
	Image       []byte // image/config.json
	Launch      []byte // launch.json
}

// Write writes the disk into the new file out. The same content gives the same
// bytes.
func (c ConfigDisk) Write(ctx context.Context, out string) error {
	tree, err := filesTree(ctx, map[string][]byte{imageConfigFile: c.Image, launchFile: c.Launch})
	if err != nil {
		return err
	}
	return writeTree(ctx, tree, out, c.Format, c.Compression)
}

// ReadConfig reads the configuration disk at path, a Squashfs or an Erofs.
func ReadConfig(ctx context.Context, path, format string) (c ConfigDisk, err error) {
	c.Format = format
	read := readErofs
	if format == Squashfs {
		read = readSquashfs
		if c.Compression, err = compressionOf(path); err != nil {
			return c, err
		}
	}
	if c.Image, err = read(ctx, path, imageConfigFile); err != nil {
		return c, err
	}
	c.Launch, err = read(ctx, path, launchFile)
	return c, err
}

// compressionOf returns how the squashfs at path is compressed. A kernel that
// mounts it need not know another way.
func compressionOf(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	super := make([]byte, superSize)
	if _, err := io.ReadFull(f, super); err != nil || binary.LittleEndian.Uint32(super) != superMagic {
		return "", errors.New("not a squashfs")
	}
	number := binary.LittleEndian.Uint16(super[superCompressor:])
	name, ok := map[uint16]string{1: "gzip", 4: "xz", 5: "lz4", 6: "zstd"}[number]
	if !ok {
		return "", fmt.Errorf("a squashfs that is compressed in a way not known here (%d)", number)
	}
	return name, nil
}

// readSquashfs returns a file of the squashfs at path, which unsquashfs reads.
func readSquashfs(ctx context.Context, path, name string) ([]byte, error) {
	tool, err := find("unsquashfs")
	if err != nil {
		return nil, errors.New("unsquashfs is not installed (Debian package squashfs-tools)")
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	cmd := exec.CommandContext(ctx, tool, "-cat", path, name)
	var words bytes.Buffer
	cmd.Stderr = &words
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("unsquashfs: %w", err)
	}
	data, err := readBounded(out, name)
	if err != nil {
		cancel()
	}
	if waitErr := cmd.Wait(); err == nil && waitErr != nil {
		err = fmt.Errorf("read %s: unsquashfs: %w: %s", name, waitErr, strings.Join(strings.Fields(words.String()), " "))
	}
	return data, err
}

// readErofs returns a file of the erofs at path.
func readErofs(_ context.Context, path, name string) ([]byte, error) {
	disk, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer disk.Close()
	files, err := erofs.Open(disk)
	if err != nil {
		return nil, fmt.Errorf("not an erofs that can be read here: %w", err)
	}
	info, err := fs.Stat(files, name)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, cause(err))
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("read %s: is no regular file", name)
	}
	f, err := files.Open(name)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, cause(err))
	}
	defer f.Close()
	return readBounded(f, name)
}

func readBounded(r io.Reader, name string) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxConfigFile+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("read %s: %w", name, err)
	case len(data) > maxConfigFile:
		return nil, fmt.Errorf("read %s: it has more than %d bytes", name, maxConfigFile)
	}
	return data, nil
}

// writeTree writes a disk into the new file out.
func writeTree(ctx context.Context, t *flatten.Tree, out, format, compression string) error {
	if format == Squashfs {
		return treeSquashfs(ctx, t, out, compression)
	}
	f, err := os.OpenFile(out, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return err
	}
	return errors.Join(own.Write(ctx, f, t), f.Close())
}
