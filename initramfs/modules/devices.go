package modules

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
)

// DeviceAliases returns which of the kernel's modules in dir is for which device, a
// line "PATTERN MODULE" each: what a shell in the guest needs to name what an image
// lacks. The devices are those of a guest's buses.
func DeviceAliases(dir string) ([]byte, error) {
	const name = "modules.alias"
	data, err := readIndexFile(dir, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("open modules folder: %w", err)
	}
	var rows []string
	err = lines(data, func(fields []string) error {
		if len(fields) == 3 && ofGuest(fields[1]) {
			rows = append(rows, fields[1]+" "+fold(fields[2])+"\n")
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("parse %s: %w", filepath.Join(dir, name), err)
	}
	slices.Sort(rows)
	return []byte(strings.Join(slices.Compact(rows), "")), nil
}

func ofGuest(alias string) bool {
	return slices.ContainsFunc([]string{"pci:", "virtio:", "xen:"}, func(bus string) bool { return strings.HasPrefix(alias, bus) })
}
