package initramfs

import (
	"bytes"
	stdelf "debug/elf"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/kguest/kguest/initramfs/elf"
	"github.com/kguest/kguest/pkg/nearest"
)

// addLibraries adds what the programs among the files that were asked for need
// to run: their dynamic loader and shared libraries, and those of these. The
// interpreters of scripts must be in the image, or in a base. What a program
// loads by name while it runs (dlopen(3)) cannot be known.
func (s *Spec) addLibraries(t *Tree, bases []baseFile) error {
	l := &libraries{spec: s, t: t, bases: bases}
	for _, e := range t.Entries() {
		if !e.brings || e.Content == nil {
			continue
		}
		if err := l.program(e); err != nil {
			return fmt.Errorf("%s: %w", e.Reason, err)
		}
	}
	return nil
}

// libraries adds libraries to a tree.
type libraries struct {
	spec   *Spec
	t      *Tree
	bases  []baseFile
	search *elf.Search // made when it is needed
}

// program adds what e needs, where it is a program.
func (l *libraries) program(e Entry) error {
	r, _, err := e.Content.Open()
	if err != nil {
		return err
	}
	defer r.Close()
	at, ok := r.(io.ReaderAt)
	if !ok {
		return nil
	}
	if line, ok := shebang(at); ok && e.Mode&0o111 != 0 {
		return l.script(e, line)
	}
	o, err := elf.Read(at)
	if err != nil || o == nil && !e.runs {
		return ignoreDamage(e, err)
	}
	if e.runs {
		if err := l.spec.checkRuns(e, o); err != nil {
			return err
		}
	}
	if err := l.spec.checkMachine(e, o); err != nil {
		return err
	}
	if o.Interp == "" && len(o.Needed) == 0 {
		return nil
	}
	host := ""
	if f, ok := e.Content.(HostFile); ok {
		host = string(f)
	}
	return l.needs(&elf.Program{Object: o, Guest: "/" + e.Path, Host: host}, e.Reason)
}

// ignoreDamage passes over a damaged ELF file that nobody can run.
func ignoreDamage(e Entry, err error) error {
	if err == nil || e.Mode&0o111 == 0 {
		return nil
	}
	return fmt.Errorf("/%s cannot run: %w; give one that is whole, or clear its permission to execute", Clip(e.Path), err)
}

// checkRuns refuses what is no program of the guest's, where the boot runs it.
func (s *Spec) checkRuns(e Entry, o *elf.Object) error {
	switch {
	case o == nil:
		return fmt.Errorf("/%s cannot run: it is neither a program nor a script with #! and an interpreter in its first line", Clip(e.Path))
	case !slices.Contains(s.machines(), o.Machine):
		return s.otherMachine(e, o)
	}
	return nil
}

// checkMachine refuses a program that the guest cannot run.
func (s *Spec) checkMachine(e Entry, o *elf.Object) error {
	if e.Mode&0o111 == 0 || o.Interp == "" && o.Type != stdelf.ET_EXEC {
		return nil
	}
	if slices.Contains(s.machines(), o.Machine) {
		return nil
	}
	return s.otherMachine(e, o)
}

// machines are those whose programs the guest can run.
func (s *Spec) machines() []stdelf.Machine {
	switch s.Arch {
	case "amd64":
		return []stdelf.Machine{stdelf.EM_X86_64, stdelf.EM_386}
	case "arm64":
		return []stdelf.Machine{stdelf.EM_AARCH64, stdelf.EM_ARM}
	}
	return []stdelf.Machine{stdelf.EM_RISCV}
}

func (s *Spec) otherMachine(e Entry, o *elf.Object) error {
	return fmt.Errorf("/%s is a program for %s, and the image is for %s; give one for that", Clip(e.Path),
		strings.TrimPrefix(o.Machine.String(), "EM_"), s.Arch)
}

// needs adds all that the program first needs.
func (l *libraries) needs(first *elf.Program, reason string) error {
	if l.search == nil {
		var err error
		if l.search, err = elf.NewSearch(l.spec.Sysroot, l.image); err != nil {
			return err
		}
		l.search.Elsewhere = func(guest string) bool { return inBases(l.bases, guest) }
	}
	seen := map[string]bool{first.Guest: true}
	for queue := []*elf.Program{first}; len(queue) > 0; queue = queue[1:] {
		p := queue[0]
		found, err := l.search.Needs(p)
		if missing, ok := errors.AsType[*elf.NotFound](err); ok {
			return fmt.Errorf("%s needs %w; install its package, or put it in the image too", Clip(p.Guest), missing)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", Clip(p.Guest), err)
		}
		for _, f := range found {
			if f.Program == nil {
				continue
			}
			if err := l.add(f, p, reason); err != nil {
				return err
			}
			if !seen[f.Program.Guest] {
				seen[f.Program.Guest] = true
				queue = append(queue, f.Program)
			}
		}
	}
	return nil
}

// image returns what is in the image at the path guest.
func (l *libraries) image(guest string) (io.ReaderAt, bool) {
	e, ok := l.t.lookup(guest)
	if e.LinkTo != "" {
		e, ok = l.t.entries[e.LinkTo]
	}
	if !ok || e.Content == nil {
		return nil, false
	}
	r, _, err := e.Content.Open()
	if err != nil {
		return nil, false
	}
	at, ok := r.(io.ReaderAt)
	return at, ok
}

// add adds what p needs, or notes there that p needs it.
func (l *libraries) add(f elf.Found, p *elf.Program, reason string) error {
	by := strings.TrimPrefix(p.Guest, "/")
	if e, ok := l.t.lookup(p.Guest); ok {
		by = e.Path
	}
	for _, place := range f.Places {
		e, err := l.entry(place)
		if err != nil {
			return err
		}
		e.Reason = reason + ", needed by " + Clip(p.Guest)
		if _, ok := l.t.entries[e.Path]; !ok {
			if err := l.t.Add(e); err != nil {
				return err
			}
		}
		l.note(e.Path, by)
	}
	if e, ok := l.t.lookup(f.Program.Guest); ok {
		l.note(e.Path, by)
	}
	return nil
}

// note notes that the file at a path, if it came as a library, is there for the
// one at by.
func (l *libraries) note(name, by string) {
	e := l.t.entries[name]
	if e.Mode.IsDir() || e.brings || slices.Contains(e.NeededBy, by) {
		return
	}
	e.NeededBy = append(slices.Clone(e.NeededBy), by)
	slices.Sort(e.NeededBy)
	l.t.entries[name] = e
}

// entry returns p as an entry. Its path has the image's links resolved.
func (l *libraries) entry(p elf.Place) (Entry, error) {
	dir, ok := l.t.follow(strings.TrimPrefix(path.Dir(p.Guest), "/"))
	if !ok {
		return Entry{}, fmt.Errorf("shared library %s: the image's symbolic links on its path lead round in a circle", Clip(p.Guest))
	}
	e := Entry{Path: path.Join(dir, path.Base(p.Guest)), Source: l.source(p)}
	if p.Target != "" {
		e.Mode, e.Target = fs.ModeSymlink|0o777, p.Target
		return e, nil
	}
	info, err := os.Stat(p.Host)
	if err != nil {
		return Entry{}, readError(err)
	}
	e.Mode, e.Content = info.Mode().Perm(), HostFile(p.Host)
	return e, nil
}

// source names a library by its path in the root file system that it is from.
// One from elsewhere, beside the program that needs it, has its name only.
func (l *libraries) source(p elf.Place) string {
	host := p.Host
	if in, ok := strings.CutPrefix(host, strings.TrimSuffix(l.spec.Sysroot, "/")+"/"); ok && l.spec.Sysroot != "" {
		host = "/" + in
	}
	const merged = "/usr" // a system's /lib may be a link to /usr/lib
	if strings.TrimPrefix(host, merged) != strings.TrimPrefix(p.Guest, merged) {
		return path.Base(host)
	}
	return host
}

// maxShebang is how much of a script's first line the kernel reads, in bytes
// (BINPRM_BUF_SIZE).
const maxShebang = 256

// shebang returns the first line of a script, without its mark.
func shebang(r io.ReaderAt) (string, bool) {
	b := make([]byte, maxShebang)
	n, err := r.ReadAt(b, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return "", false
	}
	line, _, _ := bytes.Cut(b[:n], []byte("\n"))
	text, ok := strings.CutPrefix(string(line), "#!")
	return text, ok
}

// script refuses a script whose interpreter is not in the image.
func (l *libraries) script(e Entry, line string) error {
	if strings.HasSuffix(line, "\r") {
		return fmt.Errorf("/%s cannot run: its first line ends in a carriage return, which the kernel takes for a part of the interpreter; "+
			"save it with the line ends of Unix", Clip(e.Path))
	}
	fields := strings.Fields(line)
	if len(fields) == 0 {
		return fmt.Errorf("/%s cannot run: its first line names no interpreter behind #!; name one that is in the image, such as #!/bin/gosh", Clip(e.Path))
	}
	if to, ok := l.t.lookup(fields[0]); ok && to.Mode.IsRegular() || inBases(l.bases, fields[0]) {
		return nil
	}
	hint := nearest.Hint(strings.TrimPrefix(fields[0], "/"), l.t.paths())
	if hint == "" {
		hint = "; put it in the image too"
	}
	return fmt.Errorf("/%s cannot run: its interpreter %s is not in the image%s", Clip(e.Path), Clip(fields[0]), hint)
}
