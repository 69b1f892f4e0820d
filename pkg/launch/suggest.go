package launch

import "strings"

// suggest names the known member that is nearest to an unknown name, where one
// is near enough to be meant.
func suggest(name string, members []member) string {
	const longest = 32
	if len(name) > longest {
		return ""
	}
	best, least := "", len(name)/3+1
	for _, m := range members {
		n := distance(strings.ToLower(name), strings.ToLower(m.name))
		if n < least || n == least && best == "" {
			best, least = m.name, n
		}
	}
	if best == "" {
		return ""
	}
	return " (did you mean " + best + "?)"
}

// distance counts the insertions, deletions and substitutions of bytes that
// make a into b (Levenshtein).
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
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			row[j+1] = min(change, above+1, row[j]+1)
			diagonal = above
		}
	}
	return row[len(b)]
}
