package hook

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
)

// Var is a variable that a script handed on.
type Var struct {
	Name, Value string
	Exported    bool // the workload sees it too
}

// maxEnvSize bounds the file of variables, in bytes: what execve(2) takes of
// one string.
const maxEnvSize = 128 << 10

// ReadEnv reads the variables in the file at path; none where there is no file.
func ReadEnv(path string) ([]Var, error) {
	fi, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("read variables: %w", err)
	case !fi.Mode().IsRegular():
		return nil, fmt.Errorf("read variables: %s: not a regular file", path)
	case fi.Size() > maxEnvSize:
		return nil, fmt.Errorf("read variables: %s: %d bytes, over the limit of %d", path, fi.Size(), maxEnvSize)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read variables: %w", err)
	}
	return ParseEnv(path, data)
}

// ParseEnv parses lines NAME=VALUE, of which the last of a name counts. The
// value is the rest of the line as it is: quotes are part of it. A line that
// begins with "export " makes the variable one of the workload's, which it
// stays. Empty lines and those that begin with # are left out. The error has
// path and line.
func ParseEnv(path string, data []byte) ([]Var, error) {
	var vars []Var
	number := 0
	for line := range strings.Lines(string(data)) {
		number++
		line = strings.TrimSuffix(line, "\n")
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		v, err := parseVar(line)
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %.100q: %w", path, number, line, err)
		}
		vars = set(vars, v)
	}
	return vars, nil
}

func parseVar(line string) (Var, error) {
	rest, exported := strings.CutPrefix(line, "export ")
	name, value, ok := strings.Cut(rest, "=")
	switch {
	case !ok:
		return Var{}, errors.New("give NAME=VALUE, or export NAME=VALUE for the workload too")
	case !isName(name):
		return Var{}, errors.New("a name has letters, digits and _, and does not begin with a digit")
	case strings.HasPrefix(name, "KINIT_"):
		return Var{}, errors.New("names that begin with KINIT_ are kinit's own")
	case strings.Contains(value, "\x00"):
		return Var{}, errors.New("a value cannot have a NUL")
	}
	return Var{Name: name, Value: value, Exported: exported}, nil
}

func isName(s string) bool {
	for i, c := range []byte(s) {
		letter := c == '_' || c|0x20 >= 'a' && c|0x20 <= 'z'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return s != ""
}

func set(vars []Var, v Var) []Var {
	for i := range vars {
		if vars[i].Name == v.Name {
			v.Exported = v.Exported || vars[i].Exported
			vars[i] = v
			return vars
		}
	}
	return append(vars, v)
}
