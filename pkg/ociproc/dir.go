package ociproc

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"

	"github.com/kguest/kguest/pkg/rawfile"
)

// MakeDir makes the directory dir below root and its parents, where they are
// missing: mode 0755, owned by uid and gid (container runtimes have 0 and 0).
// What is there stays as it is. A link that leads to nothing is an error, not a
// place to make something in.
func MakeDir(root, dir string, uid, gid uint32) error {
	if strings.Trim(dir, "/") == "" {
		return nil
	}
	t, err := openTree(root)
	if err != nil {
		return err
	}
	defer t.Close()
	if f, err := t.stat(dir); err == nil && f.isDir() {
		return nil
	}
	made := "/"
	for name := range strings.SplitSeq(dir, "/") {
		if name == "" || name == "." {
			continue
		}
		if err := t.makeDir(made, name, uid, gid); err != nil {
			return fmt.Errorf("make directory %s: %w", plain(dir), err)
		}
		made += name + "/"
	}
	return nil
}

func (t *tree) makeDir(parent, name string, uid, gid uint32) error {
	f, err := t.stat(parent + name)
	if errors.Is(err, syscall.ENOENT) {
		err = t.mkdir(parent, name, uid, gid)
		if errors.Is(err, syscall.EEXIST) {
			err = fmt.Errorf("is a link to %s, which is not there", plain(t.link(parent+name)))
		}
	} else if err == nil && !f.isDir() {
		err = syscall.ENOTDIR
	}
	if err != nil {
		return &os.PathError{Op: "mkdir", Path: plain(parent + name), Err: err}
	}
	return nil
}

// readFile reads a regular file of at most limit bytes.
func (t *tree) readFile(path string, limit int) ([]byte, error) {
	f, err := t.open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return rawfile.ReadFD(int(f.descriptor), path, limit)
}
