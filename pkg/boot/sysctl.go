package boot

import (
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/kguest/kguest/pkg/rawfile"
)

// ApplySysctls writes the kernel's settings below dir, /proc/sys, in the order
// of their names. Each error is of one of them.
func ApplySysctls(dir string, sysctls map[string]string) []error {
	if len(sysctls) == 0 { // so that nothing is sorted
		return nil
	}
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(sysctls)) {
		if err := writeSysctl(filepath.Join(dir, sysctlFile(name)), sysctls[name]); err != nil {
			errs = append(errs, fmt.Errorf("set sysctl %s to %q: %w", name, sysctls[name], err))
		}
	}
	return errs
}

// sysctlFile returns where the setting is below /proc/sys. Like sysctl(8) it
// takes dots or slashes, so that a dot in the name of a link can be written.
func sysctlFile(name string) string {
	if strings.Contains(name, "/") {
		return name
	}
	return strings.ReplaceAll(name, ".", "/")
}

func writeSysctl(path, value string) error {
	return errors.Unwrap(rawfile.Write(path, value))
}
