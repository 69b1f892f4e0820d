// Package pclntab cuts the table of functions in a Go program, its pclntab, to what
// the runtime works with: where frames end and pointers are. What tracebacks print
// goes: most names of functions, all files and lines, what was inlined where, and
// the arguments of a call. In a program of 3.6 MB that is 0.9 MB.
//
// The names of one module stay, without its path, and are what a traceback of such
// a program shows: a function and how far in it. The runtime tells by names which
// functions are its own, and package reflect's; so much of these stays, too.
//
// The format is that of Go 1.26: cmd/link/internal/ld/pcln.go writes it and
// runtime/symtab.go reads it. Each new version has to be read for what has changed.
package pclntab

import (
	"bytes"
	"debug/buildinfo"
	"errors"
	"fmt"
	"strings"
)

// goVersion is the one whose format and runtime this package knows.
const goVersion = "go1.26"

// ErrVersion is that of a program by another version of Go.
var ErrVersion = errors.New("its table is known of " + goVersion + " alone")

// Cut returns program, a statically linked ELF file by Go 1.26 of 64 bits and little
// endian, with a smaller table. Addresses of functions and data stay the same. module
// is the path whose packages' functions keep their names.
func Cut(program []byte, module string) ([]byte, error) {
	info, err := buildinfo.Read(bytes.NewReader(program))
	if err != nil {
		return nil, fmt.Errorf("cut program: %w", err)
	}
	if !known(info.GoVersion) {
		return nil, fmt.Errorf("cut program by %s: %w", info.GoVersion, ErrVersion)
	}
	f, err := readFile(program)
	if err != nil {
		return nil, fmt.Errorf("cut program: %w", err)
	}
	t, err := f.readTable()
	if err != nil {
		return nil, fmt.Errorf("cut program: %w", err)
	}
	small, err := t.cut(strings.TrimSuffix(module, "/") + "/")
	if err != nil {
		return nil, fmt.Errorf("cut program: %w", err)
	}
	return f.replace(small), nil
}

func known(version string) bool {
	rest, ok := strings.CutPrefix(version, goVersion)
	return ok && (rest == "" || rest[0] < '0' || rest[0] > '9')
}

// errFormat is that of what no linker writes.
func errFormat(format string, args ...any) error {
	return fmt.Errorf("its table is not as "+goVersion+" writes it: "+format, args...)
}
