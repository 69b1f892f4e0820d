// Package initramfs makes the archive that the kernel unpacks as its first
// root. A Spec says what was asked for and where; a Tree is the files that
// follow from it, with the shared libraries of its programs; Write turns a Tree
// into bytes. Builder does all of it, and puts other archives first.
//
// Files of equal content, mode and owner are stored once, as hard links, but
// for those below /etc, /home, /root, /tmp and /var: a guest that writes to one
// of them must not change another.
package initramfs

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/kguest/kguest/initramfs/kconfig"
	"github.com/kguest/kguest/initramfs/modules"
	"github.com/kguest/kguest/initramfs/multicall"
)

// Spec is what was asked to be in an image. What it asks for carries the place
// where it was asked, for error messages and for Entry.Reason.
type Spec struct {
	Arch       string          // GOARCH of the guest; one of multicall.Arches
	Commands   []multicall.Ask // besides kguest's own, which are always there
	Files      []File
	Bases      []Base
	Sysroot    string // folder that shared libraries are looked for in; empty for /
	ModulesDir string // a kernel's modules folder; empty for no modules
	Modules    []modules.Ask
	// ModprobeDirs are folders as /etc/modprobe.d, FirmwareDirs as
	// /lib/firmware; without them modules have no options and no firmware.
	ModprobeDirs, FirmwareDirs []string
	KeepSignatures             bool   // even where the kernel does not enforce them
	KeepTracebacks             bool   // whole ones, in kguest's own program
	ModTime                    int64  // of every file, in seconds since 1970
	NoManifest                 bool   // leaves manifest.Path out
	NoShell                    string // where it was asked that the image has no shell; empty where it was not
	// Notes has, for a From above that depends on where this host has its
	// files, what the manifest says in its place.
	Notes map[string]string

	KernelConfig *kconfig.Config // of the guest's kernel; nil where it is not known
}

// Check returns an error for the first thing in s that cannot be had,
// as far as that can be told at once.
func (s *Spec) Check() error {
	if !slices.Contains(multicall.Arches(), s.Arch) {
		return fmt.Errorf("no guest architecture %q; there are %s", s.Arch, strings.Join(multicall.Arches(), ", "))
	}
	if s.ModTime < 0 || s.ModTime > math.MaxUint32 {
		return fmt.Errorf("time %d is not within 0 and %d seconds since 1970", s.ModTime, uint32(math.MaxUint32))
	}
	for _, c := range s.Commands {
		if err := multicall.CheckName(c.Name); err != nil {
			return fmt.Errorf("%s: %w", c.From, err)
		}
	}
	loads := s.KernelConfig == nil || s.KernelConfig.Modules()
	if s.ModulesDir == "" && len(s.Modules) > 0 && loads {
		return fmt.Errorf("%s: no modules folder to take module %s from", s.Modules[0].From, s.Modules[0].Name)
	}
	for _, f := range s.Files {
		if err := f.check(); err != nil {
			return fmt.Errorf("%s: %w", Clip(f.From), err)
		}
	}
	return nil
}
