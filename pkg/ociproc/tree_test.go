package ociproc

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// newRoot makes a root of the entries, by path: "dir", "fifo", "-> target", or
// the text of a file, executable if it begins with "x ".
func newRoot(t *testing.T, entries map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for path, what := range entries {
		at := filepath.Join(root, path)
		check(t, os.MkdirAll(filepath.Dir(at), 0o755))
		switch target, isLink := strings.CutPrefix(what, "-> "); {
		case isLink:
			check(t, os.Symlink(target, at))
		case what == "dir":
			check(t, os.MkdirAll(at, 0o755))
		case what == "fifo":
			check(t, syscall.Mkfifo(at, 0o755))
		case strings.HasPrefix(what, "x "):
			check(t, os.WriteFile(at, []byte(what[2:]), 0o755))
		default:
			check(t, os.WriteFile(at, []byte(what), 0o644))
		}
	}
	return root
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// image builds a configuration in one line.
type image ImageConfig

func img(entrypoint ...string) image { return image{Entrypoint: entrypoint} }

func (i image) cmd(args ...string) image { i.Cmd = args; return i }

func (i image) env(entries ...string) image { i.Env = entries; return i }

func (i image) dir(dir string) image { i.WorkingDir = dir; return i }

func (i image) user(user string) image { i.User = user; return i }
