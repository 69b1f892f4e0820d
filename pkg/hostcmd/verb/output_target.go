package verb

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/kguest/kguest/initramfs"
)

// maxLinks is the kernel's bound of links on the way to one file
// (path_resolution(7)).
const maxLinks = 40

// OutputTarget returns the file that writing to path replaces or makes: path
// itself or, where it is a symbolic link, what that leads to. It is an error
// where this is there and not a regular file, or in no folder.
func OutputTarget(path string) (string, error) {
	if path == "-" {
		return "", Usagef("-o -: the image cannot go to the standard output, as it is renamed to its name when it is whole; give a file, or ./- for one of that name")
	}
	target := path
	for range maxLinks {
		dir, base := filepath.Split(target)
		dir, err := outputFolder(path, dir)
		if err != nil {
			return "", err
		}
		target = filepath.Join(dir, base)
		info, err := os.Lstat(target)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return target, nil
		case err != nil:
			return "", outputError(path, err)
		case info.Mode()&fs.ModeSymlink == 0:
			return target, checkOutput(path, info)
		}
		link, err := os.Readlink(target)
		if err != nil {
			return "", outputError(path, err)
		}
		if target = link; !filepath.IsAbs(link) {
			target = dir + "/" + link
		}
	}
	return "", outputError(path, syscall.ELOOP)
}

// outputFolder returns the folder dir without links. The links in /proc are
// refused: they look like a path, and lead to a file that is open.
func outputFolder(path, dir string) (string, error) {
	if dir == "" {
		dir = "."
	}
	shown := initramfs.Clip(filepath.Clean(dir))
	folder, err := filepath.EvalSymlinks(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", fmt.Errorf("write %s: there is no folder %s; make it first", initramfs.Clip(path), shown)
	case errors.Is(err, syscall.ENOTDIR):
		return "", fmt.Errorf("write %s: %s is not a folder; give another -o", initramfs.Clip(path), shown)
	case err != nil:
		return "", outputError(path, err)
	}
	abs, err := filepath.Abs(folder)
	if err != nil {
		return "", fmt.Errorf("write %s: find working directory: %w", initramfs.Clip(path), err)
	}
	if abs == "/proc" || strings.HasPrefix(abs, "/proc/") {
		return "", fmt.Errorf("write %s: it leads into %s, where no file can be made or renamed; give a file elsewhere", initramfs.Clip(path), abs)
	}
	return folder, nil
}

// checkOutput returns an error where path leads to what is no regular file.
func checkOutput(path string, info fs.FileInfo) error {
	switch {
	case info.IsDir():
		return fmt.Errorf("write %s: it is a folder; give a file's name in it, such as -o %s",
			initramfs.Clip(path), initramfs.Clip(filepath.Join(path, "initramfs.cpio")))
	case !info.Mode().IsRegular():
		return fmt.Errorf("write %s: it is there and not a regular file; give another name", initramfs.Clip(path))
	}
	return nil
}
