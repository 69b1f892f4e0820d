package hostcmd

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// writeFile has fill write the file at path and returns its size in bytes. It
// is written beside path and renamed, so that path is whole or untouched, and
// nothing stays behind where fill fails.
func writeFile(path string, fill func(io.Writer) error) (int64, error) {
	// A link at path stays one; the file that it leads to is replaced.
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target
	}
	tmp := filepath.Join(filepath.Dir(path), "."+program+"-"+rand.Text())
	f, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return 0, fmt.Errorf("write %s: %w", path, err)
	}
	size, err := fillFile(f, fill)
	if err == nil {
		err = os.Rename(tmp, path)
	}
	if err != nil {
		if rmErr := os.Remove(tmp); rmErr != nil {
			err = fmt.Errorf("%w (and %v)", err, rmErr) //nolint:errorlint // told, not branched on
		}
		return 0, err
	}
	return size, nil
}

func fillFile(f *os.File, fill func(io.Writer) error) (int64, error) {
	err := fill(f)
	size, seekErr := f.Seek(0, io.SeekCurrent)
	if closeErr := f.Close(); err == nil {
		err = errors.Join(seekErr, closeErr)
	}
	return size, err
}
