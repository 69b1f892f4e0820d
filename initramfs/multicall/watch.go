package multicall

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/kguest/kguest/initramfs/hostfile"
)

// watched is a path whose change makes a program out of date.
type watched struct {
	Path string
	As   watchedAs
}

// watchedAs is what counts of a watched path. That nothing is there counts too.
type watchedAs string

const (
	asFile   watchedAs = "file"   // the content
	asSource watchedAs = "source" // the names and contents of a folder's source files, but for tests
	asNames  watchedAs = "names"  // the names in a folder
	asTool   watchedAs = "tool"   // the content, of a file of the toolchain's
)

// watch is what a program is made of, but for what cannot change: the packages
// of a toolchain and those of the module cache, both told by their version.
type watch struct {
	list   []watched
	digest string // empty where something in list could not be read
	plain  bool   // what else go was told does not reach beyond list
}

// watch returns what the program of r is made of, as it is now.
func (s Source) watch(wd string, r resolved) watch {
	set := make(map[watched]bool)
	add := func(as watchedAs, paths ...string) {
		for _, p := range paths {
			set[watched{p, as}] = true
		}
	}
	for _, p := range r.pkgs {
		if p.Standard || s.immutable(p.Dir) {
			continue
		}
		add(asSource, p.Dir)
		add(asFile, modFiles(p)...)
		files, folders := embedded(p)
		add(asFile, files...)
		add(asNames, folders...)
	}
	if r.urootDir != "" && !s.immutable(r.urootDir) {
		for _, folder := range urootFolders() {
			add(asNames, filepath.Join(r.urootDir, "cmds", folder))
		}
	}
	add(asFile, settings(wd)...)
	add(asFile, settings(s.Dir)...)
	add(asTool, s.env.GOENV, filepath.Join(s.GoRoot, "VERSION"), filepath.Join(s.GoRoot, "go.env"))
	if s.env.GOWORK != "" && s.env.GOWORK != "off" {
		add(asFile, s.env.GOWORK, s.env.GOWORK+".sum")
	}
	w := watch{plain: s.plain()}
	w.list = slices.SortedFunc(maps.Keys(set), func(a, b watched) int { return strings.Compare(a.Path+"\x00"+string(a.As), b.Path+"\x00"+string(b.As)) })
	w.digest, _ = digestAll(w.list)
	return w
}

// embedded returns the files that the package p embeds, and the folders that
// they are in: one more there may be embedded too.
func embedded(p *pkg) (files, folders []string) {
	for _, name := range p.EmbedFiles {
		file := filepath.Join(p.Dir, name)
		files = append(files, file)
		for dir := filepath.Dir(file); ; dir = filepath.Dir(dir) {
			folders = append(folders, dir)
			if len(dir) <= len(p.Dir) {
				break
			}
		}
	}
	return files, folders
}

// immutable reports whether dir is in the module cache.
func (s Source) immutable(dir string) bool {
	return s.env.GOMODCACHE != "" && strings.HasPrefix(dir, s.env.GOMODCACHE+"/")
}

// modFiles returns the files that say which module the package p is in: its
// go.mod, and the places where another would take it from that module.
func modFiles(p *pkg) []string {
	if p.Module == nil || p.Module.Dir == "" {
		return above(p.Dir, "go.mod")
	}
	files := []string{p.Module.GoMod, strings.TrimSuffix(p.Module.GoMod, ".mod") + ".sum"}
	for dir := p.Dir; len(dir) > len(p.Module.Dir); dir = filepath.Dir(dir) {
		files = append(files, filepath.Join(dir, "go.mod"))
	}
	return append(files, filepath.Join(p.Module.Dir, "vendor", "modules.txt"))
}

// settings returns the files that a go command in dir looks for.
func settings(dir string) []string {
	return slices.Concat(above(dir, "go.mod"), above(dir, "go.sum"), above(dir, "go.work"))
}

// above returns name in dir and in all folders above it.
func above(dir, name string) []string {
	var files []string
	for {
		files = append(files, filepath.Join(dir, name))
		up := filepath.Dir(dir)
		if up == dir {
			return files
		}
		dir = up
	}
}

// plain reports whether GOFLAGS brings in no other files.
func (s Source) plain() bool {
	for flag := range strings.FieldsSeq(s.env.GOFLAGS) {
		name, _, _ := strings.Cut(strings.TrimLeft(flag, "-"), "=")
		if !slices.Contains([]string{"mod", "trimpath", "buildvcs", "modcacherw", "tags", "p", "v", "x"}, name) {
			return false
		}
	}
	return true
}

// keepable reports whether a program that was begun at start can be kept:
// nothing that it is made of was changed while it was made.
func (w watch) keepable(start time.Time) bool {
	if w.digest == "" || !w.plain {
		return false
	}
	for _, x := range w.list {
		if x.changed().After(start) {
			return false
		}
	}
	now, ok := digestAll(w.list)
	return ok && now == w.digest
}

// changed returns when the last of x's files was changed.
func (x watched) changed() time.Time {
	switch x.As {
	case asFile, asTool:
		return changed(x.Path)
	case asSource:
		var last time.Time
		entries, err := os.ReadDir(x.Path)
		if err != nil {
			return last
		}
		for _, e := range entries {
			if at := changed(filepath.Join(x.Path, e.Name())); isSource(e.Name()) && at.After(last) {
				last = at
			}
		}
		return last
	default:
		return time.Time{}
	}
}

// digestAll returns the digest of all that counts of list. It is false where
// something is there and cannot be read.
func digestAll(list []watched) (string, bool) {
	h := sha256.New()
	for _, x := range list {
		fmt.Fprintf(h, "%s %q\n", x.As, x.Path)
		var err error
		switch x.As {
		case asFile, asTool:
			err = digestFile(h, x.Path)
		case asSource:
			err = digestFolder(h, x.Path, true)
		case asNames:
			err = digestFolder(h, x.Path, false)
		default:
			return "", false
		}
		if errors.Is(err, fs.ErrNotExist) {
			fmt.Fprintln(h, "none")
		} else if err != nil {
			return "", false
		}
	}
	return hex.EncodeToString(h.Sum(nil)), true
}

func digestFile(h hash.Hash, file string) error {
	sum, err := hostfile.SHA256(file)
	if err != nil {
		return err
	}
	fmt.Fprintf(h, "%x\n", sum)
	return nil
}

func digestFolder(h hash.Hash, dir string, source bool) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if source && (e.IsDir() || !isSource(e.Name())) {
			continue
		}
		fmt.Fprintf(h, "%q\n", e.Name())
		if !source {
			continue
		}
		if err := digestFile(h, filepath.Join(dir, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

// isSource reports whether a file of that name can be part of a package
// (go/build's goodOSArchFile and its lists of suffixes), tests aside.
func isSource(name string) bool {
	if strings.HasPrefix(name, "_") || strings.HasPrefix(name, ".") || strings.HasSuffix(name, "_test.go") {
		return false
	}
	switch filepath.Ext(name) {
	case ".go", ".s", ".S", ".sx", ".h", ".hh", ".hpp", ".hxx", ".c", ".cc", ".cpp", ".cxx", ".m",
		".f", ".F", ".for", ".f90", ".swig", ".swigcxx", ".syso":
		return true
	}
	return false
}
