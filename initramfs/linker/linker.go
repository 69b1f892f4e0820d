// Package linker has Go's linker put the functions that a boot calls beside each other,
// in the order in which they are first called. A page fault maps the 16 pages around
// the one that was wanted (mm/memory.c, do_fault_around), and of kguest's program a boot
// calls less than a third.
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
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// goVersion is the one whose linker this package knows.
const goVersion = "go1.26"

// known is a release of the version, or a candidate.
var known = regexp.MustCompile(`^` + regexp.QuoteMeta(goVersion) + `(\.[0-9]+|rc[0-9]+)?(-X:.*)?$`)

// ErrVersion is that of the linker of another version of Go.
var ErrVersion = errors.New("it is known how to change that of " + goVersion + " alone")

// order has functions by their names, each on a line of its own. `make order` writes it.
//
//go:embed order.txt
var order string

// What is added to the linker: the order of functions, and that it is a -toolexec.
var (
	//go:embed order.go.txt
	orderSource []byte
	//go:embed toolexec.go.txt
	toolexecSource []byte
)

// The statement that shuffles, and what takes its place. It has r so that the
// statements before it still serve.
const (
	shuffles = `r.Shuffle(len(textp), func(i, j int) {
			textp[i], textp[j] = textp[j], textp[i]
		})`
	orders = "orderText(ldr, textp, r)"
)

// Serves reports whether programs for arch, a GOARCH, gain by it. A jump of riscv64
// reaches 1 MB, and functions in another order need more steps between.
func Serves(arch string) bool { return arch != "riscv64" }

// Order returns the names of the functions that come first.
func Order() []string { return strings.Split(strings.TrimSpace(order), "\n") }

// Replaced says what is replaced in the linker's sources.
type Replaced struct {
	File   string // for go build -overlay
	Digest string // of the contents
}

// Overlay writes into dir what differs from the sources of the linker in goRoot, of
// the Go of that version.
func Overlay(dir, goRoot, version string) (Replaced, error) {
	if !known.MatchString(version) {
		return Replaced{}, fmt.Errorf("change the linker of %s: %w", version, ErrVersion)
	}
	source := filepath.Join(goRoot, "src/cmd/link")
	layout := filepath.Join(source, "internal/ld/data.go")
	text, err := os.ReadFile(layout)
	if err != nil {
		return Replaced{}, fmt.Errorf("read the linker's sources: %w; install Go with the sources of its tools", err)
	}
	if bytes.Count(text, []byte(shuffles)) != 1 {
		return Replaced{}, fmt.Errorf("read the linker's sources: %s does not shuffle functions as that of %s does; use a released Go", layout, goVersion)
	}
	replace, all := make(map[string]string), sha256.New()
	for _, f := range []struct {
		path    string
		content []byte
	}{
		{layout, bytes.Replace(text, []byte(shuffles), []byte(orders), 1)},
		{filepath.Join(source, "internal/ld/order.go"), orderSource},
		{filepath.Join(source, "internal/ld/functions.go"), []byte("package ld\n\nconst functionOrder = " + strconv.Quote(order) + "\n")},
		{filepath.Join(source, "toolexec.go"), toolexecSource},
	} {
		replace[f.path] = filepath.Join(dir, filepath.Base(f.path))
		all.Write(f.content)
		if err := os.WriteFile(replace[f.path], f.content, 0o600); err != nil {
			return Replaced{}, fmt.Errorf("write the linker's sources: %w", err)
		}
	}
	list, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return Replaced{}, fmt.Errorf("write the linker's sources: %w", err)
	}
	r := Replaced{File: filepath.Join(dir, "overlay.json"), Digest: hex.EncodeToString(all.Sum(nil))}
	if err := os.WriteFile(r.File, list, 0o600); err != nil {
		return Replaced{}, fmt.Errorf("write the linker's sources: %w", err)
	}
	return r, nil
}

// Flag is the linker's flag to lay functions out in order. Its number tells the go
// command which order.
func Flag() string {
	sum := sha256.Sum256([]byte(order))
	return fmt.Sprintf("-randlayout=%d", binary.BigEndian.Uint64(sum[:])>>1)
}

// ToolExec is what go build takes as -toolexec to link by the linker in file, a path
// that is absolute, quoted as cmd/internal/quoted reads it.
func ToolExec(file string) (string, error) {
	switch {
	case !strings.ContainsAny(file, " \t\r\n"):
		return file, nil
	case !strings.Contains(file, "'"):
		return "'" + file + "'", nil
	case !strings.Contains(file, `"`):
		return `"` + file + `"`, nil
	default:
		return "", fmt.Errorf("the go command cannot be told of %s, which has blanks and both kinds of quotes", file)
	}
}
