// Package dirnames opens and lists directories. It links less than os.ReadDir, which sorts
// entries that know more than their names.
package dirnames

import (
	"errors"
	"slices"
)

// Read returns the names in a directory, sorted; none beside an error.
func Read(dir string) ([]string, error) {
	f, err := Open(dir)
	if err != nil {
		return nil, err
	}
	names, err := f.Readdirnames(-1)
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	slices.Sort(names)
	return names, nil
}
