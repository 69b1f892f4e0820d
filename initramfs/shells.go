package initramfs

import (
	"fmt"
	"io/fs"
	"path"
	"slices"

	"github.com/kguest/kguest/initramfs/manifest"
	"github.com/kguest/kguest/initramfs/multicall"
)

// shells are the names of programs that give a person a shell.
func shells() []string {
	return []string{
		multicall.OwnShell, "ash", "bash", "busybox", "csh", "dash", "elvish", "fish", "gosh", "hush", "ksh", "lksh", "mksh",
		"rbash", "rush", "sash", "sh", "tcsh", "toybox", "yash", "zsh",
	}
}

// checkNoShell returns an error for a shell in an image that is to have none: the
// kernel's command line could make it the first process (rdinit=).
func (s *Spec) checkNoShell(t *Tree, bases []baseFile) error {
	if s.NoShell == "" {
		return nil
	}
	names := shells()
	for _, e := range t.Entries() {
		if !e.Mode.IsDir() && e.Mode&fs.ModeType&^fs.ModeSymlink == 0 && slices.Contains(names, path.Base(e.Path)) {
			return s.shellError(e.Path, e.Reason)
		}
	}
	for _, b := range bases {
		for _, f := range b.image.Files() {
			if f.Type != manifest.Directory && slices.Contains(names, path.Base(f.Path)) {
				return s.shellError(f.Path, b.From)
			}
		}
	}
	return nil
}

func (s *Spec) shellError(file, from string) error {
	return fmt.Errorf("%s: the image has the shell /%s (%s), which the kernel's command line could start (rdinit=): "+
		"leave it out, and make scripts programs that need none", s.NoShell, Clip(file), Clip(from))
}
