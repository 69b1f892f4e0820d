package initramfs

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"

	"github.com/kguest/kguest/initramfs/cpio"
)

// check returns an error where f cannot be in an image.
func (f File) check() error {
	if err := checkGuestPath(f.Guest); err != nil {
		return err
	}
	info, err := os.Stat(f.Host)
	if err != nil {
		return readError(err)
	}
	if err := checkHostFile(f.Host, info); err != nil {
		return err
	}
	return checkReadable(f.Host, info.Size())
}

// checkReadable reads the first byte of a file of that size. The files of
// /proc say 0 and have more.
func checkReadable(name string, size int64) error {
	r, err := os.Open(name)
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
	case info.IsDir():
		return fmt.Errorf("%s is a folder; give its files one by one", Clip(name))
	case !info.Mode().IsRegular():
		return fmt.Errorf("%s is not a regular file (%s); give a regular one", Clip(name), kind(info.Mode()))
	case info.Size() > cpio.MaxSize:
		return fmt.Errorf("%s has %d bytes, and an initramfs holds files of less than 4 GiB; put it on a disk of the guest",
			Clip(name), info.Size())
	}
	return nil
}

// readError adds to an error of a host's file what to do about it.
func readError(err error) error {
	remedy := readRemedy(err)
	if perr, ok := errors.AsType[*fs.PathError](err); ok {
		return fmt.Errorf("read file: %s %s: %w; %s", perr.Op, Clip(perr.Path), perr.Err, remedy)
	}
	return fmt.Errorf("read file: %w; %s", err, remedy)
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
