// Package etcfiles writes /etc/hostname, /etc/hosts and /etc/resolv.conf of a
// root directory that is not trusted: no symbolic link of that tree leads a
// write out of it.
//
// A link on the way to /etc is resolved as inside a chroot; a file that is
// itself a link is replaced and not followed. Each file is written beside its
// place and renamed onto it, with mode 0644.
package etcfiles

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	securejoin "github.com/cyphar/filepath-securejoin"
)

// maxFileSize bounds what is read of a file of the image, in bytes.
const maxFileSize = 1 << 20

// openEtc opens the directory that /etc is inside root, and makes it, and where
// its link leads, if it is missing.
func openEtc(root string) (*os.Root, error) {
	root, err := filepath.Abs(root)
	if err != nil {
		return nil, err
	}
	tree, err := os.OpenRoot(root)
	if err != nil {
		return nil, err
	}
	defer tree.Close()
	path, err := securejoin.SecureJoin(root, "etc")
	if err != nil {
		return nil, fmt.Errorf("resolve /etc: %w", err)
	}
	// os.Root would refuse an absolute link; of what SecureJoin resolved there
	// is none left, and os.Root holds should there be one after all.
	path, err = filepath.Rel(root, path)
	if err != nil {
		return nil, err
	}
	if _, err := tree.Lstat(path); errors.Is(err, fs.ErrNotExist) {
		if err := makeDir(tree, path); err != nil {
			return nil, err
		}
	}
	return tree.OpenRoot(path)
}

// makeDir makes path with mode 0755 whatever the umask is.
func makeDir(tree *os.Root, path string) error {
	const mode = 0o755
	if err := tree.MkdirAll(path, mode); err != nil {
		return err
	}
	return tree.Chmod(path, mode)
}

// write replaces the file name of /etc in root by content.
func write(root, name string, content []byte) error {
	etc, err := openEtc(root)
	if err != nil {
		return fmt.Errorf("write /etc/%s below %s: %w", name, root, err)
	}
	defer etc.Close()
	if err := replace(etc, name, content); err != nil {
		return fmt.Errorf("write /etc/%s below %s: %w", name, root, err)
	}
	return nil
}

func replace(etc *os.Root, name string, content []byte) error {
	beside := "." + name + ".new"
	if err := etc.Remove(beside); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := etc.OpenFile(beside, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	err = cmp.Or(err, f.Chmod(0o644), f.Close())
	if err == nil {
		err = etc.Rename(beside, name)
	}
	if err != nil {
		_ = etc.Remove(beside) // err says more
		return err
	}
	return nil
}

// readOwn returns the content of the file name of etc, and nothing if it is
// missing or not a regular file.
func readOwn(etc *os.Root, name string) ([]byte, error) {
	info, err := etc.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) || (err == nil && !info.Mode().IsRegular()) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	f, err := etc.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, maxFileSize+1))
	if err != nil {
		return nil, err
	}
	if len(content) > maxFileSize {
		return nil, fmt.Errorf("keep its lines: it is larger than %d bytes", maxFileSize)
	}
	return content, nil
}
