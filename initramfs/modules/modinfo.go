package modules

import (
	"bytes"
	"strings"
)

// modinfo returns the values of key in a .modinfo section, which has
// "KEY=VALUE" records that end in NUL.
func modinfo(data []byte, key string) []string {
	var values []string
	for record := range bytes.SplitSeq(data, []byte{0}) {
		if k, v, ok := strings.Cut(string(record), "="); ok && k == key {
			values = append(values, v)
		}
	}
	return values
}
