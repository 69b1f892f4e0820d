package multicall

import (
	"bufio"
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"hash"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/kguest/kguest/initramfs/hostfile"
)

const (
	// maxKept is how many programs stay; one takes 3 to 20 MB, and an image has
	// up to two.
	maxKept = 16
	// touchAfter is how old the time of a kept program's last use may get.
	touchAfter = time.Hour
)

// kept is what stands before a kept program in its file, which is its seal, a
// newline, this in JSON, a newline, and the program.
type kept struct {
	Program  string             // its SHA-256, in hexadecimal
	Commands map[string]Command // by the name that was asked for
	Watch    []watched
	Digest   string // of Watch
	Sources  string // of sources(Watch)
}

// keep keeps the program. That it cannot costs time at the next build only.
func (p *Program) keep(w watch) {
	k := kept{Program: hexSum(p.data), Commands: make(map[string]Command), Watch: w.list, Digest: w.digest}
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
	if writeKept(p.file(), slices.Concat([]byte(seal(p.key, head)+"\n"), head, []byte("\n"), p.data), 0o600) == nil {
		prune(filepath.Dir(p.file()), maxKept)
		p.keepLast()
	}
}

// seal ties what stands before a program to the program's key.
func seal(key string, head []byte) string { return hexSum(append([]byte(key), head...)) }

func hexSum(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// writeKept writes a file that is whole or not there.
func writeKept(file string, data []byte, mode os.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return err
	}
	tmp, err := os.CreateTemp(filepath.Dir(file), ".new-")
	if err != nil {
		return err
	}
	_, err = tmp.Write(data)
	if err = errors.Join(err, tmp.Chmod(mode), tmp.Close()); err == nil {
		err = os.Rename(tmp.Name(), file)
	}
	if err != nil {
		_ = os.Remove(tmp.Name()) // the first error is the one that counts
	}
	return err
}

// prune removes all but the most files of dir that were used last.
func prune(dir string, most int) {
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
	for _, name := range names[min(most, len(names)):] {
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
	f, info, err := hostfile.Open(p.file())
	if err != nil {
		return false
	}
	k, body, ok := decodeKept(p.key, f, info.Size())
	if ok = ok && good(k) && p.restoreCommands(k); !ok {
		_ = f.Close() // nothing was written to it
		return false
	}
	p.kept = &keptProgram{f, body, k.Program}
	p.touch()
	return true
}

func (p *Program) restoreCommands(k kept) bool {
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
	p.Commands = cmds
	return true
}

// touch notes that the program was used.
func (p *Program) touch() {
	now := time.Now()
	if info, err := os.Stat(p.file()); err == nil && now.Sub(info.ModTime()) > touchAfter {
		_ = os.Chtimes(p.file(), now, now) // only what prune goes by
	}
}

// decodeKept returns what is kept in the size bytes of f under key, and its
// program. It is false where that is damaged, or was kept under another.
func decodeKept(key string, f io.ReaderAt, size int64) (k kept, program *io.SectionReader, ok bool) {
	r := bufio.NewReader(io.NewSectionReader(f, 0, size))
	want, err := r.ReadString('\n')
	if err != nil {
		return k, nil, false
	}
	head, err := r.ReadBytes('\n')
	if err != nil {
		return k, nil, false
	}
	head = bytes.TrimSuffix(head, []byte("\n"))
	if seal(key, head)+"\n" != want || json.Unmarshal(head, &k) != nil {
		return k, nil, false
	}
	start := int64(len(want) + len(head) + 1)
	program = io.NewSectionReader(f, start, size-start)
	sum, err := hostfile.Sum(program)
	return k, program, err == nil && program.Size() > 0 && hex.EncodeToString(sum[:]) == k.Program
}

// keptProgram is a program in the file where it is kept. It was whole.
type keptProgram struct {
	file   *os.File
	body   *io.SectionReader
	sha256 string
}

func (k *keptProgram) open() io.ReadCloser {
	return &keptReader{io.NewSectionReader(k.body, 0, k.body.Size()), sha256.New(), k.sha256}
}

// keptReader reads a program that is kept. Its last error is that it is no longer
// what it was.
type keptReader struct {
	r    io.Reader
	h    hash.Hash
	want string
}

// Read implements io.Reader.
func (r *keptReader) Read(b []byte) (int, error) {
	n, err := r.r.Read(b)
	r.h.Write(b[:n])
	if errors.Is(err, io.EOF) && hex.EncodeToString(r.h.Sum(nil)) != r.want {
		return n, errors.New("the kept program was changed while it was read; run this again")
	}
	return n, err
}

// Close implements io.Closer.
func (r *keptReader) Close() error { return nil }
