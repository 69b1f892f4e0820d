package initramfs

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/kguest/kguest/initramfs/cpio"
	"github.com/kguest/kguest/initramfs/hostfile"
	"github.com/kguest/kguest/pkg/nearest"
)

// check returns an error where f cannot be in an image, as far as that can be
// told without looking into a folder.
func (f File) check() error {
	if err := f.checkKind(); err != nil {
		return err
	}
	if f.Kind != FromHost {
		return f.checkLiteral()
	}
	info, err := os.Stat(f.Host)
	if err != nil {
		return readError(err)
	}
	if f.Runs && !info.Mode().IsRegular() {
		return fmt.Errorf("%s is a %s; give a script or a program", Clip(f.Host), hostfile.Kind(info.Mode()))
	}
	if f.Runs && f.Mode == nil && info.Mode()&0o111 == 0 {
		return fmt.Errorf("%s may not be executed (mode %04o); give it the permission: chmod +x", Clip(f.Host), info.Mode().Perm())
	}
	if !info.IsDir() || f.Guest != "/" {
		if err := f.checkGuest(); err != nil {
			return err
		}
	}
	return checkHost(f.Host, info)
}

// CheckFolder returns an error where name is no folder of the host, nor, where
// that will do, a file.
func CheckFolder(name string, orFile bool) error {
	info, err := os.Stat(name)
	switch {
	case err != nil:
		remedy := "give a folder that is there"
		if near := nearestHost(name); near != "" && errors.Is(err, fs.ErrNotExist) {
			remedy = "did you mean " + Clip(near) + "?"
		}
		return fmt.Errorf("%w; %s", err, remedy)
	case info.IsDir(), orFile && info.Mode().IsRegular():
		return nil
	}
	return fmt.Errorf("%s is a %s; give a folder", Clip(name), hostfile.Kind(info.Mode()))
}

func (f File) checkLiteral() error {
	if err := f.checkGuest(); err != nil {
		return err
	}
	switch f.Kind {
	case Symlink:
		return checkTarget(f.Target)
	case HardLink:
		if err := checkGuestPath(f.Target); err != nil {
			return fmt.Errorf("hard link: %w", err)
		}
	case Text:
		if int64(len(f.Data)) > cpio.MaxSize {
			return tooBig("text", int64(len(f.Data)))
		}
	default:
	}
	return nil
}

// checkGuest refuses paths that no file can have. Devices may be below /dev:
// they are of use where the first process is not kinit.
func (f File) checkGuest() error {
	if f.Kind == CharDevice || f.Kind == BlockDevice {
		return checkClean(f.Guest)
	}
	return checkGuestPath(f.Guest)
}

func checkTarget(target string) error {
	switch {
	case target == "":
		return errors.New("symbolic link without a target; give one")
	case len(target) > cpio.MaxName:
		return fmt.Errorf("target of the symbolic link has %d bytes, more than %d; choose a shorter one", len(target), cpio.MaxName)
	case strings.ContainsRune(target, 0):
		return fmt.Errorf("target %q of the symbolic link has a NUL; give one without", Clip(target))
	}
	return nil
}

// checkHost refuses what of the host cannot be in an image. It opens regular
// files only: a named pipe would wait for a writer, and a device may act.
func checkHost(name string, info fs.FileInfo) error {
	mode := info.Mode()
	switch {
	case mode.IsRegular():
		if err := checkHostFile(name, info); err != nil {
			return err
		}
		return checkReadable(name, info.Size())
	case mode.IsDir(), mode&(fs.ModeDevice|fs.ModeNamedPipe|fs.ModeSymlink) != 0:
		return nil
	}
	return fmt.Errorf("%s is a %s, which an image cannot hold; leave it out", Clip(name), hostfile.Kind(mode))
}

// checkReadable reads the first byte of a file of that size. The files of
// /proc say 0 and have more.
func checkReadable(name string, size int64) error {
	r, _, err := hostfile.Open(name)
	if err != nil {
		return readError(err)
	}
	defer r.Close()
	n, err := r.Read(make([]byte, 1))
	switch {
	case err != nil && !errors.Is(err, io.EOF):
		return readError(err)
	case n > 0 && size == 0:
		return fmt.Errorf("%s has more than the 0 bytes that it says; copy it to an ordinary file first", Clip(name))
	}
	return nil
}

func checkHostFile(name string, info fs.FileInfo) error {
	switch {
	case !info.Mode().IsRegular():
		return fmt.Errorf("%s is not a regular file (%s); give a regular one", Clip(name), hostfile.Kind(info.Mode()))
	case info.Size() > cpio.MaxSize:
		return tooBig(Clip(name), info.Size())
	}
	return nil
}

func tooBig(name string, size int64) error {
	return fmt.Errorf("%s has %d bytes, and an initramfs holds files of less than 4 GiB; put it on a disk of the guest", name, size)
}

// readError adds to an error of a host's file what to do about it.
func readError(err error) error {
	remedy := readRemedy(err)
	if perr, ok := errors.AsType[*fs.PathError](err); ok {
		if near := nearestHost(perr.Path); near != "" && errors.Is(err, fs.ErrNotExist) {
			remedy = "did you mean " + Clip(near) + "?"
		}
		return fmt.Errorf("read file: %s %s: %w; %s", perr.Op, Clip(perr.Path), perr.Err, remedy)
	}
	return fmt.Errorf("read file: %w; %s", err, remedy)
}

// nearestHost returns the path of the host that name may have been meant to
// be: one that differs in the first element that is not there.
func nearestHost(name string) string {
	for dir, rest := filepath.Dir(name), ""; ; name, dir = dir, filepath.Dir(dir) {
		entries, err := os.ReadDir(dir)
		if err == nil {
			names := make([]string, 0, len(entries))
			for _, e := range entries {
				names = append(names, e.Name())
			}
			near := nearest.Name(filepath.Base(name), names)
			if near == "" {
				return ""
			}
			return existing(filepath.Join(dir, near, rest))
		}
		if dir == filepath.Dir(dir) {
			return ""
		}
		rest = filepath.Join(filepath.Base(name), rest)
	}
}

// existing returns name where that is there.
func existing(name string) string {
	if _, err := os.Lstat(name); err != nil {
		return ""
	}
	return name
}

func readRemedy(err error) string {
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR), errors.Is(err, syscall.ENAMETOOLONG):
		return "give the path of a file that is there"
	case errors.Is(err, fs.ErrPermission):
		return "make it readable to you, or leave it out"
	case errors.Is(err, syscall.ELOOP):
		return "give a path whose links do not lead back to themselves"
	}
	return "copy it to an ordinary file first, or leave it out"
}
