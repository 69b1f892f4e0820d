package modules

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/kguest/kguest/initramfs/hostfile"
	"github.com/kguest/kguest/pkg/nearest"
)

// Modprobe is what files of modprobe.d(5) say, by folded module name. The zero
// value says nothing.
type Modprobe struct {
	options   map[string][]option
	blacklist map[string]place
	installs  map[string]place
	aliases   []alias
	soft      []softRule
}

// softRule is a softdep or weakdep line.
type softRule struct {
	pattern string // of modules' names
	softdep
}

// place is a line of a file.
type place struct {
	file string
	line int // from 1
}

func (p place) String() string { return fmt.Sprintf("%s:%d", p.file, p.line) }

// option is the parameters that one line gives to a module.
type option struct {
	params string // "a=1 b=2"
	at     place
}

// ReadModprobe reads the files that paths name and, of folders, the *.conf in
// them, in the order of their names. Of files with the same name in several
// folders the first is taken (modprobe.d(5)).
func ReadModprobe(paths []string) (*Modprobe, error) {
	files, err := modprobeFiles(paths)
	if err != nil {
		return nil, fmt.Errorf("read modprobe.d: %w", err)
	}
	m := new(Modprobe)
	for _, file := range files {
		data, err := hostfile.Read(file, maxIndexFile)
		if err != nil {
			return nil, fmt.Errorf("read modprobe.d: %w", err)
		}
		if err := m.parse(file, data); err != nil {
			return nil, err
		}
	}
	return m, nil
}

func modprobeFiles(paths []string) ([]string, error) {
	var files []string
	taken := make(map[string]bool)
	for _, p := range paths {
		info, err := os.Stat(p)
		if err != nil {
			return nil, err
		}
		found := []string{p}
		if info.IsDir() {
			if found, err = confFiles(p); err != nil {
				return nil, err
			}
		}
		for _, file := range found {
			if base := filepath.Base(file); !taken[base] {
				taken[base] = true
				files = append(files, file)
			}
		}
	}
	slices.SortStableFunc(files, func(a, b string) int { return strings.Compare(filepath.Base(a), filepath.Base(b)) })
	return files, nil
}

func confFiles(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var files []string
	for _, e := range entries {
		if name := e.Name(); strings.HasSuffix(name, ".conf") && !strings.HasPrefix(name, ".") {
			files = append(files, filepath.Join(dir, name))
		}
	}
	return files, nil
}

// parse adds what the file says. The error names file and line.
func (m *Modprobe) parse(file string, data []byte) error {
	var joined strings.Builder
	number, first := 0, 1
	for line := range strings.Lines(string(data) + "\n\n") {
		number++
		line = strings.TrimSuffix(line, "\n")
		part, more := strings.CutSuffix(line, "\\")
		joined.WriteString(part)
		if more {
			joined.WriteString(" ")
			continue
		}
		if err := m.line(joined.String(), place{file, first}); err != nil {
			return fmt.Errorf("%s:%d: %w", file, first, err)
		}
		joined.Reset()
		first = number + 1
	}
	return nil
}

// commandWords returns how many words the command of modprobe.d(5) has at
// least, itself included; 0 where there is no such command.
func commandWords(command string) int {
	switch command {
	case "blacklist":
		return 2
	case "alias", "install", "options", "remove":
		return 3
	case "softdep", "weakdep":
		return 2
	}
	return 0
}

func (m *Modprobe) line(line string, at place) error {
	fields := strings.Fields(line)
	if len(fields) == 0 || strings.HasPrefix(fields[0], "#") {
		return nil
	}
	want := commandWords(fields[0])
	switch {
	case strings.ContainsRune(line, 0):
		return fmt.Errorf("%.80q: not a text file", line)
	case want == 0:
		return fmt.Errorf("no modprobe.d command %.80q%s", fields[0],
			nearest.Hint(fields[0], []string{"alias", "blacklist", "install", "options", "remove", "softdep", "weakdep"}))
	case len(fields) < want:
		return fmt.Errorf("%s has %d words, want %d or more", fields[0], len(fields), want)
	case fields[0] == "softdep":
		if err := checkSoftdep(fields[2:]); err != nil {
			return err
		}
	}
	m.add(fields, line, at)
	return nil
}

// checkSoftdep refuses words that are neither after pre: nor after post:, which
// modprobe passes over.
func checkSoftdep(words []string) error {
	keys := []string{"pre:", "post:"}
	for i, word := range words {
		if (i == 0 || strings.HasSuffix(word, ":")) && !slices.Contains(keys, word) {
			return fmt.Errorf("softdep: %.80q: want pre: or post: and names of modules%s", word, nearest.Hint(word, keys))
		}
	}
	return nil
}

func (m *Modprobe) add(fields []string, line string, at place) {
	name := fold(fields[1])
	switch fields[0] {
	case "options":
		set(&m.options, name, append(m.options[name], option{afterWords(line, fields[:2]), at}))
	case "blacklist":
		set(&m.blacklist, name, at)
	case "install":
		set(&m.installs, name, at)
	case "alias":
		m.aliases = append(m.aliases, alias{foldAlias(fields[1]), fold(fields[2])})
	case "softdep":
		m.soft = append(m.soft, softRule{foldAlias(fields[1]), softdep{}.with(fields[2:])})
	case "weakdep":
		var weak []string
		for _, field := range fields[2:] {
			weak = append(weak, fold(field))
		}
		m.soft = append(m.soft, softRule{foldAlias(fields[1]), softdep{weak: weak}})
	}
}

// afterWords returns what is on the line after its first words, as it is.
func afterWords(line string, words []string) string {
	for _, word := range words {
		line = strings.TrimPrefix(strings.TrimSpace(line), word)
	}
	return strings.TrimSpace(line)
}

// softdeps returns what the softdep and weakdep lines say of the module.
func (m *Modprobe) softdeps(name string) softdep {
	var s softdep
	for _, r := range m.soft {
		if match(r.pattern, name) {
			s = s.and(r.softdep)
		}
	}
	return s
}

// set is m[key] = v for a map that may be nil.
func set[V any](m *map[string]V, key string, v V) {
	if *m == nil {
		*m = make(map[string]V)
	}
	(*m)[key] = v
}

// params returns the module's parameters, of all lines.
func (m *Modprobe) params(name string) string {
	var all []string
	for _, o := range m.options[name] {
		all = append(all, o.params)
	}
	return strings.Join(all, " ")
}
