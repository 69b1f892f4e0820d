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

	"github.com/kguest/kguest/initramfs/multicall"
)

// commands returns the commands of the profile and of -cmd.
func (a *asked) commands() ([]multicall.Ask, error) {
	asks := profileCommands(a.profile)
	for _, v := range a.cmds {
		name := v.Text
		if strings.HasPrefix(name, ".") || filepath.IsAbs(name) {
			var err error
			if name, err = importPath(name); err != nil {
				return nil, wrong(v, err)
			}
		}
		if err := multicall.CheckName(name); err != nil {
			return nil, wrong(v, err)
		}
		asks = append(asks, multicall.Ask{Name: name, From: v.From()})
	}
	return asks, nil
}

// importPath returns the import path of the package in the folder dir.
func importPath(dir string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("find working directory: %w", err)
	}
	if info, err := os.Stat(dir); err != nil {
		return "", err
	} else if !info.IsDir() {
		return "", errors.New("a file; give the folder of a command's package")
	}
	for root := dir; ; root = filepath.Dir(root) {
		data, err := os.ReadFile(filepath.Join(root, "go.mod"))
		switch {
		case err == nil:
			return below(root, dir, data)
		case !errors.Is(err, fs.ErrNotExist):
			return "", err
		case root == filepath.Dir(root):
			return "", fmt.Errorf("it is in no Go module: there is no go.mod in %s or above", dir)
		}
	}
}

// below returns the import path of dir in the module whose go.mod is in root.
func below(root, dir string, mod []byte) (string, error) {
	module := modfile.ModulePath(mod)
	if module == "" {
		return "", fmt.Errorf("%s names no module", filepath.Join(root, "go.mod"))
	}
	rel, err := filepath.Rel(root, dir)
	return path.Join(module, filepath.ToSlash(rel)), err
}
