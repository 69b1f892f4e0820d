package initramfs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/kguest/kguest/initramfs/hostfile"
	"github.com/kguest/kguest/initramfs/inspect"
	"github.com/kguest/kguest/initramfs/manifest"
)

// baseFile is a base that was read.
type baseFile struct {
	Base
	size   int64
	memory int64 // that the guest holds of its files, in bytes
	image  *inspect.Image
}

// basePad is the least zeros after a base. The kernel wants an archive that is
// not packed at a multiple of 4; its lz4 decoder ends at a length of 0
// (lib/decompress_unlz4.c, since Linux 5.12) and not at the end of its frame.
const basePad = 4

// openBases reads the headers of the bases that s asks for.
func (s *Spec) openBases(ctx context.Context) ([]baseFile, error) {
	files := make([]baseFile, 0, len(s.Bases))
	for _, b := range s.Bases {
		f, err := b.open(ctx, s)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("%s: %w", Clip(b.From), err), closeBases(files))
		}
		files = append(files, f)
	}
	return files, nil
}

func (b Base) open(ctx context.Context, s *Spec) (baseFile, error) {
	size, err := b.check(s)
	if err != nil {
		return baseFile{}, err
	}
	image, err := inspect.Open(ctx, b.Host)
	if err != nil {
		return baseFile{}, err
	}
	f := baseFile{Base: b, size: size, image: image}
	for _, file := range image.Files() {
		f.memory += heldBytes(file.Size, file.Type == manifest.Regular, file.Links)
	}
	return f, nil
}

// closeBases closes the files of the bases.
func closeBases(files []baseFile) error {
	var err error
	for _, f := range files {
		err = errors.Join(err, f.image.Close())
	}
	return err
}

// inBases reports whether a base has a file at the path guest.
func inBases(bases []baseFile, guest string) bool {
	for _, b := range bases {
		if f, err := b.image.Stat(strings.TrimPrefix(guest, "/")); err == nil && f.Type == manifest.Regular {
			return true
		}
	}
	return false
}

// hidden returns a warning for each symbolic link of a base that becomes a
// folder of the image: the base's own files are no longer reached by it.
func (img *image) hidden() []string {
	var warnings []string
	for _, b := range img.bases {
		for _, n := range img.nodes {
			if !n.Mode.IsDir() {
				continue
			}
			if f, err := b.image.Lstat(n.Path); err == nil && f.Type == manifest.Symlink {
				warnings = append(warnings, fmt.Sprintf("%s: /%s is a symbolic link to %s there, and becomes a folder (%s)",
					Clip(b.From), Clip(n.Path), Clip(f.Target), n.Reason))
			}
		}
	}
	return warnings
}

// check returns b's size in bytes. It is an error where b begins with what the
// kernel does not unpack.
func (b Base) check(s *Spec) (int64, error) {
	f, info, err := hostfile.Open(b.Host)
	if err != nil {
		return 0, readError(err)
	}
	defer f.Close()
	head := make([]byte, 6)
	n, err := io.ReadFull(f, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return 0, readError(err)
	}
	name, ok := packedAs(string(head[:n]))
	if !ok {
		return 0, fmt.Errorf("%s begins with %q, which is no archive that the kernel unpacks; give an initramfs", Clip(b.Host), head[:n])
	}
	return info.Size(), s.checkUnpacks(name)
}

// packedAs tells by its first bytes how an archive is packed
// (lib/decompress.c and init/initramfs.c).
func packedAs(head string) (string, bool) {
	for _, m := range []struct{ magic, name string }{
		{"070701", "none"},
		{"070702", "none"},
		{"\x1f\x8b", "gzip"},
		{"\x1f\x9e", "gzip"},
		{"\x28\xb5\x2f\xfd", "zstd"},
		{"\x02\x21\x4c\x18", "lz4"},
		{"\xfd7zXZ\x00", "xz"},
		{"BZh", "bzip2"},
		{"\x5d\x00\x00", "lzma"},
		{"\x89LZO\x00\x0d", "lzo"},
	} {
		if strings.HasPrefix(head, m.magic) {
			return m.name, true
		}
	}
	return "", false
}

// write writes all of b's bytes, and the zeros after them.
func (b baseFile) write(w io.Writer) error {
	f, _, err := hostfile.Open(b.Host)
	if err != nil {
		return readError(err)
	}
	defer f.Close()
	n, err := io.Copy(w, io.LimitReader(f, b.size+1))
	if err != nil {
		return fmt.Errorf("copy %s: %w", Clip(b.Host), err)
	}
	if n != b.size {
		return fmt.Errorf("copy %s: it had %d bytes and now has others; was it changed meanwhile?", Clip(b.Host), b.size)
	}
	_, err = w.Write(make([]byte, b.pad()))
	return err
}

// pad returns how many zeros follow b.
func (b baseFile) pad() int64 { return basePad + (4-b.size%4)%4 }

func (img *image) basesSize() int64 {
	var size int64
	for _, b := range img.bases {
		size += b.size + b.pad()
	}
	return size
}
