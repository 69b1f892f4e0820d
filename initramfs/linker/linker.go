// Package linker has Go's linker lay out a program's functions in the order in which a
// boot first calls them. A page of a program comes into memory with the 15 around it
// (mm/memory.c, do_fault_around), so functions that are called are best beside each
// other: of kguest's program a third is ever called in a plain boot.
//
// The linker has no option for it, but one that shuffles functions, -randlayout. This
// package has its shuffling replaced, by go build -overlay.
package linker

import (
	"bytes"
	"crypto/sha256"
	_ "embed" // of what goes into the linker
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// goVersion is the one whose linker this package knows.
const goVersion = "go1.26"

// ErrUnknown is that of a linker of another version of Go, or one without its sources.
var ErrUnknown = errors.New("it is known how to change that of " + goVersion + " alone")

// order has functions by their names, each on a line of its own. `make order` writes it.
//
//go:embed order.txt
var order string

// What is added to the linker: the order of functions, and that it can be a -toolexec.
var (
	//go:embed order.go.txt
	orderSource []byte
	//go:embed toolexec.go.txt
	toolexecSource []byte
)

// The statement that shuffles, and what takes its place.
const (
	shuffle = `r.Shuffle(len(textp), func(i, j int) {
			textp[i], textp[j] = textp[j], textp[i]
		})`
	inOrder = "orderText(ldr, textp, r)"
)

// Orders reports whether programs for arch, a GOARCH, are laid out in order. A jump of
// riscv64 reaches 1 MB, and functions in another order need other steps between.
func Orders(arch string) bool { return arch != "riscv64" }

// Order returns the names of the functions that come first.
func Order() []string { return strings.Split(strings.TrimSpace(order), "\n") }

// Sources are those of a linker.
type Sources struct {
	Dir   string            // of the package that is the linker
	files map[string][]byte // what differs, by path
}

// Read returns the sources of the linker in goRoot, of the Go of that version.
func Read(goRoot, version string) (*Sources, error) {
	if !known.MatchString(version) {
		return nil, fmt.Errorf("order functions by the linker of %s: %w", version, ErrUnknown)
	}
	s := &Sources{Dir: filepath.Join(goRoot, "src/cmd/link")}
	ld := filepath.Join(s.Dir, "internal/ld")
	layout := filepath.Join(ld, "data.go")
	text, err := os.ReadFile(layout)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("order functions: no %s: %w", layout, ErrUnknown)
	case err != nil:
		return nil, fmt.Errorf("order functions: %w", err)
	case bytes.Count(text, []byte(shuffle)) != 1:
		return nil, fmt.Errorf("order functions: %s does not shuffle them as it did: %w", layout, ErrUnknown)
	}
	s.files = map[string][]byte{
		layout:                              bytes.Replace(text, []byte(shuffle), []byte(inOrder), 1),
		filepath.Join(ld, "order.go"):       orderSource,
		filepath.Join(ld, "functions.go"):   []byte("package ld\n\nconst functionOrder = " + strconv.Quote(order) + "\n"),
		filepath.Join(s.Dir, "toolexec.go"): toolexecSource,
	}
	return s, nil
}

// known is a release of the version, or a candidate.
var known = regexp.MustCompile(`^` + regexp.QuoteMeta(goVersion) + `(\.[0-9]+|rc[0-9]+)?(-X:.*)?$`)

// Write writes what differs into dir, and returns the file for go build -overlay.
func (s *Sources) Write(dir string) (overlay string, err error) {
	replace := make(map[string]string, len(s.files))
	for file, content := range s.files {
		replace[file] = filepath.Join(dir, filepath.Base(file))
		if err := os.WriteFile(replace[file], content, 0o600); err != nil {
			return "", fmt.Errorf("order functions: %w", err)
		}
	}
	list, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", fmt.Errorf("order functions: %w", err)
	}
	overlay = filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(overlay, list, 0o600); err != nil {
		return "", fmt.Errorf("order functions: %w", err)
	}
	return overlay, nil
}

// ID tells the linker from those of other sources and orders.
func (s *Sources) ID() string {
	list, err := json.Marshal(s.files) // sorted by path
	if err != nil {
		panic(err) // strings and bytes can be written
	}
	sum := sha256.Sum256(list)
	return hex.EncodeToString(sum[:])
}

// Flag is the linker's flag to lay functions out in order. Its number tells the go
// command which order.
func Flag() string {
	sum := sha256.Sum256([]byte(order))
	return fmt.Sprintf("-randlayout=%d", binary.BigEndian.Uint64(sum[:])>>1)
}

// ToolExec is what go build takes as -toolexec to link by the linker in file, quoted as
// cmd/internal/quoted reads it.
func ToolExec(file string) (string, error) {
	switch {
	case !strings.ContainsAny(file, "'\" \t\r\n"):
		return file, nil
	case !strings.Contains(file, "'"):
		return "'" + file + "'", nil
	case !strings.Contains(file, `"`):
		return `"` + file + `"`, nil
	default:
		return "", fmt.Errorf("order functions: the go command cannot be told of %s: it has both kinds of quotes", file)
	}
}
