package shell

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// complete completes the word before pos: a command where it is the first of its
// kind, else a file.
func (c *session) complete(line string, pos int) (head string, words []string, tail string) {
	before := line[:pos]
	start := strings.LastIndexAny(before, " \t;|&()<>") + 1
	head, word, tail := before[:start], before[start:], line[pos:]
	lead := strings.TrimRight(head, " \t")
	if !strings.Contains(word, "/") && (lead == "" || strings.ContainsAny(lead[len(lead)-1:], ";|&(")) {
		return head, commandsLike(word, c.runner.Vars["PATH"].String()), tail
	}
	return head, filesLike(word, c.runner.Dir), tail
}

func commandsLike(start, path string) []string {
	if path == "" {
		path = os.Getenv("PATH")
	}
	var found []string
	for _, name := range []string{"cd", "echo", "exit", "export", "fg", "bg", "help", "jobs", "wait", "test"} {
		if strings.HasPrefix(name, start) {
			found = append(found, name+" ")
		}
	}
	for _, dir := range filepath.SplitList(path) {
		entries, err := os.ReadDir(dir)
		if err != nil {
			continue
		}
		for _, e := range entries {
			if strings.HasPrefix(e.Name(), start) {
				found = append(found, e.Name()+" ")
			}
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}

func filesLike(start, from string) []string {
	dir, name := filepath.Split(start)
	where := dir
	if !filepath.IsAbs(dir) {
		where = filepath.Join(from, dir)
	}
	entries, err := os.ReadDir(where)
	if err != nil {
		return nil
	}
	var found []string
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), name) || name == "" && strings.HasPrefix(e.Name(), ".") {
			continue
		}
		end := " "
		if info, err := os.Stat(filepath.Join(where, e.Name())); err == nil && info.IsDir() {
			end = "/"
		}
		found = append(found, dir+e.Name()+end)
	}
	return found
}
