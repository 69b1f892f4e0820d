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
	"path/filepath"
	"syscall"
)

// openTar is a file tree in an archive.
func (img *Image) openTar(path string, want platform) error {
	f, size, err := openRegular(path)
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	img.Layers = append(img.Layers, tarLayer{path, size})
	return img.noConfig(want)
}

// tarLayer is an archive without a digest.
type tarLayer struct {
	path string
	size int64
}

func (l tarLayer) Name() string { return "archive" }

func (l tarLayer) Size() int64 { return l.size }

func (l tarLayer) Open(context.Context) (io.ReadCloser, error) {
	f, _, err := openRegular(l.path)
	if err != nil {
		return nil, err
	}
	r, err := decompress(bufio.NewReaderSize(f, 256<<10))
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return struct {
		io.Reader
		io.Closer
	}{r, &openLayer{blob: f, unpack: r}}, nil
}

// openDir is a file tree in a folder.
func (img *Image) openDir(path string, want platform) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return errors.New("is not a folder; a root file system in an archive is tar:FILE")
	}
	img.Layers = append(img.Layers, dirLayer(path))
	return img.noConfig(want)
}

// dirLayer is a folder that is read as an archive.
type dirLayer string

func (l dirLayer) Name() string { return "folder" }

// Size says that a folder is no bomb.
func (l dirLayer) Size() int64 { return 1 << 50 }

func (l dirLayer) Open(ctx context.Context) (io.ReadCloser, error) {
	r, w := io.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		d := dirWriter{ctx: ctx, root: string(l), archive: tar.NewWriter(w), linked: map[fileID]string{}}
		w.CloseWithError(d.write()) // it returns nil
	}()
	return &piped{r, done}, nil
}

// piped is a reader whose Close waits for the writer.
type piped struct {
	*io.PipeReader
	done chan struct{}
}

func (p *piped) Close() error {
	err := p.PipeReader.Close()
	<-p.done
	return err
}

// unixStat is what os.FileInfo has on Linux.
type unixStat = syscall.Stat_t

// fileStat is what an archive needs of stat(2) beside fs.FileInfo.
type fileStat struct {
	Dev, Ino, Nlink, Rdev uint64
	UID, GID              uint32
}

type fileID struct{ dev, ino uint64 }

// dirWriter writes what is below root, on its own file system, in the order of
// names. Sockets are left out: they mean nothing without who listens.
type dirWriter struct {
	ctx     context.Context
	root    string
	dev     uint64
	archive *tar.Writer
	linked  map[fileID]string // first names of files with several
}

func (d *dirWriter) write() error {
	if err := filepath.WalkDir(d.root, d.visit); err != nil {
		return err
	}
	return d.archive.Close()
}

func (d *dirWriter) visit(path string, entry fs.DirEntry, err error) error {
	if err != nil {
		return err
	}
	if err := d.ctx.Err(); err != nil {
		return err
	}
	name, err := filepath.Rel(d.root, path)
	if err != nil {
		return err
	}
	if name == "." { // root itself may be a link
		path += string(filepath.Separator) + "."
	}
	info, err := os.Lstat(path)
	if err != nil {
		return err
	}
	st, ok := stat(info)
	if !ok {
		return fmt.Errorf("%s: no owner", path)
	}
	if name == "." {
		d.dev = st.Dev
	}
	if err := d.file(path, name, info, st); err != nil {
		return err
	}
	if entry.IsDir() && st.Dev != d.dev {
		return fs.SkipDir
	}
	return nil
}

// file writes one file.
func (d *dirWriter) file(path, name string, info fs.FileInfo, st *fileStat) error {
	if info.Mode().Type() == fs.ModeSocket {
		return nil
	}
	h, err := d.header(path, name, info, st)
	if err != nil {
		return err
	}
	if err := d.archive.WriteHeader(h); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if h.Typeflag != tar.TypeReg {
		return nil
	}
	f, err := openFile(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := io.CopyN(d.archive, f, h.Size); err != nil {
		return fmt.Errorf("%s changed while it was read: %w", path, err)
	}
	return nil
}

func (d *dirWriter) header(path, name string, info fs.FileInfo, st *fileStat) (*tar.Header, error) {
	target := ""
	if info.Mode().Type() == fs.ModeSymlink {
		var err error
		if target, err = os.Readlink(path); err != nil {
			return nil, err
		}
	}
	h, err := tar.FileInfoHeader(info, target)
	if err != nil {
		return nil, err
	}
	h.Name, h.Uid, h.Gid, h.Uname, h.Gname, h.Format = name, int(st.UID), int(st.GID), "", "", tar.FormatPAX
	if h.Typeflag == tar.TypeChar || h.Typeflag == tar.TypeBlock {
		h.Devmajor, h.Devminor = device(st.Rdev)
	}
	if id := (fileID{st.Dev, st.Ino}); !info.IsDir() && st.Nlink > 1 {
		if first, ok := d.linked[id]; ok {
			h.Typeflag, h.Linkname, h.Size = tar.TypeLink, first, 0
			return h, nil
		}
		d.linked[id] = name
	}
	attrs, err := xattrs(path)
	for key, value := range attrs {
		if h.PAXRecords == nil {
			h.PAXRecords = map[string]string{}
		}
		h.PAXRecords["SCHILY.xattr."+key] = value
	}
	return h, err
}
