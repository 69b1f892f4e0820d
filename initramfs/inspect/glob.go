package inspect

import (
	"fmt"
	"path"
	"strings"
)

// Globs are patterns of path.Match for paths of the guest. A pattern with a
// slash is matched from the root, one without against the base name. What is
// below a folder that matches, matches.
type Globs []string

// Check returns an error for a pattern that cannot be.
func (g Globs) Check() error {
	for _, pattern := range g {
		if _, err := path.Match(pattern, ""); err != nil {
			return fmt.Errorf("pattern %q: %w; write \\[ for a bracket that is meant", pattern, err)
		}
	}
	return nil
}

// Match reports whether name matches one of g's patterns, which are all right.
// No patterns match everything.
func (g Globs) Match(name string) bool {
	if len(g) == 0 {
		return true
	}
	for _, pattern := range g {
		if match(pattern, name) {
			return true
		}
	}
	return false
}

func match(pattern, name string) bool {
	whole := strings.Contains(pattern, "/")
	pattern = strings.Trim(strings.TrimPrefix(pattern, "./"), "/")
	for at := name; at != "." && at != "/"; at = path.Dir(at) {
		part := at
		if !whole {
			part = path.Base(at)
		}
		if ok, err := path.Match(pattern, part); ok && err == nil {
			return true
		}
	}
	return pattern == "" || pattern == name
}

// Unmatched returns the patterns that match none of files.
func (g Globs) Unmatched(files []File) []string {
	var list []string
next:
	for _, pattern := range g {
		for _, f := range files {
			if match(pattern, f.Path) {
				continue next
			}
		}
		list = append(list, pattern)
	}
	return list
}
