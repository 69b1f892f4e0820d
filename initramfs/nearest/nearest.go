// Package nearest finds the name that a misspelled one was meant to be.
package nearest

import "strings"

// maxNameLen bounds what is compared: distance costs the product of the two
// lengths.
const maxNameLen = 64

// Name returns the element of have that is fewest edits away from want, the
// first of several in have's order. It is empty where none is close: more
// edits than a third of want, and one for two letters.
func Name(want string, have []string) string {
	if len(want) > maxNameLen {
		return ""
	}
	best, limit := "", (len(want)+1)/3+1
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

// distance is Levenshtein's: bytes inserted, deleted or replaced.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			above := row[j+1]
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			row[j+1] = min(cost, above+1, row[j]+1)
			diagonal = above
		}
	}
	return row[len(b)]
}
