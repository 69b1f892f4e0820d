// Package pclntab cuts the table of functions in a Go program, its pclntab, to what
// the runtime works with: where frames end and pointers are. What tracebacks print
// goes: most names of functions, all files and lines, nearly all of what was inlined
// where, and the arguments of a call. In a program of 3.6 MB that is 0.9 MB.
//
// The names of one module stay, without its path, and are what a traceback of such
// a program shows: a function and how far in it. So do the names that panics have in
// their text. The runtime tells by names which functions are its own, and package
// reflect's; of these the beginnings stay. A program that looks its callers up finds
// fewer: runtime.Callers, and GODEBUG's patterns of stacks.
//
// The format is that of Go 1.26: cmd/link/internal/ld/pcln.go writes it and
// runtime/symtab.go reads it. Each new version has to be read for what has changed.
package pclntab

import (
	"bytes"
	"debug/buildinfo"
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// goVersion is the one whose format and runtime this package knows.
const goVersion = "go1.26"

// ErrVersion is that of a program by another version of Go.
var ErrVersion = errors.New("its table is known of " + goVersion + " alone")

// Cut returns program, a statically linked and stripped ELF file by Go 1.26 of 64 bits
// and little endian, with a smaller table. Addresses of functions and data stay the
// same. module is the path whose packages' functions keep their names.
func Cut(program []byte, module string) ([]byte, error) {
	info, err := buildinfo.Read(bytes.NewReader(program))
	if err != nil {
		return nil, fmt.Errorf("cut program: %w", err)
	}
	if !known.MatchString(info.GoVersion) {
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
	if was := f.sections[f.table].Size; uint64(len(small.data)) > was {
		return nil, fmt.Errorf("cut program: %w", errFormat("%d bytes, of which %d would be left", was, len(small.data)))
	}
	return f.replace(small), nil
}

// known is a release of the version, or a candidate. That of another, such as
// "go1.26-custom", may have a runtime of its own.
var known = regexp.MustCompile(`^` + regexp.QuoteMeta(goVersion) + `(\.[0-9]+|rc[0-9]+)?(-X:.*)?$`)

// errFormat is that of what no linker writes.
func errFormat(format string, args ...any) error {
	return fmt.Errorf("its table is not as "+goVersion+" writes it: "+format, args...)
}
