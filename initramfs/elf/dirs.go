package elf

import (
	stdelf "debug/elf"
	"io"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// dir is a folder to look in: its path in the guest, and where it is below a
// folder of the host.
type dir struct {
	spot
	conf bool // of the loader's configuration, which the guest has not
}

// dirs returns the folders to look in for a library of p, first to last.
func (s *Search) dirs(p *Program) []dir {
	var list []dir
	if p.RunPath == nil {
		for q := p; q != nil; q = q.By {
			list = append(list, s.expand(q, q.RPath)...)
		}
	}
	list = append(list, s.expand(p, p.RunPath)...)
	for _, d := range s.conf {
		list = append(list, dir{spot{d, s.root, d}, true})
	}
	for _, d := range p.Loader {
		list = append(list, dir{spot{d, s.root, d}, false})
	}
	return list
}

// expand returns the folders of p's RPATH or RUNPATH. $ORIGIN is p's folder,
// on the host and in the guest.
func (s *Search) expand(p *Program, paths []string) []dir {
	var list []dir
	for _, text := range paths {
		for _, one := range tokens(p.Object, text) {
			rest, origin := cutToken(one, "ORIGIN")
			switch {
			case origin && p.Host != "":
				host := filepath.Dir(p.Host)
				if abs, err := filepath.Abs(host); err == nil {
					host = abs
				}
				list = append(list, s.origin(path.Dir(p.Guest), host, rest))
			case origin:
				d := path.Join(path.Dir(p.Guest), rest)
				list = append(list, dir{spot{d, s.root, d}, false})
			case path.IsAbs(one):
				d := path.Clean(one)
				list = append(list, dir{spot{d, s.root, d}, false})
			}
		}
	}
	return list
}

// origin returns the folder rest from a program's own: below the root that is
// searched where the program is, else anywhere on the host.
func (s *Search) origin(guest, host, rest string) dir {
	root := "/"
	if in, ok := strings.CutPrefix(host, strings.TrimSuffix(s.root, "/")+"/"); ok {
		root, host = s.root, "/"+in
	}
	return dir{spot{path.Join("/", guest, rest), root, path.Join("/", host, rest)}, false}
}

// cutToken returns text without $NAME or ${NAME} at its beginning.
func cutToken(text, name string) (string, bool) {
	if rest, ok := strings.CutPrefix(text, "${"+name+"}"); ok {
		return rest, true
	}
	return strings.CutPrefix(text, "$"+name)
}

// tokens expands $LIB, which is one of several, and $PLATFORM.
func tokens(o *Object, text string) []string {
	names := machineNames(o)
	list := []string{text}
	for _, t := range []struct {
		name   string
		values []string
	}{{"LIB", names.lib}, {"PLATFORM", []string{names.platform}}} {
		var more []string
		for _, one := range list {
			for _, value := range t.values {
				more = append(more, strings.ReplaceAll(strings.ReplaceAll(one, "${"+t.name+"}", value), "$"+t.name, value))
			}
		}
		slices.Sort(more)
		list = slices.Compact(more)
	}
	return list
}

// names is what a machine is called in paths.
type names struct {
	lib      []string // $LIB, as distributions have it
	platform string   // $PLATFORM
}

func machineNames(o *Object) names {
	wide := o.Class == stdelf.ELFCLASS64
	switch {
	case o.Machine == stdelf.EM_X86_64 && wide:
		return names{[]string{"lib/x86_64-linux-gnu", "lib64", "lib"}, "x86_64"}
	case o.Machine == stdelf.EM_386:
		return names{[]string{"lib/i386-linux-gnu", "lib32", "lib"}, "i686"}
	case o.Machine == stdelf.EM_AARCH64:
		return names{[]string{"lib/aarch64-linux-gnu", "lib64", "lib"}, "aarch64"}
	case o.Machine == stdelf.EM_ARM:
		return names{[]string{"lib/arm-linux-gnueabihf", "lib"}, "v7l"}
	case o.Machine == stdelf.EM_RISCV && wide:
		return names{[]string{"lib/riscv64-linux-gnu", "lib64/lp64d", "lib64", "lib"}, "riscv64"}
	}
	return names{[]string{"lib64", "lib"}, "unknown"}
}

// defaultDirs is where the loaders of distributions look.
func defaultDirs(o *Object) []string {
	var dirs []string
	for _, lib := range machineNames(o).lib {
		dirs = append(dirs, "/"+lib, "/usr/"+lib)
	}
	return dirs
}

// maxLoader bounds what is read of a dynamic loader, in bytes.
const maxLoader = 8 << 20

// loaderDirs returns the default folders that are compiled into a dynamic
// loader: glibc's system_dirs is a run of strings that end in a slash, musl's
// is one string with colons. It is nil where there are none.
func loaderDirs(r io.ReaderAt) []string {
	data, err := io.ReadAll(io.NewSectionReader(r, 0, maxLoader))
	if err != nil {
		return nil
	}
	if run := regexp.MustCompile(`(?:/[\w./+-]+/\x00){2,}`).Find(data); run != nil {
		var dirs []string
		for name := range strings.SplitSeq(strings.TrimSuffix(string(run), "\x00"), "\x00") {
			dirs = append(dirs, path.Clean(name))
		}
		return dirs
	}
	if musl := regexp.MustCompile(`\x00(/lib:[\w./+:-]+)\x00`).FindSubmatch(data); musl != nil {
		return strings.Split(string(musl[1]), ":")
	}
	return nil
}
