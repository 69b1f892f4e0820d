package main

import (
	"bytes"
	"cmp"
	"context"
	"debug/elf"
	"fmt"
	"os"
	"os/exec"
	"slices"
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
	symbols, err := symbolsOf(dir + "/whole")
	if err != nil {
		return err
	}
	result.Program = weigh(symbols)
	result.Program.Bytes = info.Size()
	return nil
}

// symbolsOf returns what of a program is in its file and then in memory: its
// symbols, as go tool nm -size has them, and of each section what these leave.
func symbolsOf(file string) ([]Symbol, error) {
	f, err := elf.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	list, err := f.Symbols()
	if err != nil {
		return nil, fmt.Errorf("read symbols of %s: %w", file, err)
	}
	var symbols []Symbol
	rest := make([]int64, len(f.Sections))
	for i, s := range f.Sections {
		if s.Flags&elf.SHF_ALLOC != 0 && s.Type != elf.SHT_NOBITS {
			rest[i] = int64(s.Size) //nolint:gosec // of a file that exists
		}
	}
	for _, s := range list {
		if i := int(s.Section); i < len(rest) && rest[i] > 0 && s.Size > 0 {
			size := int64(s.Size) //nolint:gosec // within its section
			symbols = append(symbols, Symbol{s.Name, size, groupOf(s.Name)})
			rest[i] -= size
		}
	}
	for i, left := range rest {
		if left > 0 {
			name := "rest of " + f.Sections[i].Name
			symbols = append(symbols, Symbol{name, left, name})
		}
	}
	return symbols, nil
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

// weigh sums the symbols up, and keeps the largest.
func weigh(symbols []Symbol) Program {
	p := Program{Symbols: symbols}
	groups := map[string]int64{}
	for _, s := range symbols {
		groups[s.Group] += s.Bytes
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
