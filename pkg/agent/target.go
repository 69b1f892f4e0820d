package agent

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/kguest/kguest/pkg/idm/idmpb"
)

// target is a file that is being written.
type target struct {
	file     *os.File
	path     string // where it is to be in the end
	beside   bool   // file is another until then
	truncate bool
}

const defaultMode = 0o644

func openTarget(path string, start *idmpb.FileWriteStart) (*target, error) {
	mode := fs.FileMode(start.Mode) & fs.ModePerm
	if start.InPlace {
		return openInPlace(path, start, mode)
	}
	before, err := statRegular(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".kguest-write-*")
	if err != nil {
		return nil, err
	}
	t := &target{file: f, path: path, beside: true}
	if err := dress(f, mode, before); err != nil {
		return nil, errors.Join(err, t.abandon())
	}
	return t, nil
}

// dress gives f the owner of the file that it is to replace, nil where there is
// none, and mode, or that file's where it is 0.
func dress(f *os.File, mode fs.FileMode, before fs.FileInfo) error {
	if before != nil {
		if owner, ok := before.Sys().(*syscall.Stat_t); ok {
			if err := f.Chown(int(owner.Uid), int(owner.Gid)); err != nil {
				return err
			}
		}
		if mode == 0 {
			mode = before.Mode().Perm()
		}
	}
	if mode == 0 {
		mode = defaultMode
	}
	return f.Chmod(mode)
}

func openInPlace(path string, start *idmpb.FileWriteStart, mode fs.FileMode) (*target, error) {
	if start.Offset > 1<<63-1 {
		return nil, fmt.Errorf("%w: offset %d", syscall.EINVAL, start.Offset)
	}
	create := mode
	if create == 0 {
		create = defaultMode
	}
	f, err := openRegular(path, os.O_WRONLY|os.O_CREATE, create)
	if err != nil {
		return nil, err
	}
	t := &target{file: f, path: path, truncate: start.Truncate}
	_, err = f.Seek(int64(start.Offset), io.SeekStart)
	if err == nil && mode != 0 {
		err = f.Chmod(mode)
	}
	if err != nil {
		return nil, errors.Join(err, t.abandon())
	}
	return t, nil
}

// finish puts the file in its place.
func (t *target) finish() error {
	if t.truncate {
		at, err := t.file.Seek(0, io.SeekCurrent)
		if err == nil {
			err = t.file.Truncate(at)
		}
		if err != nil {
			return err
		}
	}
	if err := t.file.Close(); err != nil {
		return err
	}
	if !t.beside {
		return nil
	}
	return os.Rename(t.file.Name(), t.path)
}

// abandon leaves nothing of an unfinished write beside its place.
func (t *target) abandon() error {
	closeFiles(t.file)
	if !t.beside {
		return nil
	}
	if err := os.Remove(t.file.Name()); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil // its folder is gone, too
}
