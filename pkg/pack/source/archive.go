package source

import (
	"archive/tar"
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
)

// maxMembers is how many files an archive of blobs may have.
const maxMembers = 100_000

// archive is a tar file whose members are read where they are.
type archive struct {
	file    *os.File
	members map[string]member
}

type member struct {
	offset, size int64
	link         string // of a link, the member that it leads to
}

// openArchive opens a tar archive, which is unpacked first where it is
// compressed.
func (img *Image) openArchive(ctx context.Context, name string, o Options) (*archive, error) {
	file, size, err := openRegular(name)
	if err != nil {
		return nil, err
	}
	img.closers = append(img.closers, file.Close)
	plain, err := uncompressed(file)
	if err != nil {
		return nil, err
	}
	if !plain {
		o.Progress("unpacking " + path.Base(name))
		if file, err = img.unpack(ctx, file, size, o); err != nil {
			return nil, err
		}
	}
	a := &archive{file: file, members: map[string]member{}}
	return a, a.index(ctx)
}

// uncompressed reports whether the file is not compressed.
func uncompressed(file *os.File) (bool, error) {
	buffered := bufio.NewReader(file)
	r, err := decompress(buffered)
	if err != nil {
		return false, err
	}
	defer r.Close()
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return false, err
	}
	_, plain := r.(plainReader)
	return plain, nil
}

// unpack returns an unnamed temporary file with the content of file.
func (img *Image) unpack(ctx context.Context, file *os.File, size int64, o Options) (*os.File, error) {
	r, err := decompress(bufio.NewReader(file))
	if err != nil {
		return nil, err
	}
	defer r.Close()
	tmp, err := os.CreateTemp(o.Temp, ".unpack-*")
	if err != nil {
		return nil, err
	}
	img.closers = append(img.closers, tmp.Close)
	if err := os.Remove(tmp.Name()); err != nil {
		return nil, err
	}
	most := max(1<<30, size*int64(o.MaxRatio))
	n, err := io.Copy(tmp, io.LimitReader(untilDone{ctx, r}, most+1))
	if n > most {
		err = fmt.Errorf("archive is more than 1 GiB and more than %d times as large as when it was compressed; where that is right, raise -max-ratio", o.MaxRatio)
	}
	if err != nil {
		return nil, err
	}
	_, err = tmp.Seek(0, io.SeekStart)
	return tmp, err
}

// untilDone ends with ctx.
type untilDone struct {
	ctx context.Context
	r   io.Reader
}

func (u untilDone) Read(p []byte) (int, error) {
	if err := u.ctx.Err(); err != nil {
		return 0, err
	}
	return u.r.Read(p)
}

// index finds the members.
func (a *archive) index(ctx context.Context) error {
	r := tar.NewReader(a.file)
	for ctx.Err() == nil {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if errors.Is(err, tar.ErrHeader) || errors.Is(err, io.ErrUnexpectedEOF) {
			return errors.New("is not a tar archive, or a damaged one")
		}
		if err != nil {
			return fmt.Errorf("read archive: %w", err)
		}
		if len(a.members) == maxMembers {
			return fmt.Errorf("archive has more than %d files", maxMembers)
		}
		// archive/tar reads no further than the header.
		offset, err := a.file.Seek(0, io.SeekCurrent)
		if err != nil {
			return err
		}
		name := path.Clean("/" + h.Name)
		switch h.Typeflag {
		case tar.TypeReg, tar.TypeRegA: //nolint:staticcheck // old archives have TypeRegA
			a.members[name] = member{offset: offset, size: h.Size}
		case tar.TypeSymlink:
			a.members[name] = member{link: path.Join(path.Dir(name), h.Linkname)} //nolint:gosec // a name in members, and no path
		case tar.TypeLink:
			a.members[name] = member{link: path.Clean("/" + h.Linkname)}
		}
	}
	return ctx.Err()
}

func (a *archive) open(name string) (io.ReadCloser, int64, error) {
	at := path.Clean("/" + name)
	for range 8 {
		m, ok := a.members[at]
		switch {
		case !ok:
			return nil, 0, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
		case m.link == "":
			return io.NopCloser(io.NewSectionReader(a.file, m.offset, m.size)), m.size, nil
		}
		at = m.link
	}
	return nil, 0, fmt.Errorf("%s leads through too many links", name)
}
