package pack

import (
	"archive/tar"
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/kguest/kguest/pkg/pack/flatten"
)

// squashfsFormat returns the arguments of mksquashfs(1) that choose how to
// compress.
func squashfsFormat(compression string) ([]string, error) {
	switch compression {
	case "", "lz4":
		return []string{"-comp", "lz4", "-Xhc"}, nil
	case "gzip", "zstd", "xz":
		return []string{"-comp", compression}, nil
	case "none":
		return []string{"-noI", "-noD", "-noF", "-noX"}, nil
	}
	return nil, fmt.Errorf("unknown compression %q of a squashfs (known: lz4 gzip zstd xz none)", compression)
}

// AnyFormat is a format that this machine has the tools for: Squashfs, which is
// smaller, or else Erofs.
func AnyFormat() string {
	if _, err := find("mksquashfs"); err != nil {
		return Erofs
	}
	return Squashfs
}

// treeSquashfs writes t into the new file out. The same tree gives the same
// bytes.
func treeSquashfs(ctx context.Context, t *flatten.Tree, out, compression string) error {
	args, err := treeArgs(t, out, compression)
	if err != nil {
		return err
	}
	path, err := find("mksquashfs")
	if err != nil {
		return errors.New("mksquashfs is not installed (Debian package squashfs-tools); -format erofs needs no tool")
	}
	if len(t.Root.Inode.Xattrs) > 0 {
		t.Warnings = append(t.Warnings, "attributes of the root directory are left out: mksquashfs cannot set them; -format erofs keeps them")
	}
	if err := pipeTo(ctx, path, args, func(w io.Writer) error { return writeTar(ctx, t, w) }); err != nil {
		return err
	}
	return setRoot(out, t.Root.Inode)
}

// treeArgs returns the arguments of mksquashfs(1) that make t.
func treeArgs(t *flatten.Tree, out, compression string) ([]string, error) {
	args := []string{
		"-", out, "-tar", "-noappend", "-quiet", "-no-progress", "-exit-on-error", "-mkfs-time", "0", "-noI", "-noId",
	}
	many, err := manyAlike(t)
	if many {
		args = append(args, "-no-duplicates")
	}
	format, formatErr := squashfsFormat(compression)
	return append(args, format...), errors.Join(err, formatErr)
}

// maxAlike bounds how many pairs of files mksquashfs compares. It takes some
// seconds for them.
const maxAlike = 50_000_000

// manyAlike reports whether there are more pairs of files of one size than
// mksquashfs should look for duplicates among: it compares each file with all
// before it of its size, so that 300,000 small ones take half an hour.
func manyAlike(t *flatten.Tree) (bool, error) {
	seen := map[*flatten.Inode]bool{}
	sizes := map[int64]int{}
	pairs := 0
	err := t.Walk(func(_ string, n *flatten.Node) error {
		if ino := n.Inode; ino.Kind == flatten.Regular && ino.Size > 0 && !seen[ino] {
			seen[ino] = true
			pairs += sizes[ino.Size]
			sizes[ino.Size]++
		}
		return nil
	})
	return pairs > maxAlike, err
}

// pipeTo runs a tool whose standard input write writes. Where both end with an
// error the tool's is returned, unless it ended for the lack of input.
func pipeTo(ctx context.Context, path string, args []string, write func(io.Writer) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var words bytes.Buffer
	cmd, stdin, err := startTool(ctx, path, args, &words)
	if err != nil {
		return err
	}
	in := &inputOf{w: stdin}
	buffered := bufio.NewWriterSize(in, 1<<20)
	err = write(buffered)
	if err == nil {
		err = buffered.Flush()
	}
	if err != nil && in.err == nil {
		cancel() // the tool is not at fault
	}
	closeErr := stdin.Close()
	waitErr := cmd.Wait()
	switch {
	case err != nil && in.err == nil:
		return err
	case waitErr != nil:
		return errors.New(strings.TrimSuffix(fmt.Sprintf("mksquashfs: %v: %s", waitErr, strings.Join(strings.Fields(words.String()), " ")), ": "))
	}
	return errors.Join(err, closeErr)
}

// startTool starts a tool that writes the same whoever runs it and whenever:
// mksquashfs puts its user into the image, and SOURCE_DATE_EPOCH would set the
// files' times. Where there are no user namespaces, the user stays.
func startTool(ctx context.Context, path string, args []string, words io.Writer) (*exec.Cmd, io.WriteCloser, error) {
	var failed error
	for _, prepare := range []func(*exec.Cmd){asRoot, func(*exec.Cmd) {}} {
		cmd := exec.CommandContext(ctx, path, args...)
		cmd.Env = slices.DeleteFunc(os.Environ(), func(s string) bool { return strings.HasPrefix(s, "SOURCE_DATE_EPOCH=") })
		cmd.Stderr, cmd.Stdout = words, words
		prepare(cmd)
		stdin, err := cmd.StdinPipe()
		if err != nil {
			return nil, nil, err
		}
		if failed = cmd.Start(); failed == nil {
			return cmd, stdin, nil
		}
	}
	return nil, nil, failed
}

// inputOf keeps its own error apart from those of what writes to it.
type inputOf struct {
	w   io.Writer
	err error
}

func (i *inputOf) Write(p []byte) (int, error) {
	n, err := i.w.Write(p)
	if err != nil {
		i.err = err
	}
	return n, err
}

// squashfsTime is the time of ino as a squashfs can have it: 32 bits, no sign.
func squashfsTime(ino *flatten.Inode) time.Time {
	return time.Unix(min(max(ino.Seconds, 0), math.MaxUint32), 0)
}

// tarWriter writes a tree as an archive: what has no content by name, then
// contents as they come, then the other names of files with several.
type tarWriter struct {
	archive *tar.Writer
	first   map[*flatten.Inode]string
	links   []*tar.Header
}

// writeTar writes t as an archive in PAX format.
func writeTar(ctx context.Context, t *flatten.Tree, w io.Writer) error {
	tw := &tarWriter{archive: tar.NewWriter(w), first: map[*flatten.Inode]string{}}
	if err := t.Walk(tw.name); err != nil {
		return err
	}
	if err := t.Contents(ctx, tw.content); err != nil {
		return err
	}
	for _, h := range tw.links {
		if err := tw.archive.WriteHeader(h); err != nil {
			return err
		}
	}
	return tw.archive.Close()
}

func (tw *tarWriter) name(path string, n *flatten.Node) error {
	ino := n.Inode
	if first, ok := tw.first[ino]; ok {
		h := tarHeader(path, ino)
		h.Typeflag, h.Linkname, h.Size, h.PAXRecords = tar.TypeLink, first, 0, nil
		tw.links = append(tw.links, h)
		return nil
	}
	hasContent := ino.Kind == flatten.Regular && ino.Size > 0
	if hasContent || ino.Nlink > 1 && ino.Kind != flatten.Directory {
		tw.first[ino] = path
	}
	if hasContent {
		return nil
	}
	return tw.archive.WriteHeader(tarHeader(path, ino))
}

func (tw *tarWriter) content(ino *flatten.Inode, r io.Reader) error {
	if err := tw.archive.WriteHeader(tarHeader(tw.first[ino], ino)); err != nil {
		return err
	}
	_, err := io.Copy(tw.archive, r)
	return err
}

func tarHeader(path string, ino *flatten.Inode) *tar.Header {
	h := &tar.Header{
		Name: path, Mode: int64(ino.Mode), Uid: int(ino.UID), Gid: int(ino.GID),
		ModTime: squashfsTime(ino), Format: tar.FormatPAX,
		Linkname: ino.Target, Size: ino.Size, Devmajor: int64(ino.Major), Devminor: int64(ino.Minor),
	}
	switch ino.Kind {
	case flatten.Regular:
		h.Typeflag = tar.TypeReg
	case flatten.Directory:
		h.Typeflag, h.Name = tar.TypeDir, path+"/"
	case flatten.Symlink:
		h.Typeflag = tar.TypeSymlink
	case flatten.CharDevice:
		h.Typeflag = tar.TypeChar
	case flatten.BlockDevice:
		h.Typeflag = tar.TypeBlock
	case flatten.FIFO:
		h.Typeflag = tar.TypeFifo
	}
	for _, x := range ino.Xattrs {
		if h.PAXRecords == nil {
			h.PAXRecords = map[string]string{}
		}
		h.PAXRecords["SCHILY.xattr."+x.Name] = x.Value
	}
	return h
}
