package modules

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"strings"
)

// alias is another name of a module, or a pattern (fnmatch(3)) of such names.
type alias struct {
	pattern string // folded
	module  string
}

// wild are the bytes that make a pattern.
const wild = "*?["

// foldAlias makes dashes underscores, but for those inside brackets, where
// they make ranges.
func foldAlias(s string) string {
	if !strings.Contains(s, "-") {
		return s
	}
	b, inside := []byte(s), false
	for i, c := range b {
		switch c {
		case '[':
			inside = true
		case ']':
			inside = false
		case '-':
			if !inside {
				b[i] = '_'
			}
		}
	}
	return string(b)
}

// match reports whether pattern has name, both folded. A slash is a letter as
// any other; what is no pattern has only itself.
func match(pattern, name string) bool {
	i := strings.IndexAny(pattern, wild)
	if i < 0 || pattern == name || len(name) < i || pattern[:i] != name[:i] {
		return pattern == name
	}
	pattern = strings.ReplaceAll(noSlash(pattern[i:]), "[!", "[^")
	ok, err := path.Match(pattern, noSlash(name[i:]))
	return ok && err == nil
}

func noSlash(s string) string { return strings.ReplaceAll(s, "/", "\x00") }

// aliasTable is all aliases of a kernel. That of the built-in ones has modules
// that modules.builtin has not.
type aliasTable struct{ modules, builtin []alias }

func (x *Index) readAliases() (aliasTable, error) {
	var t aliasTable
	for _, f := range []struct {
		name  string
		parse func(string) ([]alias, error)
		into  *[]alias
	}{
		{"modules.alias", parseAlias, &t.modules},
		{"modules.builtin.modinfo", parseBuiltinAlias, &t.builtin},
	} {
		data, err := readIndexFile(x.Dir, f.name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return aliasTable{}, fmt.Errorf("open modules folder: %w", err)
		}
		if *f.into, err = f.parse(data); err != nil {
			return aliasTable{}, fmt.Errorf("parse %s: %w", filepath.Join(x.Dir, f.name), err)
		}
	}
	return t, nil
}

// parseAlias parses modules.alias.
func parseAlias(data string) ([]alias, error) {
	aliases := make([]alias, 0, strings.Count(data, "\n"))
	err := lines(data, func(fields []string) error {
		if fields[0] != "alias" || len(fields) != 3 {
			return errors.New(`want "alias PATTERN MODULE"`)
		}
		aliases = append(aliases, alias{foldAlias(fields[1]), fold(fields[2])})
		return nil
	})
	if err != nil {
		return nil, err
	}
	return aliases, nil
}

// parseBuiltinAlias parses modules.builtin.modinfo, which has "MODULE.KEY=VALUE"
// records that end in NUL, for the aliases that built-in modules have.
func parseBuiltinAlias(data string) ([]alias, error) {
	aliases := []alias{}
	for record := range strings.SplitSeq(data, "\x00") {
		if strings.TrimSpace(record) == "" {
			continue
		}
		key, value, ok := strings.Cut(record, "=")
		module, key, dot := strings.Cut(key, ".")
		if !ok || !dot {
			return nil, fmt.Errorf(`%.80q: want "MODULE.KEY=VALUE"`, record)
		}
		if key == "alias" {
			aliases = append(aliases, alias{foldAlias(value), fold(module)})
		}
	}
	return aliases, nil
}

// find returns the modules of x with an alias that has reports: those that
// can be loaded, and those built in.
func (t aliasTable) find(x *Index, has func(pattern string) bool) (loadable, builtin []string) {
	for _, a := range t.modules {
		switch {
		case !has(a.pattern):
		case x.loadable(a.module):
			loadable = appendNew(loadable, a.module)
		case x.builtin[a.module]:
			builtin = appendNew(builtin, a.module)
		}
	}
	for _, a := range t.builtin {
		if has(a.pattern) {
			builtin = appendNew(builtin, a.module)
		}
	}
	return loadable, builtin
}
