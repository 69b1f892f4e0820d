package initramfs

import (
	"fmt"
	"path"
	"strings"
	"unicode"

	"github.com/kguest/kguest/initramfs/cpio"
	"github.com/kguest/kguest/initramfs/manifest"
)

// checkGuestPath returns an error where no file of the host can be put at the
// absolute path guest.
func checkGuestPath(guest string) error {
	if err := checkClean(guest); err != nil {
		return err
	}
	return checkReserved(guest)
}

// checkClean returns an error where guest is no clean absolute path that the
// kernel would unpack.
func checkClean(guest string) error {
	shown := Clip(guest)
	switch {
	case !strings.HasPrefix(guest, "/"):
		return fmt.Errorf("path %q in the guest must begin with a slash", shown)
	case strings.HasSuffix(guest, "/"):
		return fmt.Errorf("path %q in the guest is a folder's; give the file's own name too", shown)
	case path.Clean(guest) != guest:
		return fmt.Errorf("path %q in the guest is not clean; did you mean %q?", shown, Clip(path.Clean(guest)))
	case strings.ContainsFunc(guest, unicode.IsControl):
		return fmt.Errorf("path %q in the guest has a control character; give it a name without", shown)
	}
	return checkLength(guest)
}

// checkLength refuses what the kernel would not unpack.
func checkLength(guest string) error {
	if n := len(guest) - len("/"); n > cpio.MaxName {
		return fmt.Errorf("path in the guest has %d bytes, more than %d; choose a shorter one", n, cpio.MaxName)
	}
	for name := range strings.SplitSeq(guest, "/") {
		if len(name) > cpio.MaxElement {
			return fmt.Errorf("name %q in the guest's path has %d bytes, more than %d; choose a shorter one", Clip(name), len(name), cpio.MaxElement)
		}
	}
	return nil
}

// checkReserved refuses what the boot would not see, or would take for the
// image's own.
func checkReserved(guest string) error {
	for _, dir := range []string{"/dev", "/proc", "/run", "/sys"} {
		if strings.HasPrefix(guest, dir+"/") {
			return fmt.Errorf("%s would be hidden: the boot mounts a file system of the kernel's on %s; choose another path", Clip(guest), dir)
		}
	}
	if guest == "/"+manifest.Path || strings.HasPrefix(guest, "/"+manifest.Path+"/") {
		return fmt.Errorf("/%s is reserved for the image's own list of its files; choose another path", manifest.Path)
	}
	for _, file := range []string{orderFile, usesFile} {
		if guest == "/"+file || strings.HasPrefix(guest, "/"+file+"/") {
			return fmt.Errorf("/%s is reserved for the image's own list of modules; choose another path", file)
		}
	}
	return nil
}
