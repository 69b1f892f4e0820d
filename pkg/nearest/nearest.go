// Package nearest finds the name that a misspelled one was meant to be.
package nearest

import "strings"

// maxNameLen bounds what is compared: distance costs the product of the two
// lengths.
const maxNameLen = 64

// Name returns the element of have that is fewest edits away from want, the
// first of several in have's order. It is empty where none is close: more
// edits than a quarter of want's letters, or than one for two to seven.
func Name(want string, have []string) string {
	if len(want) > maxNameLen {
		return ""
	}
	best, limit := "", max(len(want)/4, min(len(want)-1, 1))+1
	for _, h := range have {
		if len(h) > maxNameLen {
			continue
		}
		if d := distance(fold(want), fold(h)); d < limit {
			best, limit = h, d
		}
	}
	return best
}

// Hint returns `; did you mean "NAME"?` for the nearest name, or nothing.
func Hint(want string, have []string) string {
	if n := Name(want, have); n != "" {
		return `; did you mean "` + n + `"?`
	}
	return ""
}

// fold makes case, dash and underscore alike.
func fold(s string) string {
	return strings.ReplaceAll(strings.ToLower(s), "-", "_")
}

// distance counts bytes inserted, deleted or replaced, and neighbors swapped,
// no byte of them twice (optimal string alignment).
func distance(a, b string) int {
	var before []int
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		next := make([]int, len(b)+1)
		next[0] = i + 1
		for j := range len(b) {
			cost := row[j]
			if a[i] != b[j] {
				cost++
			}
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				cost = min(cost, before[j-1]+1)
			}
			next[j+1] = min(cost, row[j+1]+1, next[j]+1)
		}
		before, row = row, next
	}
	return row[len(b)]
}
