package multicall

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/module"

	"github.com/kguest/kguest/pkg/nearest"
)

// URoot is the module of the commands that are asked for by a bare name.
const URoot = "github.com/u-root/u-root"

// Ask is one command that somebody asked for.
type Ask struct {
	Name string // a name of kguest's or u-root's commands, or a Go import path
	From string // where it was asked, for error messages: "-cmd ls"

	// Apart is a module that need not know kguest, with its own go.mod and
	// go.sum, in which the command is looked up and compiled, with others of
	// it, to a program of its own. The zero value is the builder's module.
	Apart ModuleDir
}

// ModuleDir is a module, and the folder that its go.mod is in.
type ModuleDir struct{ Path, Dir string }

// Command is a command to be compiled in.
type Command struct {
	Name string // what argv[0] calls it
	Path string // import path
	From string
}

// Own returns the names of kguest's commands that are in every image.
func Own() []string { return []string{"kexec-guest", "kinit", "kmount", "knet", "kroot"} }

// OwnRescue returns the names of kguest's other commands: those of a shell that
// mends a boot.
func OwnRescue() []string { return []string{"boot-continue", "boot-report", "boot-retry"} }

// OwnShell is the name of kguest's shell for a person. It is in the program of the
// others, as it is larger than kguest's commands together.
const OwnShell = "boot-shell"

func allOwn() []string { return append(Own(), append(OwnRescue(), OwnShell)...) }

// urootFolders are the folders of u-root's commands, the first that has a
// name wins.
func urootFolders() []string { return []string{"core", "boot", "exp"} }

// CheckName returns an error where name can neither be a command's name nor
// an import path. It looks nothing up.
func CheckName(name string) error {
	switch {
	case name == "":
		return fmt.Errorf("empty command name")
	case name == "init":
		return fmt.Errorf("the name init is taken: it runs %s, the image's own first process; leave it out", initCommand)
	case name == "bb":
		return fmt.Errorf("the name bb is taken: it is the program that holds all commands but kguest's; leave it out")
	case slices.Contains(strings.Split(name, "/"), "internal"):
		return fmt.Errorf("%s is below a folder named internal, which no other module may import", name)
	}
	if err := module.CheckImportPath(name); err != nil {
		return fmt.Errorf("%q is neither a command's name nor a Go import path", name)
	}
	return nil
}

// Resolve finds the commands asked for, for the architecture arch, sorted by
// name. Asking twice for the same one is no mistake; two commands of one name
// are.
func (s Source) Resolve(ctx context.Context, arch string, asks []Ask) ([]Command, error) {
	r, err := s.resolve(ctx, arch, asks)
	return r.cmds, err
}

// resolved is what a build starts from.
type resolved struct {
	cmds     []Command
	pkgs     map[string]*pkg
	urootDir string // empty where no command was looked up in u-root
}

func (s Source) resolve(ctx context.Context, arch string, asks []Ask) (resolved, error) {
	var r resolved
	list := make([]Command, 0, len(asks))
	for _, ask := range asks {
		if err := CheckName(ask.Name); err != nil {
			return resolved{}, fmt.Errorf("%s: %w", ask.From, err)
		}
		if r.urootDir == "" && bare(ask.Name) && !slices.Contains(allOwn(), ask.Name) {
			var err error
			if r.urootDir, err = s.moduleDir(ctx, URoot); err != nil {
				return resolved{}, fmt.Errorf("%s: %w", ask.From, err)
			}
		}
		c, err := resolve(ask, r.urootDir)
		if err != nil {
			return resolved{}, err
		}
		list = append(list, c)
	}
	var err error
	if r.cmds, err = unique(list); err != nil {
		return resolved{}, err
	}
	if r.pkgs, err = s.list(ctx, arch, r.cmds); err != nil {
		return resolved{}, err
	}
	return r, checkPackages(arch, r.cmds, r.pkgs)
}

// unique returns the commands sorted by name. Of one that is there twice the
// last is taken.
func unique(list []Command) ([]Command, error) {
	byName := make(map[string]Command)
	for _, c := range list {
		if have, ok := byName[c.Name]; ok && have.Path != c.Path {
			return nil, fmt.Errorf("%s: two commands named %s: %s and %s; leave one out", c.From, c.Name, have.Path, c.Path)
		}
		byName[c.Name] = c
	}
	return slices.SortedFunc(maps.Values(byName), func(a, b Command) int { return strings.Compare(a.Name, b.Name) }), nil
}

// bare tells a command's name from an import path: no import path outside the
// standard library has a first element without a dot.
func bare(name string) bool { return !strings.Contains(name, "/") }

func resolve(ask Ask, urootDir string) (Command, error) {
	if !bare(ask.Name) {
		return Command{Name: path.Base(ask.Name), Path: ask.Name, From: ask.From}, nil
	}
	if slices.Contains(allOwn(), ask.Name) {
		return Command{Name: ask.Name, Path: Module + "/cmds/" + ask.Name, From: ask.From}, nil
	}
	have := allOwn()
	for _, folder := range urootFolders() {
		names, err := commandNames(filepath.Join(urootDir, "cmds", folder))
		if err != nil {
			return Command{}, fmt.Errorf("%s: list u-root's commands: %w", ask.From, err)
		}
		if slices.Contains(names, ask.Name) {
			return Command{Name: ask.Name, Path: URoot + "/cmds/" + folder + "/" + ask.Name, From: ask.From}, nil
		}
		have = append(have, names...)
	}
	return Command{}, fmt.Errorf("%s: no command of that name in kguest or u-root%s (another module's is asked for by its import path)",
		ask.From, nearest.Hint(ask.Name, have))
}

// commandNames returns the folders in dir.
func commandNames(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if e.IsDir() {
			names = append(names, e.Name())
		}
	}
	return names, nil
}
