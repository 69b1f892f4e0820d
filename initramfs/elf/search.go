package elf

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/kguest/kguest/initramfs/hostfile"
)

// Search finds shared libraries.
type Search struct {
	// Image returns what is at an absolute path of the image already; the
	// reader is closed where it is an io.Closer.
	Image func(guest string) (io.ReaderAt, bool)
	// Elsewhere reports whether a file is at an absolute path of the guest that
	// cannot be read; what it needs is taken to be there too.
	Elsewhere func(guest string) bool

	root string // folder of the host that stands for the guest's /
	conf []string
}

// NewSearch returns a Search of the folder root of the host, which is laid out
// as a root file system. It reads the loader's configuration there.
func NewSearch(root string, image func(guest string) (io.ReaderAt, bool)) (*Search, error) {
	if root == "" {
		root = "/"
	}
	root, err := filepath.Abs(root)
	if err != nil {
		return nil, fmt.Errorf("find shared libraries: %w", err)
	}
	if info, err := os.Stat(root); err != nil || !info.IsDir() {
		return nil, fmt.Errorf("find shared libraries: %s is not a folder", root)
	}
	conf, err := confDirs(root)
	none := func(string) bool { return false }
	return &Search{Image: image, Elsewhere: none, root: root, conf: conf}, err
}

// Program is a file of the image whose libraries are looked for.
type Program struct {
	*Object
	Guest string // absolute path
	Host  string // path on the host; empty where it has none
	By    *Program
	// Loader is the default folders of the dynamic loader, once it is known.
	Loader []string
}

// Found is a library or a dynamic loader.
type Found struct {
	Name    string   // as it was asked for
	Places  []Place  // links and, last, the file; none where the image has it
	Program *Program // nil for one that is elsewhere
}

// NotFound says that a library or the dynamic loader is not there.
type NotFound struct {
	Name   string   // as it was asked for
	Loader bool     // it is the dynamic loader
	Looked []string // the folders of the guest that were looked in
	Others []string // files of that name that are for other machines
}

// Error implements error.
func (e *NotFound) Error() string {
	what := "shared library"
	if e.Loader {
		what = "dynamic loader"
	}
	text := fmt.Sprintf("%s %s, which is not there; looked in %s", what, e.Name, strings.Join(e.Looked, ", "))
	if len(e.Others) > 0 {
		text += fmt.Sprintf("; %s is for another machine", strings.Join(e.Others, ", "))
	}
	return text
}

// Needs returns what p needs itself: its dynamic loader first, then its
// libraries in order.
func (s *Search) Needs(p *Program) ([]Found, error) {
	var list []Found
	if p.Interp != "" {
		f, err := s.interp(p)
		if err != nil {
			return nil, err
		}
		list = append(list, f)
	}
	if p.Loader == nil {
		p.Loader = defaultDirs(p.Object)
	}
	for _, name := range p.Needed {
		f, err := s.library(p, name)
		if err != nil {
			return nil, err
		}
		list = append(list, f)
	}
	return list, nil
}

// interp finds p's dynamic loader, and learns its default folders from it.
func (s *Search) interp(p *Program) (Found, error) {
	f, err := s.at(p, p.Interp, spot{path.Clean(p.Interp), s.root, path.Clean(p.Interp)}, func(r io.ReaderAt) {
		p.Loader = loaderDirs(r)
	})
	if f == nil && err == nil {
		err = &NotFound{Name: p.Interp, Loader: true, Looked: []string{filepath.Join(s.root, path.Dir(p.Interp))}}
	}
	if err != nil {
		return Found{}, err
	}
	return *f, nil
}

// library finds the library name for p.
func (s *Search) library(p *Program, name string) (Found, error) {
	missing := &NotFound{Name: name}
	if strings.Contains(name, "/") {
		at := path.Join("/", name)
		f, err := s.at(p, name, spot{at, s.root, at}, nil)
		if f != nil || err != nil {
			return deref(f), err
		}
		missing.Looked = []string{path.Dir(at)}
		return Found{}, missing
	}
	for _, d := range s.dirs(p) {
		f, err := s.at(p, name, spot{path.Join(d.guest, name), d.root, path.Join(d.real, name)}, nil)
		if other, ok := errors.AsType[*otherMachine](err); ok {
			missing.Others = append(missing.Others, other.path)
			err = nil
		}
		if err != nil {
			return Found{}, err
		}
		if f == nil {
			if !slices.Contains(missing.Looked, d.guest) {
				missing.Looked = append(missing.Looked, d.guest)
			}
			continue
		}
		if d.conf && !slices.Contains(p.Loader, d.guest) && len(f.Places) > 0 {
			// The guest has no ld.so.cache: a link where its loader looks.
			link := Place{Guest: path.Join(p.Loader[0], name), Host: f.Places[0].Host, Target: f.Places[0].Guest}
			f.Places = append([]Place{link}, f.Places...)
		}
		return *f, nil
	}
	return Found{}, missing
}

func deref(f *Found) Found {
	if f == nil {
		return Found{}
	}
	return *f
}

// otherMachine says that a library is for another machine, and not a mistake.
type otherMachine struct{ path string }

func (e *otherMachine) Error() string { return e.path + " is for another machine" }

// at returns what is at that spot, of the image or the host; nil for nothing.
// look, where not nil, is shown the file.
func (s *Search) at(p *Program, name string, at spot, look func(io.ReaderAt)) (*Found, error) {
	if r, ok := s.Image(at.guest); ok {
		if c, ok := r.(io.Closer); ok {
			defer c.Close()
		}
		return s.take(p, name, Place{Guest: at.guest}, nil, r, look)
	}
	if s.Elsewhere(at.guest) {
		return &Found{Name: name}, nil
	}
	places, err := at.places()
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil //nolint:nilnil // documented
	}
	if err != nil {
		return nil, fmt.Errorf("shared library %s: %w", name, err)
	}
	last := places[len(places)-1]
	r, _, err := hostfile.Open(last.Host)
	if err != nil {
		return nil, fmt.Errorf("shared library %s: %w", name, err)
	}
	defer r.Close()
	return s.take(p, name, last, places, r, look)
}

// take returns the file at last as what p needs.
func (s *Search) take(p *Program, name string, last Place, places []Place, r io.ReaderAt, look func(io.ReaderAt)) (*Found, error) {
	o, err := Read(r)
	if err != nil {
		return nil, fmt.Errorf("shared library %s: %s: %w", name, last.Guest, err)
	}
	if o == nil {
		return nil, nil //nolint:nilnil // a linker script, or another file of that name
	}
	if !p.Runs(o) {
		return nil, &otherMachine{last.Guest}
	}
	if look != nil {
		look(r)
	}
	return &Found{Name: name, Places: places, Program: &Program{Object: o, Guest: last.Guest, Host: last.Host, By: p, Loader: p.Loader}}, nil
}
