// Package scratch makes temporary folders that do not outlive their process for
// long: those of processes that were killed are removed by the next one that
// makes a folder in the same place.
package scratch

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// Bounds of what Make looks at and removes.
const (
	maxEntries = 10_000
	maxRemoved = 64
)

// A Folder is this process's as long as it runs: it is locked (flock(2)), where
// the file system has that.
type Folder struct {
	Path string
	lock folderFD
}

// Make makes a folder in dir, os.TempDir where that is empty, whose name begins
// with prefix. The errors are those of os.Mkdir.
func Make(dir, prefix string) (*Folder, error) {
	if dir == "" {
		dir = os.TempDir()
	}
	sweep(dir, prefix)
	for {
		f := &Folder{Path: filepath.Join(dir, prefix+rand.Text()), lock: -1}
		if err := os.Mkdir(f.Path, 0o700); err != nil {
			return nil, err
		}
		if f.claim() {
			return f, nil
		}
	}
}

// claim locks the folder. It is false where another process took it for one
// that was left.
func (f *Folder) claim() bool {
	lock, err := openFolder(f.Path)
	if err != nil {
		return !errors.Is(err, fs.ErrNotExist)
	}
	f.lock = lock
	locked, err := lock.tryLock()
	if err != nil {
		return true // a file system without locks, where nobody sweeps
	}
	if _, err := os.Lstat(f.Path); !locked || err != nil {
		lock.close()
		return false
	}
	return true
}

// Remove removes the folder and all that is in it.
func (f *Folder) Remove() error {
	err := os.RemoveAll(f.Path)
	if f.lock >= 0 {
		f.lock.close()
		f.lock = -1
	}
	return err
}

// sweep removes folders that no process has any more. What it cannot remove
// stays for the next.
func sweep(dir, prefix string) {
	d, err := os.Open(dir)
	if err != nil {
		return
	}
	defer d.Close()
	removed := 0
	for seen := 0; seen < maxEntries && removed < maxRemoved; {
		entries, err := d.ReadDir(256)
		for _, e := range entries {
			if isOurs(e, prefix) && removeLeft(filepath.Join(dir, e.Name())) {
				removed++
			}
		}
		seen += len(entries)
		if err != nil { // io.EOF
			return
		}
	}
}

// isOurs reports whether Make can have made the entry, for this user.
func isOurs(e fs.DirEntry, prefix string) bool {
	text, ok := strings.CutPrefix(e.Name(), prefix)
	if !ok || !e.IsDir() || len(text) != len(rand.Text()) || strings.Trim(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") != "" {
		return false
	}
	info, err := e.Info()
	if err != nil {
		return false
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(stat.Uid) == os.Getuid()
}

// removeLeft removes the folder at path unless a process has it.
func removeLeft(path string) bool {
	lock, err := openFolder(path)
	if err != nil {
		return false
	}
	defer lock.close()
	locked, err := lock.tryLock()
	return err == nil && locked && os.RemoveAll(path) == nil
}
