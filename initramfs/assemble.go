package initramfs

import (
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/kguest/kguest/initramfs/manifest"
	"github.com/kguest/kguest/initramfs/modules"
	"github.com/kguest/kguest/initramfs/multicall"
)

// orderFile names the image's modules for kinit: one absolute path and its
// parameters a line, in load order.
const orderFile = "lib/modules/kguest.order"

// usesFile says what each of them is loaded for (package kmod).
const usesFile = "lib/modules/kguest.uses"

// aliasesFile says for which devices the kernel has a module, in the image or not.
const aliasesFile = "lib/modules/kguest.aliases"

// programDir is the folder of the commands' programs in the image; initProgram
// is the one with kinit.
const (
	programDir  = "bbin"
	initProgram = programDir + "/" + multicall.OwnProgram
)

// tree returns the files of the image that s asks for, given the programs of the
// commands that its Commands resolve to, its modules, and its bases.
func (s *Spec) tree(cmds []program, set *modules.Set, bases []baseFile) (*Tree, error) {
	t := &Tree{ModTime: s.ModTime}
	steps := []func(*Tree) error{
		addBase,
		func(t *Tree) error { return addCommands(t, cmds) },
		func(t *Tree) error { return s.addModules(t, set) },
		s.addManifestFolder,
		s.addFiles,
		func(t *Tree) error { return addProbe(t, set) },
		func(t *Tree) error { return s.addLibraries(t, bases) },
	}
	for _, step := range steps {
		if err := step(t); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// addBase adds the folders that the guest mounts on and the devices that the
// kernel opens before there is a devtmpfs.
func addBase(t *Tree) error {
	const folder, device = "every image's folders", "every image's devices"
	entries := []Entry{
		{Path: programDir, Mode: fs.ModeDir | 0o755, Reason: folder},
		{Path: "bin", Mode: fs.ModeDir | 0o755, Reason: folder},
		{Path: "dev", Mode: fs.ModeDir | 0o755, Reason: folder},
		{Path: "etc", Mode: fs.ModeDir | 0o755, Reason: folder},
		{Path: "proc", Mode: fs.ModeDir | 0o555, Reason: folder},
		{Path: "root", Mode: fs.ModeDir | 0o700, Reason: folder},
		{Path: "run", Mode: fs.ModeDir | 0o755, Reason: folder},
		{Path: "sys", Mode: fs.ModeDir | 0o555, Reason: folder},
		{Path: "tmp", Mode: fs.ModeDir | fs.ModeSticky | 0o777, Reason: folder},
		{Path: "dev/console", Mode: fs.ModeDevice | fs.ModeCharDevice | 0o600, Major: 5, Minor: 1, Reason: device},
		{Path: "dev/null", Mode: fs.ModeDevice | fs.ModeCharDevice | 0o666, Major: 1, Minor: 3, Reason: device},
	}
	return addAll(t, entries)
}

func addAll(t *Tree, entries []Entry) error {
	for _, e := range entries {
		if err := t.Add(e); err != nil {
			return err
		}
	}
	return nil
}

// program is a multicall program of an image.
type program struct {
	name     string
	commands []multicall.Command
	content  Content
}

// addCommands adds the programs, /init, and one link a command.
func addCommands(t *Tree, cmds []program) error {
	entries := []Entry{{Path: "init", Mode: fs.ModeSymlink | 0o777, Target: initProgram, Reason: "the first process"}}
	for _, p := range cmds {
		file := path.Join(programDir, p.name)
		reason := "the program of kguest's commands"
		if file != initProgram {
			reason = "the program of the other commands"
		}
		entries = append(entries, Entry{Path: file, Mode: 0o755, Content: p.content, Reason: reason})
		for _, c := range p.commands {
			entries = append(entries, Entry{
				Path: "bin/" + c.Name, Mode: fs.ModeSymlink | 0o777, Target: "../" + file, Source: c.Path, Reason: "command, " + c.From,
			})
		}
	}
	return addAll(t, entries)
}

func (s *Spec) addModules(t *Tree, set *modules.Set) error {
	if s.ModulesDir == "" {
		return nil
	}
	for _, f := range set.Files {
		e := Entry{Path: f.Guest, Mode: 0o644, Content: Bytes(f.Data), Source: s.source(f.Host), Reason: f.Reason, NeededBy: f.NeededBy}
		if f.Kept != nil {
			e.Content = f.Kept
		}
		if err := t.Add(e); err != nil {
			return err
		}
	}
	if err := s.addAliases(t); err != nil {
		return err
	}
	return addAll(t, []Entry{
		{Path: orderFile, Mode: 0o644, Content: Bytes(set.Order), Reason: "the modules' load order"},
		{Path: usesFile, Mode: 0o644, Content: Bytes(set.Uses), Reason: "what each module is loaded for"},
	})
}

// addProbe adds the indexes of the modules where the image has a program that
// reads them. Those that somebody put there themselves stay.
func addProbe(t *Tree, set *modules.Set) error {
	if len(set.Modules) == 0 || !slices.ContainsFunc(t.paths(), probes) {
		return nil
	}
	for _, f := range set.Probe {
		if _, ok := t.lookup("/" + f.Guest); ok {
			continue
		}
		if err := t.Add(Entry{Path: f.Guest, Mode: 0o644, Content: Bytes(f.Data), Reason: f.Reason}); err != nil {
			return err
		}
	}
	return nil
}

// probes reports whether the program at a path may be modprobe.
func probes(file string) bool {
	return slices.Contains([]string{"modprobe", "busybox"}, path.Base(file))
}

// addAliases adds the table of devices and modules, for a shell that says what is
// missing.
func (s *Spec) addAliases(t *Tree) error {
	if !slices.ContainsFunc(s.Commands, func(a multicall.Ask) bool { return path.Base(a.Name) == multicall.OwnShell }) {
		return nil
	}
	table, err := modules.DeviceAliases(s.ModulesDir)
	if err != nil || len(table) == 0 {
		return err
	}
	return t.Add(Entry{Path: aliasesFile, Mode: 0o644, Content: Bytes(table), Reason: "which module is for which device, for " + multicall.OwnShell})
}

// source names a kernel's file by its path in the kernel's folders: where those
// are says nothing of the image.
func (s *Spec) source(host string) string {
	for _, dir := range append([]string{s.ModulesDir}, s.FirmwareDirs...) {
		abs, err := filepath.Abs(dir)
		if err != nil {
			continue
		}
		if rel, ok := strings.CutPrefix(host, abs+"/"); ok {
			return rel
		}
	}
	return host
}

func (s *Spec) addManifestFolder(t *Tree) error {
	if s.NoManifest {
		return nil
	}
	return t.Add(Entry{Path: path.Dir(manifest.Path), Mode: fs.ModeDir | 0o755, Reason: "the list of the image's files"})
}
