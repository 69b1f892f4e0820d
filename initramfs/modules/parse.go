package modules

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/kguest/kguest/initramfs/hostfile"
)

// maxIndexFile bounds each of the text files, in bytes; Debian's largest is
// about 2 MB.
const maxIndexFile = 64 << 20

// dep is one line of modules.dep.
type dep struct {
	path  string   // below the modules folder, with its suffix
	needs []string // names of modules, in modules.dep's order: the last is loaded first
}

// softdep is what one module has in modules.softdep and modules.weakdep.
type softdep struct{ pre, post, weak []string }

// Name returns the name of the module in the file path: its base without
// suffixes, with underscores for dashes, as the kernel spells it.
func Name(file string) string {
	name, _, _ := strings.Cut(path.Base(file), ".")
	return fold(name)
}

func fold(name string) string { return strings.ReplaceAll(name, "-", "_") }

// readIndexFile returns dir's file of that name. A missing one is an
// *fs.PathError with fs.ErrNotExist.
func readIndexFile(dir, name string) (string, error) {
	file := filepath.Join(dir, name)
	return hostfile.ReadString(file, maxIndexFile)
}

// lines calls f with the fields of each line that is neither empty nor a
// comment. The fields are f's until it returns.
func lines(data string, f func(fields []string) error) error {
	n := 0
	var fields []string
	for line := range strings.Lines(data) {
		n++
		fields = slices.AppendSeq(fields[:0], strings.FieldsSeq(line))
		if len(fields) == 0 || strings.HasPrefix(fields[0], "#") {
			continue
		}
		if err := f(fields); err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
	}
	return nil
}

// parseDep parses modules.dep (modules.dep(5)), keyed by module name.
func parseDep(data string) (map[string]dep, error) {
	deps := make(map[string]dep, strings.Count(data, "\n"))
	err := lines(data, func(fields []string) error {
		file, ok := strings.CutSuffix(fields[0], ":")
		if !ok {
			return fmt.Errorf("%q: want a module's file and a colon", fields[0])
		}
		if err := checkPath(file); err != nil {
			return err
		}
		name := Name(file)
		if have, ok := deps[name]; ok {
			return fmt.Errorf("module %s is in both %s and %s", name, have.path, file)
		}
		d := dep{path: file, needs: slices.Grow([]string(nil), len(fields)-1)}
		for _, need := range fields[1:] {
			if err := checkPath(need); err != nil {
				return err
			}
			d.needs = append(d.needs, Name(need))
		}
		deps[name] = d
		return nil
	})
	if err == nil {
		err = checkNeeds(deps)
	}
	if err != nil {
		return nil, err
	}
	return deps, nil
}

func checkNeeds(deps map[string]dep) error {
	for _, d := range deps {
		for _, need := range d.needs {
			if _, ok := deps[need]; !ok {
				return fmt.Errorf("%s needs module %s, which has no line", d.path, need)
			}
		}
	}
	return nil
}

// checkPath refuses files outside the modules folder and those that are no
// modules.
func checkPath(file string) error {
	if !fs.ValidPath(file) || file == "." {
		return fmt.Errorf("%q: not a clean path below the modules folder", file)
	}
	if _, err := packing(file); err != nil {
		return err
	}
	if Name(file) == "" {
		return fmt.Errorf("%q: a module without a name", file)
	}
	return nil
}

// parseSoftdep parses modules.softdep, keyed by module name. Lines of depmod's
// that have neither "pre:" nor "post:" (cifs has some) name nothing.
func parseSoftdep(data string) (map[string]softdep, error) {
	soft := make(map[string]softdep)
	err := lines(data, func(fields []string) error {
		if fields[0] != "softdep" || len(fields) < 2 {
			return errors.New(`want "softdep MODULE pre: NAMES post: NAMES"`)
		}
		name := fold(fields[1])
		soft[name] = soft[name].with(fields[2:])
		return nil
	})
	if err != nil {
		return nil, err
	}
	return soft, nil
}

// with returns s and what fields, "pre: NAMES post: NAMES", add to it.
func (s softdep) with(fields []string) softdep {
	var list *[]string
	for _, field := range fields {
		switch {
		case field == "pre:":
			list = &s.pre
		case field == "post:":
			list = &s.post
		case list != nil:
			*list = append(*list, fold(field))
		}
	}
	return s
}

// and returns what both say.
func (s softdep) and(t softdep) softdep {
	return softdep{
		pre: slices.Concat(s.pre, t.pre), post: slices.Concat(s.post, t.post), weak: slices.Concat(s.weak, t.weak),
	}
}

// parseBuiltin parses modules.builtin: one path a line.
func parseBuiltin(data string) (map[string]bool, error) {
	builtin := make(map[string]bool)
	err := lines(data, func(fields []string) error {
		if len(fields) != 1 {
			return fmt.Errorf("%q: want one path", strings.Join(fields, " "))
		}
		if err := checkPath(fields[0]); err != nil {
			return err
		}
		builtin[Name(fields[0])] = true
		return nil
	})
	if err != nil {
		return nil, err
	}
	return builtin, nil
}

// parseWeakdep parses modules.weakdep, keyed by module name.
func parseWeakdep(data string) (map[string][]string, error) {
	weak := make(map[string][]string)
	err := lines(data, func(fields []string) error {
		if fields[0] != "weakdep" || len(fields) < 2 {
			return errors.New(`want "weakdep MODULE NAMES"`)
		}
		name := fold(fields[1])
		for _, field := range fields[2:] {
			weak[name] = append(weak[name], fold(field))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return weak, nil
}
