package build

import (
	"strings"
	"testing"

	"github.com/kguest/kguest/pkg/hostcmd/verb"
)

// Either one file with an absolute path in the guest, or a usage error that
// begins with the flag.
func FuzzFile(f *testing.F) {
	for _, seed := range []string{"a:/b", "a:/b:0644:1:2", "a:/b::keep", ":/", "a:/:7777", "a:b:/c", "/x:c:1:2:3:4:5", "before-root/x=y", "root=f"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		at := func(flag string) []verb.Value { return []verb.Value{{Text: text, At: flag}} }
		for flag, a := range map[string]asked{
			"-file": {files: at("-file")}, "-mkdir": {dirs: at("-mkdir")}, "-fifo": {fifos: at("-fifo")},
			"-symlink": {symlinks: at("-symlink")}, "-hardlink": {hardLinks: at("-hardlink")}, "-node": {nodes: at("-node")},
			"-hook": {hooks: at("-hook")}, "-stage": {stages: at("-stage")},
		} {
			files, err := a.guestFiles()
			switch {
			case err != nil && (files != nil || !strings.HasPrefix(err.Error(), flag+" ")):
				t.Errorf("%s %q = %+v, %v, want an error that names the flag, and no file", flag, text, files, err)
			case err == nil && (len(files) != 1 || !strings.HasPrefix(files[0].Guest, "/") || !strings.HasSuffix(files[0].From, text)):
				t.Errorf("%s %q = %+v, want one file with its place", flag, text, files)
			}
		}
	})
}
