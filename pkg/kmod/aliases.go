package kmod

import (
	"bytes"
	"strings"
)

// Drivers returns the modules that are for a device of that alias, as the table says:
// a line "PATTERN MODULE" each.
func Drivers(table []byte, alias string) []string {
	var found []string
	kind, _, _ := strings.Cut(alias, ":")
	for line := range bytes.Lines(table) {
		if !bytes.HasPrefix(line, []byte(kind)) { // most are of another bus
			continue
		}
		pattern, module, ok := strings.Cut(strings.TrimSuffix(string(line), "\n"), " ")
		if ok && matches(pattern, alias) {
			found = append(found, module)
		}
	}
	return found
}
