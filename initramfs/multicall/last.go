package multicall

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
)

// A program that was kept is of use, too, where none can be made: without a go
// command or without the sources. What it is called then does not depend on
// them: beside the programs stands, for each that this builder was asked for,
// the key of the one that it kept last.

// errNoSources is that there is nothing to compile.
var errNoSources = errors.New("find the sources of " + Module)

// cannotMake reports whether err, from Find, is that no program can be made here.
func cannotMake(err error) bool {
	return errors.Is(err, exec.ErrNotFound) || errors.Is(err, errNoSources)
}

// sources returns what of list is not the toolchain's.
func sources(list []watched) []watched {
	return slices.DeleteFunc(slices.Clone(list), func(x watched) bool { return x.As == asTool })
}

// lastFile has the key of the program that was kept last; empty where that
// cannot be told.
func (p *Program) lastFile() string {
	self := BuilderID()
	if self == "" || p.maker.Cache == "" {
		return ""
	}
	names := make([]string, 0, len(p.asks))
	for _, ask := range p.asks {
		names = append(names, ask.Name)
	}
	slices.Sort(names)
	sum := sha256.Sum256(fmt.Appendf(nil, "%q\n%q\n%q\n%q\n%t\n", self, p.Name, p.arch, slices.Compact(names), p.maker.KeepTracebacks))
	return filepath.Join(p.maker.Cache, "last-programs", hex.EncodeToString(sum[:]))
}

// keepLast notes that the program is the last that was kept. That it cannot
// costs a program where none can be made.
func (p *Program) keepLast() {
	if file := p.lastFile(); file != "" && writeKept(file, []byte(p.key), 0o600) == nil {
		prune(filepath.Dir(file), maxKept)
	}
}

// restoreLast takes the program that was kept last. It reports whether it is
// there, whole, and its sources have not changed, those that are there.
func (p *Program) restoreLast() bool {
	file := p.lastFile()
	if file == "" {
		return false
	}
	key, err := os.ReadFile(file)
	if err != nil || len(key) != hex.EncodedLen(sha256.Size) {
		return false
	}
	p.key = string(key)
	return p.restoreIf(func(k kept) bool {
		digest, ok := digestAll(sources(k.Watch))
		return ok && digest == k.Sources || gone(k.Watch)
	})
}

// gone reports whether no folder with sources in list is there any more.
func gone(list []watched) bool {
	return !slices.ContainsFunc(list, func(x watched) bool {
		if x.As != asSource {
			return false
		}
		_, err := os.Lstat(x.Path)
		return !errors.Is(err, fs.ErrNotExist)
	})
}
