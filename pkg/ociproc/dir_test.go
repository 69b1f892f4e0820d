package ociproc

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func makeDir(root, dir string) error {
	return MakeDir(root, dir, uint32(os.Getuid()), uint32(os.Getgid()))
}

func TestMakeDir(t *testing.T) {
	for dir, made := range map[string]string{
		"/":                  "/",
		"":                   "/",
		"/a/b/c":             "/a/b/c",
		"/there":             "/there",
		"/there/x/":          "/there/x",
		"/link/x":            "/there/x",
		"/absolute/x":        "/there/x",
		"/up/x":              "/there/x",
		"//a//./b":           "/a/b",
		"/a/../b":            "/b",
		"/../../../../../c":  "/c",
		"/link/../escape":    "/escape",
		"/deep/link/../side": "/there/side",
	} {
		root := newRoot(t, map[string]string{
			"/there/in":  "dir",
			"/link":      "-> there",
			"/absolute":  "-> /there",
			"/up":        "-> ../../../../../../../../there",
			"/deep/link": "-> /there/in",
		})
		old := syscall.Umask(0o077)
		err := makeDir(root, dir)
		syscall.Umask(old)
		if err != nil {
			t.Errorf("MakeDir(%q): %v", dir, err)
			continue
		}
		info, err := os.Stat(filepath.Join(root, made))
		if err != nil || !info.IsDir() || made != "/" && info.Mode().Perm() != 0o755 {
			t.Errorf("MakeDir(%q): %s is %v, %v, want a directory of mode 0755", dir, made, info, err)
		}
	}
}

func TestMakeDirKeeps(t *testing.T) {
	root := newRoot(t, map[string]string{"/there": "dir"})
	check(t, os.Chmod(root+"/there", 0o700))
	check(t, makeDir(root, "/there"))
	check(t, makeDir(root, "/there/x"))
	if info, err := os.Stat(root + "/there"); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("mode of what was there = %v, %v, want 0700", info, err)
	}
}

func TestMakeDirRefuses(t *testing.T) {
	outside := t.TempDir()
	root := newRoot(t, map[string]string{
		"/file":     "text",
		"/dangling": "-> " + outside + "/made",
		"/loop":     "-> loop",
		"/fifo":     "fifo",
	})
	for dir, want := range map[string]string{
		"/file":       "make directory /file: mkdir /file: not a directory",
		"/file/x":     "make directory /file/x: mkdir /file: not a directory",
		"/fifo":       "make directory /fifo: mkdir /fifo: not a directory",
		"/dangling":   "make directory /dangling: mkdir /dangling: is a link to " + outside + "/made, which is not there",
		"/dangling/x": "make directory /dangling/x: mkdir /dangling: is a link to " + outside + "/made, which is not there",
		"/loop/x":     "make directory /loop/x: mkdir /loop: too many levels of symbolic links",
	} {
		if err := makeDir(root, dir); err == nil || err.Error() != want {
			t.Errorf("MakeDir(%q) = %v, want %s", dir, err, want)
		}
	}
	if entries, err := os.ReadDir(outside); err != nil || len(entries) > 0 {
		t.Errorf("outside of the root: %v, %v, want nothing made", entries, err)
	}
	if err := makeDir(root, "/"+strings.Repeat("x", 300)); err == nil || !strings.HasSuffix(err.Error(), "file name too long") {
		t.Errorf("MakeDir of a long name = %v, want ENAMETOOLONG", err)
	}
}

// Whoever may chown sees the owner that was asked for; anyone else is refused.
func TestMakeDirOwner(t *testing.T) {
	root := t.TempDir()
	err := MakeDir(root, "/a/b", 12, 34)
	if os.Getuid() != 0 {
		if err == nil {
			t.Error("MakeDir for another user = nil, want EPERM")
		}
		return
	}
	check(t, err)
	for _, dir := range []string{"/a", "/a/b"} {
		var st syscall.Stat_t
		check(t, syscall.Stat(root+dir, &st))
		if st.Uid != 12 || st.Gid != 34 {
			t.Errorf("owner of %s = %d:%d, want 12:34", dir, st.Uid, st.Gid)
		}
	}
}
