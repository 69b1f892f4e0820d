package inspect

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"time"

	"github.com/kguest/kguest/initramfs/manifest"
)

// UnpackOptions say what to unpack and how.
type UnpackOptions struct {
	Globs Globs // which files; none for all
	Force bool  // into a folder that holds something; what is in the way is replaced
	Root  bool  // make device nodes and set owners, which needs root
}

// Unpacked is what Unpack did.
type Unpacked struct {
	Files    int      // paths made
	Warnings []string // what could not be made, each with its path and why
}

// Unpack makes the files of the image in the folder dir, which it makes where
// it is missing. Nothing is ever made or changed outside of dir, whatever the
// image says: links come last, and no name follows one out of dir. After an
// error dir is as it was, but with Force, where what was unpacked so far stays.
func (im *Image) Unpack(dir string, o UnpackOptions) (Unpacked, error) {
	made, err := prepare(dir, o.Force)
	if err != nil {
		return Unpacked{}, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return Unpacked{}, fmt.Errorf("unpack: %w", err)
	}
	u := &unpacker{im: im, root: root, o: o}
	err = u.run()
	if err != nil && !o.Force {
		err = errors.Join(err, clearRoot(root))
	}
	if err = errors.Join(err, root.Close()); err == nil {
		return u.done, nil
	}
	if made {
		err = errors.Join(err, os.Remove(dir))
	}
	return Unpacked{}, fmt.Errorf("unpack %s to %s: %w", im.Name, dir, err)
}

// prepare makes dir, or refuses one that holds something.
func prepare(dir string, force bool) (made bool, err error) {
	switch err := os.Mkdir(dir, 0o755); {
	case err == nil:
		return true, nil
	case errors.Is(err, fs.ErrNotExist):
		return false, fmt.Errorf("unpack: there is no folder %s to make %s in; make it first, or give another -d", filepath.Dir(filepath.Clean(dir)), dir)
	case !errors.Is(err, fs.ErrExist):
		return false, fmt.Errorf("unpack: %w", err)
	}
	have, err := os.ReadDir(dir)
	if err != nil {
		return false, fmt.Errorf("unpack: %w", err)
	}
	if len(have) > 0 && !force {
		return false, fmt.Errorf("unpack: folder %s is not empty: it has %q; give another -d, or -force to unpack into it", dir, have[0].Name())
	}
	return false, nil
}

// clearRoot removes what is in a folder that was empty before.
func clearRoot(root *os.Root) error {
	f, err := root.Open(".")
	if err != nil {
		return err
	}
	names, err := f.Readdirnames(-1)
	errs := []error{err, f.Close()}
	for _, name := range names {
		errs = append(errs, root.RemoveAll(name))
	}
	return errors.Join(errs...)
}

type unpacker struct {
	im   *Image
	root *os.Root
	o    UnpackOptions
	done Unpacked
	dirs []File // whose modes and times come last
}

// run makes folders, then files, then hard links and device nodes, then
// symbolic links, then the modes of the folders.
func (u *unpacker) run() error {
	files := slices.DeleteFunc(u.im.Files(), func(f File) bool { return !u.o.Globs.Match(f.Path) })
	if err := u.folders(files); err != nil {
		return err
	}
	if err := u.contents(files); err != nil {
		return err
	}
	for _, typ := range [][]manifest.Type{
		{manifest.Char, manifest.Block, manifest.FIFO, manifest.Socket},
		{manifest.Symlink},
	} {
		for _, f := range files {
			if !slices.Contains(typ, f.Type) {
				continue
			}
			if err := u.node(f); err != nil {
				return err
			}
		}
	}
	for _, f := range slices.Backward(u.dirs) {
		if err := u.finish(f); err != nil {
			return err
		}
	}
	return nil
}

// folders makes the folders of files, those that only lead to them too.
func (u *unpacker) folders(files []File) error {
	for _, f := range files {
		dir := f.Path
		if f.Type != manifest.Directory {
			dir = path.Dir(f.Path)
		}
		if err := u.mkdirAll(dir); err != nil {
			return err
		}
		if f.Type == manifest.Directory {
			u.done.Files++
			u.dirs = append(u.dirs, f)
		}
	}
	return nil
}

// mkdirAll makes a folder and those above, for the user alone until all is
// done.
func (u *unpacker) mkdirAll(dir string) error {
	if dir == "." {
		return nil
	}
	info, err := u.root.Lstat(dir)
	if err == nil && info.IsDir() {
		return nil
	}
	if err := u.mkdirAll(path.Dir(dir)); err != nil {
		return err
	}
	if err := u.makeWay(dir); err != nil {
		return err
	}
	return u.root.Mkdir(dir, 0o700)
}

// makeWay removes what is at a path with Force. Without it nothing can be.
func (u *unpacker) makeWay(name string) error {
	if !u.o.Force {
		return nil
	}
	if err := u.root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// contents makes the regular files.
func (u *unpacker) contents(files []File) error {
	byNode := make(map[*node][]File)
	var empty []File
	for _, f := range files {
		if f.Type != manifest.Regular {
			continue
		}
		byNode[f.node] = append(byNode[f.node], f)
		if f.node.body < 0 && len(byNode[f.node]) == 1 {
			empty = append(empty, f)
		}
	}
	for _, f := range empty {
		if err := u.regular(byNode[f.node], nil); err != nil {
			return err
		}
	}
	return u.im.Contents(files, func(f File, body io.Reader) error { return u.regular(byNode[f.node], body) })
}

// regular makes a file and its hard links.
func (u *unpacker) regular(names []File, body io.Reader) error {
	first := names[0]
	if err := u.makeWay(first.Path); err != nil {
		return err
	}
	out, err := u.root.OpenFile(first.Path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if body != nil {
		_, err = io.Copy(out, body)
	}
	if err := errors.Join(err, out.Close()); err != nil {
		return err
	}
	for _, f := range names[1:] {
		if err := u.makeWay(f.Path); err != nil {
			return err
		}
		if err := u.root.Link(first.Path, f.Path); err != nil {
			return err
		}
	}
	u.done.Files += len(names)
	return u.finish(first)
}

// finish sets owner, mode and time, in the order in which one does not undo
// another.
func (u *unpacker) finish(f File) error {
	if u.o.Root {
		if err := u.root.Lchown(f.Path, int(f.UID), int(f.GID)); err != nil {
			return err
		}
	}
	if f.Type == manifest.Symlink {
		return u.linkTime(f)
	}
	if err := u.root.Chmod(f.Path, fileMode(f.Mode)); err != nil {
		return err
	}
	t := time.Unix(f.ModTime, 0)
	return u.root.Chtimes(f.Path, t, t)
}

// fileMode turns bits of stat(2) into those of Go.
func fileMode(p manifest.Perm) fs.FileMode {
	mode := fs.FileMode(p & 0o777)
	for bit, m := range map[manifest.Perm]fs.FileMode{0o4000: fs.ModeSetuid, 0o2000: fs.ModeSetgid, 0o1000: fs.ModeSticky} {
		if p&bit != 0 {
			mode |= m
		}
	}
	return mode
}

// node makes what is neither folder nor regular file. What this user may not
// make is a warning.
func (u *unpacker) node(f File) error {
	device := f.Type == manifest.Char || f.Type == manifest.Block
	if device && !u.o.Root {
		u.warn(f, errors.New("a device node; only root can make it"))
		return nil
	}
	if f.Type == manifest.Symlink && f.Target == "" {
		u.warn(f, errors.New("a symbolic link without target; only the kernel itself can make it"))
		return nil
	}
	if err := u.makeWay(f.Path); err != nil {
		return err
	}
	var err error
	if f.Type == manifest.Symlink {
		err = u.root.Symlink(f.Target, f.Path)
	} else {
		err = u.mknod(f)
	}
	if device && errors.Is(err, fs.ErrPermission) {
		u.warn(f, err)
		return nil
	}
	if err != nil {
		return err
	}
	u.done.Files++
	return u.finish(f)
}

func (u *unpacker) warn(f File, err error) {
	u.done.Warnings = append(u.done.Warnings, fmt.Sprintf("%s: %v", Quote(f.Path), err))
}

// inFolder calls do with the folder that name is in and its base name.
func (u *unpacker) inFolder(name string, do func(dir *os.File, base string) error) error {
	dir, err := u.root.Open(path.Dir(name))
	if err != nil {
		return err
	}
	if err := do(dir, path.Base(name)); err != nil {
		err = &fs.PathError{Op: "make", Path: filepath.Join(u.root.Name(), name), Err: err}
		return errors.Join(err, dir.Close())
	}
	return dir.Close()
}
