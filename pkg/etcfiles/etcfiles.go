// Package etcfiles writes /etc/hostname, /etc/hosts and /etc/resolv.conf of a
// root directory that is not trusted: no symbolic link of that tree leads a
// write out of it.
//
// A link on the way to /etc is resolved as inside a chroot; a file that is
// itself a link is replaced and not followed. One that is there stays until the
// other, written beside it, is renamed onto it. Files get mode 0644.
package etcfiles

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	securejoin "github.com/cyphar/filepath-securejoin"
)

// maxFileSize bounds what is read of a file of the image, in bytes.
const maxFileSize = 1 << 20

// openEtc opens the directory that /etc is inside root, and makes it, and where
// its link leads, if it is missing.
func openEtc(root string) (etc, error) {
	e, err := findEtc(root)
	if !errors.Is(err, fs.ErrNotExist) {
		return e, err
	}
	if err := makeEtc(root); err != nil {
		return etc{}, err
	}
	return findEtc(root)
}

func makeEtc(root string) error {
	root, err := filepath.Abs(root)
	if err != nil {
		return err
	}
	tree, err := os.OpenRoot(root)
	if err != nil {
		return err
	}
	defer tree.Close()
	path, err := securejoin.SecureJoin(root, "etc")
	if err != nil {
		return fmt.Errorf("resolve /etc: %w", err)
	}
	// os.Root would refuse an absolute link; of what SecureJoin resolved there
	// is none left, and os.Root holds should there be one after all.
	path, err = filepath.Rel(root, path)
	if err != nil {
		return err
	}
	const mode = 0o755 // whatever the umask is
	if err := tree.MkdirAll(path, mode); err != nil {
		return err
	}
	return tree.Chmod(path, mode)
}

// write replaces the file name of /etc in root by content.
func write(root, name string, content []byte) error {
	e, err := openEtc(root)
	if err != nil {
		return fmt.Errorf("write /etc/%s below %s: %w", name, root, err)
	}
	defer e.close()
	if err := e.replace(name, content); err != nil {
		return fmt.Errorf("write /etc/%s below %s: %w", name, root, err)
	}
	return nil
}

// replace makes the file name, or puts another in its place.
func (e etc) replace(name string, content []byte) error {
	err := e.make(name, content)
	if !errors.Is(err, fs.ErrExist) {
		return err
	}
	beside := "." + name + ".new"
	err = e.make(beside, content)
	if errors.Is(err, fs.ErrExist) { // of an earlier try, or the image's
		if err := e.remove(beside); err != nil {
			return err
		}
		err = e.make(beside, content)
	}
	if err != nil {
		return err
	}
	if err := e.rename(beside, name); err != nil {
		_ = e.remove(beside) // err says more
		return err
	}
	return nil
}

// make makes a file, whole or not at all. One that is there is an fs.ErrExist.
func (e etc) make(name string, content []byte) error {
	fd, err := e.create(name)
	if err != nil {
		return err
	}
	if err := cmp.Or(fill(fd, content), closeFile(fd)); err != nil {
		_ = e.remove(name) // err says more
		return err
	}
	return nil
}
