package build

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"golang.org/x/mod/modfile"

	"github.com/kguest/kguest/initramfs/hostfile"
	"github.com/kguest/kguest/initramfs/multicall"
	"github.com/kguest/kguest/pkg/hostcmd/verb"
)

// commands returns the commands of the profile and of -cmd.
func (a *asked) commands() ([]multicall.Ask, error) {
	asks := profileCommands(a.profile)
	if len(a.cmds) == 0 {
		return asks, nil
	}
	here, err := moduleAbove(".")
	if err != nil && !errors.Is(err, errNoModule) { // without one, kguest's own sources will do
		return nil, err
	}
	for _, v := range a.cmds {
		ask, err := here.ask(v)
		if err != nil {
			return nil, wrong(v, err)
		}
		asks = append(asks, ask)
	}
	return asks, nil
}

// goModule is a module of the host.
type goModule struct {
	multicall.ModuleDir
	knows bool // is kguest, or requires it
}

// errNoModule is of a folder that is in no module.
var errNoModule = errors.New("it is in no Go module")

// ask returns what v asks for in the working directory, which is in m. A command
// of a folder is looked up in the module that it is in; any other in m, but for
// those that kguest's own go.mod is there for.
func (m goModule) ask(v verb.Value) (multicall.Ask, error) {
	ask := multicall.Ask{Name: v.Text, From: v.From()}
	switch {
	case strings.HasPrefix(v.Text, ".") || filepath.IsAbs(v.Text):
		of, name, err := folderCommand(v.Text)
		if err != nil {
			return ask, err
		}
		ask.Name = name
		if of != m || !of.knows {
			ask.Apart = of.ModuleDir
		}
	case strings.Contains(v.Text, "/") && !m.knows && !known(v.Text):
		ask.Apart = m.ModuleDir
	}
	return ask, multicall.CheckName(ask.Name)
}

// known reports a package of kguest, or of u-root, which kguest requires.
func known(importPath string) bool {
	return strings.HasPrefix(importPath, multicall.Module+"/") || strings.HasPrefix(importPath, multicall.URoot+"/")
}

// folderCommand returns the import path of the package in the folder dir, and the
// module that it is in.
func folderCommand(dir string) (goModule, string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return goModule{}, "", fmt.Errorf("find working directory: %w", err)
	}
	if info, err := os.Stat(dir); err != nil {
		return goModule{}, "", err
	} else if !info.IsDir() {
		return goModule{}, "", errors.New("a file; give the folder of a command's package")
	}
	m, err := moduleAbove(dir)
	if err != nil {
		return m, "", err
	}
	rel, err := filepath.Rel(m.Dir, dir)
	return m, path.Join(m.Path, filepath.ToSlash(rel)), err
}

// maxGoMod bounds a go.mod, in bytes.
const maxGoMod = 16 << 20

// moduleAbove returns the module that the folder dir is in.
func moduleAbove(dir string) (goModule, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return goModule{}, fmt.Errorf("find working directory: %w", err)
	}
	for root := dir; ; root = filepath.Dir(root) {
		file := filepath.Join(root, "go.mod")
		data, err := hostfile.Read(file, maxGoMod)
		switch {
		case err == nil:
			return parseModule(file, data)
		case !errors.Is(err, fs.ErrNotExist):
			return goModule{}, err
		case root == filepath.Dir(root):
			return goModule{}, fmt.Errorf("%w: there is no go.mod in %s or above", errNoModule, dir)
		}
	}
}

func parseModule(file string, data []byte) (goModule, error) {
	f, err := modfile.ParseLax(file, data, nil)
	if err != nil {
		return goModule{}, fmt.Errorf("parse go.mod: %w", err)
	}
	if f.Module == nil || f.Module.Mod.Path == "" {
		return goModule{}, fmt.Errorf("%s names no module", file)
	}
	m := goModule{ModuleDir: multicall.ModuleDir{Path: f.Module.Mod.Path, Dir: filepath.Dir(file)}}
	m.knows = m.Path == multicall.Module
	for _, r := range f.Require {
		m.knows = m.knows || r.Mod.Path == multicall.Module
	}
	return m, nil
}
