package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
)

// Program is what kinit's program consists of, were it linked alone.
type Program struct {
	Bytes   int64    `json:"bytes"`   // of the file, stripped
	Symbols []Symbol `json:"symbols"` // the largest
	Groups  []Symbol `json:"groups"`  // all symbols, by package
}

// Symbol is one of the linker's, or those of a package together.
type Symbol struct {
	Name  string `json:"name"`
	Bytes int64  `json:"bytes"`
	Group string `json:"group,omitempty"`
}

const (
	kinitPath = "github.com/kguest/kguest/cmds/kinit"
	// mostSymbols and mostGroups bound the tables.
	mostSymbols = 50
	mostGroups  = 30
)

// program links kinit twice: with symbols, and as images have it.
func (m *measurer) program(ctx context.Context, result *Result) error {
	m.say("linking kinit")
	dir, err := os.MkdirTemp("", "bench-program-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // nothing is lost with a temporary directory
	for name, flags := range map[string]string{"whole": "", "stripped": "-s -w -buildid="} {
		if _, err := command(ctx, "go", "build", "-trimpath", "-ldflags", flags, "-o", dir+"/"+name, kinitPath); err != nil {
			return err
		}
	}
	info, err := os.Stat(dir + "/stripped")
	if err != nil {
		return err
	}
	out, err := command(ctx, "go", "tool", "nm", "-size", dir+"/whole")
	if err != nil {
		return err
	}
	result.Program = parseSymbols(out)
	result.Program.Bytes = info.Size()
	return nil
}

// command runs a program without C and returns its output.
func command(ctx context.Context, name string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH=amd64")
	var words bytes.Buffer
	cmd.Stderr = &words
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, bytes.TrimSpace(words.Bytes()))
	}
	return out, nil
}

// parseSymbols reads the output of go tool nm -size: address, size, kind, name.
// Symbols in memory only (BSS, kind B) are no part of the file.
func parseSymbols(nm []byte) Program {
	var p Program
	groups := map[string]int64{}
	lines := bufio.NewScanner(bytes.NewReader(nm))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) < 4 || strings.EqualFold(fields[2], "b") || fields[2] == "U" {
			continue
		}
		size, err := strconv.ParseInt(fields[1], 10, 64)
		if err != nil || size <= 0 {
			continue
		}
		name := strings.Join(fields[3:], " ")
		group := groupOf(name)
		p.Symbols = append(p.Symbols, Symbol{name, size, group})
		groups[group] += size
	}
	for name, size := range groups {
		p.Groups = append(p.Groups, Symbol{Name: name, Bytes: size})
	}
	bySize := func(a, b Symbol) int { return cmp.Or(cmp.Compare(b.Bytes, a.Bytes), cmp.Compare(a.Name, b.Name)) }
	slices.SortFunc(p.Symbols, bySize)
	slices.SortFunc(p.Groups, bySize)
	p.Symbols = p.Symbols[:min(len(p.Symbols), mostSymbols)]
	p.Groups = p.Groups[:min(len(p.Groups), mostGroups)]
	return p
}

// groupOf returns the package of a symbol, or what the linker made it for.
func groupOf(name string) string {
	for _, prefix := range []string{"type:", "go:itab.", "go:func.", "go:string.", "go:"} {
		if strings.HasPrefix(name, prefix) {
			return prefix
		}
	}
	plain, _, _ := strings.Cut(name, "[") // type arguments
	slash := strings.LastIndex(strings.SplitN(plain, "(", 2)[0], "/")
	pkg, _, ok := strings.Cut(plain[slash+1:], ".")
	if !ok {
		return "the linker"
	}
	path := plain[:slash+1] + pkg
	if rest, ok := strings.CutPrefix(path, "vendor/"); ok {
		path = rest
	}
	if path == "runtime" || strings.HasPrefix(path, "internal/runtime/") || strings.HasPrefix(path, "runtime/") {
		return "runtime"
	}
	return path
}

// why explains a group, "" for one that explains itself.
func why(group string) string {
	switch group {
	case "runtime":
		return "Go's scheduler, garbage collector, maps, channels; and what tells its functions and lines (pclntab, findfunctab)"
	case "type:":
		return "descriptors of types, for interfaces and the garbage collector; each type that is converted to an interface has one"
	case "go:itab.":
		return "methods of a type as an interface has them"
	case "go:func.":
		return "the garbage collector's maps of stack frames"
	case "go:string.", "go:":
		return "constants, and the linker's own tables"
	case "syscall", "os", "internal/poll", "internal/syscall/unix":
		return "files, processes, errors"
	case "fmt", "strconv":
		return "text of errors and of lines on the console"
	case "reflect":
		return "what fmt prints values by"
	case "time":
		return "deadlines; the formats of times come with it"
	case "unicode", "unicode/utf8":
		return "tables of what can be printed"
	case "flag":
		return "kinit -h"
	case "the linker":
		return "symbols without a package"
	}
	return ""
}
