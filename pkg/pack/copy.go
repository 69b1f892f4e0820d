package pack

import (
	"errors"
	"io"
	"os"
	"syscall"
)

// link makes the new file to, which is the file from where the file system has
// hard links: for disks that nobody writes to.
func link(from, to string) error {
	if os.Link(from, to) == nil {
		return nil
	}
	return copyDisk(from, to)
}

// copyDisk makes the new file to, with the content of from and a life of its
// own: it shares the blocks where the file system can, until one is written.
func copyDisk(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return err
	}
	if cloneFile(out, in) != nil {
		err = copySegments(out, in)
	}
	if err = errors.Join(err, out.Close()); err != nil {
		return errors.Join(err, os.Remove(to))
	}
	return nil
}

// copySegments copies what in has between its holes (lseek(2)), in the kernel
// (copy_file_range(2), which os.File does).
func copySegments(out, in *os.File) error {
	info, err := in.Stat()
	if err != nil {
		return err
	}
	for at := int64(0); at < info.Size(); {
		begin, end, err := nextSegment(in, at, info.Size())
		if err != nil {
			return err
		}
		if _, err := in.Seek(begin, io.SeekStart); err != nil {
			return err
		}
		if _, err := out.Seek(begin, io.SeekStart); err != nil {
			return err
		}
		if _, err := io.CopyN(out, in, end-begin); err != nil {
			return err
		}
		at = end
	}
	return out.Truncate(info.Size())
}

// nextSegment returns the first segment of f at or after at; an empty one at its
// end where there is none.
func nextSegment(f *os.File, at, size int64) (begin, end int64, err error) {
	begin, err = f.Seek(at, seekData)
	if errors.Is(err, syscall.ENXIO) {
		return size, size, nil
	}
	if err != nil {
		return 0, 0, err
	}
	end, err = f.Seek(begin, seekHole)
	return begin, end, err
}
