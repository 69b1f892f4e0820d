package verb

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestCacheFolder(t *testing.T) {
	home, tmp := t.TempDir(), t.TempDir()
	file := write(t, t.TempDir(), "")
	spare := filepath.Join(tmp, fmt.Sprintf("kguest-cache-%d", os.Getuid()))
	tests := []struct {
		name, xdg, home string
		want            string
		warning         string
	}{
		{"XDG_CACHE_HOME", filepath.Join(home, "xdg"), home, filepath.Join(home, "xdg/kguest"), ""},
		{"HOME", "", home, filepath.Join(home, ".cache/kguest"), ""},
		{"neither", "", "", spare, "neither $XDG_CACHE_HOME nor $HOME are defined"},
		{"one that cannot be made", filepath.Join(file, "x"), home, spare, "not a directory"},
		{"one that cannot be written", "/proc/self", home, spare, "/proc/self/kguest"},
		{"a relative one", "x", home, spare, "path in $XDG_CACHE_HOME is relative"},
	}
	t.Setenv("TMPDIR", tmp)
	for _, tt := range tests {
		t.Setenv("XDG_CACHE_HOME", tt.xdg)
		t.Setenv("HOME", tt.home)
		var warnings []string
		dir, err := CacheFolder(func(line string) { warnings = append(warnings, line) })
		if err != nil || dir != tt.want {
			t.Errorf("%s: %s, %v, want %s", tt.name, dir, err, tt.want)
			continue
		}
		if tt.warning == "" && len(warnings) > 0 ||
			tt.warning != "" && (len(warnings) != 1 || !strings.HasPrefix(warnings[0], "the cache is "+spare+": ") || !strings.Contains(warnings[0], tt.warning)) {
			t.Errorf("%s: warnings %q, want one with %q", tt.name, warnings, tt.warning)
		}
		if info, err := os.Stat(dir); err != nil || !info.IsDir() {
			t.Errorf("%s: no folder: %v", tt.name, err)
		}
	}
}

// A folder that others can write to is no place for programs.
func TestCacheFolderOfOthers(t *testing.T) {
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	t.Setenv("XDG_CACHE_HOME", "")
	t.Setenv("HOME", "")
	spare := filepath.Join(tmp, fmt.Sprintf("kguest-cache-%d", os.Getuid()))
	for name, make := range map[string]func() error{
		"open to all": func() error {
			if err := os.Mkdir(spare, 0o777); err != nil {
				return err
			}
			return os.Chmod(spare, 0o777)
		},
		"a link": func() error { return os.Symlink(t.TempDir(), spare) },
	} {
		if err := make(); err != nil {
			t.Fatal(err)
		}
		dir, err := CacheFolder(func(string) { t.Errorf("%s: a warning", name) })
		if err == nil || !strings.Contains(err.Error(), "set XDG_CACHE_HOME to a folder that can be written") {
			t.Errorf("%s: %s, %v, want an error", name, dir, err)
		}
		if err := os.Remove(spare); err != nil {
			t.Fatal(err)
		}
	}
}
