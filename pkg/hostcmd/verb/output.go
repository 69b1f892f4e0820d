package verb

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/kguest/kguest/initramfs"
	"github.com/kguest/kguest/pkg/scratch"
)

// WriteFile has fill write the file that path leads to and returns its size in
// bytes. It is written in a folder beside that file and renamed, so that it is
// whole or untouched, and nothing stays behind where fill fails. What a process
// that was killed left goes with the next.
func WriteFile(path string, fill func(io.Writer) error) (int64, error) {
	target, err := OutputTarget(path)
	if err != nil {
		return 0, err
	}
	work, err := scratch.Make(filepath.Dir(target), "."+Program+"-")
	if err != nil {
		return 0, outputError(path, err)
	}
	size, err := fillIn(work.Path, path, target, fill)
	if rmErr := work.Remove(); rmErr != nil && err != nil {
		err = fmt.Errorf("%w (and %v)", err, rmErr) //nolint:errorlint // told, not branched on
	}
	if err != nil {
		return 0, err
	}
	return size, nil
}

// fillIn has fill write a file in the folder work, which becomes target.
func fillIn(work, path, target string, fill func(io.Writer) error) (int64, error) {
	tmp := filepath.Join(work, "file")
	f, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return 0, outputError(path, err)
	}
	size, err := fillFile(path, f, fill)
	if err == nil {
		if err = os.Rename(tmp, target); err != nil {
			err = outputError(path, err)
		}
	}
	return size, err
}

// fillFile has fill write f, which is to become the file at path, and closes it.
func fillFile(path string, f io.WriteCloser, fill func(io.Writer) error) (int64, error) {
	w := &outputWriter{w: f}
	err := fill(w)
	if closeErr := f.Close(); w.err == nil {
		w.err = closeErr
	}
	if w.err != nil {
		return 0, outputError(path, w.err)
	}
	return w.size, err
}

// outputWriter keeps its first error apart from those of what writes to it,
// which name what was being written.
type outputWriter struct {
	w    io.Writer
	size int64 // bytes written
	err  error
}

func (o *outputWriter) Write(p []byte) (int, error) {
	if o.err != nil {
		return 0, o.err
	}
	n, err := o.w.Write(p)
	o.size, o.err = o.size+int64(n), err
	return n, err
}

// outputError is what to tell, and to do, about an err that kept the file at
// path from being written. The paths in err are not the user's.
func outputError(path string, err error) error {
	if perr, ok := errors.AsType[*fs.PathError](err); ok {
		err = perr.Err
	}
	if lerr, ok := errors.AsType[*os.LinkError](err); ok {
		err = lerr.Err
	}
	return fmt.Errorf("write %s: %w; %s", initramfs.Clip(path), err, outputRemedy(err))
}

func outputRemedy(err error) string {
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT), errors.Is(err, syscall.EFBIG):
		return "free space on its file system, or give another -o"
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return "give -o in a folder that can be written"
	case errors.Is(err, syscall.ELOOP):
		return "remove the link, or give another -o"
	}
	return "give another -o"
}
