package multicall

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"time"
)

const (
	// maxKept is how many programs stay; one takes 3 to 20 MB, and an image has
	// up to two.
	maxKept = 16
	// touchAfter is how old the time of a kept program's last use may get.
	touchAfter = time.Hour
)

// kept is what stands before a kept program in its file, which is the
// hexadecimal SHA-256 of what follows, a newline, this in JSON, a newline, and
// the program.
type kept struct {
	Commands map[string]Command // by the name that was asked for
	Watch    []watched
	Digest   string // of Watch
	Sources  string // of sources(Watch)
}

// keep keeps the program. That it cannot costs time at the next build only.
func (p *Program) keep(w watch) {
	k := kept{Commands: make(map[string]Command), Watch: w.list, Digest: w.digest}
	k.Sources, _ = digestAll(sources(w.list))
	for _, ask := range p.asks {
		c, err := resolve(ask, p.found.urootDir)
		if err != nil {
			return
		}
		c.From = ""
		k.Commands[ask.Name] = c
	}
	head, err := json.Marshal(k)
	if err != nil {
		return
	}
	body := slices.Concat(head, []byte("\n"), p.data)
	sum := sha256.Sum256(body)
	if writeKept(p.file(), slices.Concat([]byte(hex.EncodeToString(sum[:])+"\n"), body)) == nil {
		prune(filepath.Dir(p.file()))
		p.keepLast()
	}
}

// writeKept writes a file that is whole or not there.
func writeKept(file string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return err
	}
	tmp, err := os.CreateTemp(filepath.Dir(file), ".new-")
	if err != nil {
		return err
	}
	_, err = tmp.Write(data)
	if closeErr := tmp.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(tmp.Name(), file)
	}
	if err != nil {
		_ = os.Remove(tmp.Name()) // the first error is the one that counts
	}
	return err
}

// prune removes all but the programs used last.
func prune(dir string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	used := make(map[string]time.Time)
	names := make([]string, 0, len(entries))
	for _, e := range entries {
		if info, err := e.Info(); err == nil {
			used[e.Name()] = info.ModTime()
			names = append(names, e.Name())
		}
	}
	slices.SortFunc(names, func(a, b string) int { return cmp.Or(used[b].Compare(used[a]), cmp.Compare(a, b)) })
	for _, name := range names[min(maxKept, len(names)):] {
		_ = os.Remove(filepath.Join(dir, name)) // tried again at the next build
	}
}

// restore takes the program from where it is kept. It reports whether it is
// there, whole, and nothing that it was made of has changed.
func (p *Program) restore() bool {
	return p.restoreIf(func(k kept) bool {
		digest, ok := digestAll(k.Watch)
		return ok && digest == k.Digest
	})
}

// restoreIf takes the program from where it is kept, where it is whole and is
// good to be taken.
func (p *Program) restoreIf(good func(kept) bool) bool {
	data, err := os.ReadFile(p.file())
	if err != nil {
		return false
	}
	k, program, ok := decodeKept(data)
	if !ok || !good(k) {
		return false
	}
	list := make([]Command, 0, len(p.asks))
	for _, ask := range p.asks {
		c, ok := k.Commands[ask.Name]
		if !ok {
			return false
		}
		c.From = ask.From
		list = append(list, c)
	}
	cmds, err := unique(list)
	if err != nil {
		return false
	}
	p.Commands, p.data = cmds, program
	p.touch()
	return true
}

// touch notes that the program was used.
func (p *Program) touch() {
	now := time.Now()
	if info, err := os.Stat(p.file()); err == nil && now.Sub(info.ModTime()) > touchAfter {
		_ = os.Chtimes(p.file(), now, now) // only what prune goes by
	}
}

// decodeKept returns what is kept in data. It is false where that is damaged.
func decodeKept(data []byte) (kept, []byte, bool) {
	var k kept
	want, body, ok := bytes.Cut(data, []byte("\n"))
	if !ok {
		return k, nil, false
	}
	if sum := sha256.Sum256(body); hex.EncodeToString(sum[:]) != string(want) {
		return k, nil, false
	}
	head, program, ok := bytes.Cut(body, []byte("\n"))
	if !ok || json.Unmarshal(head, &k) != nil || len(program) == 0 {
		return k, nil, false
	}
	return k, program, true
}
