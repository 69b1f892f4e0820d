package modules

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

// probe returns the indexes that a modprobe in the guest reads (u-root's,
// busybox's): depmod's text files, of the image's modules.
func (c *collector) probe(aliases map[string][]string) ([]File, error) {
	builtin, err := readIndexFile(c.x.Dir, "modules.builtin")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("open modules folder: %w", err)
	}
	guest := make(map[string]string) // path below the guest's modules folder
	dir := path.Join("lib/modules", c.x.Version)
	for _, m := range c.set.Modules {
		guest[m.Name] = strings.TrimPrefix(c.x.GuestPath(m), dir+"/")
	}
	var deps, names bytes.Buffer
	for _, m := range c.set.Modules {
		fmt.Fprint(&deps, guest[m.Name], ":")
		for _, need := range c.x.deps[m.Name].needs {
			fmt.Fprint(&deps, " ", guest[need])
		}
		fmt.Fprintln(&deps)
		for _, a := range aliases[m.Name] {
			if !strings.ContainsAny(a, " \t\n") {
				fmt.Fprintln(&names, "alias", a, m.Name)
			}
		}
	}
	const reason = "the modules, for modprobe"
	return []File{
		{Guest: path.Join(dir, "modules.alias"), Data: names.Bytes(), Reason: reason},
		{Guest: path.Join(dir, "modules.builtin"), Data: []byte(builtin), Reason: reason},
		{Guest: path.Join(dir, "modules.dep"), Data: deps.Bytes(), Reason: reason},
	}, nil
}
