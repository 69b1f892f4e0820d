package elf

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"syscall"

	securejoin "github.com/cyphar/filepath-securejoin"
)

// Place is a file or symbolic link of the host that is to be at a path of the
// guest.
type Place struct {
	Guest  string // absolute path
	Host   string // path on the host
	Target string // of a symbolic link; empty for the file that all lead to
}

// maxLinks is the kernel's bound of symbolic links (path_resolution(7)).
const maxLinks = 40

// spot is a file that may be there: its path in the guest, and where it is
// below a folder of the host.
type spot struct{ guest, root, real string }

// places follows the symbolic links from s on and returns each of them, and
// last the file. Links in the folders on the way do not count: in the guest
// these are folders. It is an fs.ErrNotExist where there is nothing.
func (s spot) places() ([]Place, error) {
	var list []Place
	for range maxLinks {
		dir, err := securejoin.SecureJoin(s.root, path.Dir(s.real))
		if err != nil {
			return nil, err
		}
		host := filepath.Join(dir, path.Base(s.real))
		info, err := os.Lstat(host)
		if err != nil {
			return nil, err
		}
		if info.Mode()&fs.ModeSymlink == 0 {
			if !info.Mode().IsRegular() {
				return nil, &fs.PathError{Op: "read", Path: host, Err: errors.New("not a regular file")}
			}
			return append(list, Place{Guest: s.guest, Host: host}), nil
		}
		target, err := os.Readlink(host)
		if err != nil {
			return nil, err
		}
		list = append(list, Place{Guest: s.guest, Host: host, Target: target})
		s = s.next(dir, target)
	}
	return nil, &fs.PathError{Op: "read", Path: s.guest, Err: syscall.ELOOP}
}

// next returns where a link at s, which is in the folder dir of the host, leads.
func (s spot) next(dir, target string) spot {
	if path.IsAbs(target) {
		return spot{path.Clean(target), s.root, path.Clean(target)}
	}
	in, err := filepath.Rel(s.root, dir)
	if err != nil {
		in = "."
	}
	return spot{path.Join(path.Dir(s.guest), target), s.root, path.Join("/", in, target)}
}
