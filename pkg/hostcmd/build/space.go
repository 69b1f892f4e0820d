package build

import (
	"fmt"

	"github.com/kguest/kguest/initramfs"
)

// room returns an error for more bytes than the file system of dir, where the
// file out is to be, has free. The file that it replaces does not count: it is
// there until the new one is whole.
func room(out, dir string) func(int64) error {
	return func(size int64) error {
		free, err := initramfs.FreeSpace(dir)
		if err != nil || size <= free {
			return err
		}
		return fmt.Errorf("write %s: the image has %s, and its file system has %s free; free space there, or give another -o",
			initramfs.Clip(out), bytes(size), bytes(free))
	}
}

// bytes is a size for a person.
func bytes(n int64) string {
	switch {
	case n < 10_000:
		return fmt.Sprintf("%d bytes", n)
	case n < 10_000_000:
		return fmt.Sprintf("%d kB", n/1000)
	}
	return fmt.Sprintf("%d MB", n/1_000_000)
}
