package source

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	dir := t.TempDir()
	layout := filepath.Join(dir, "layout")
	if err := os.Mkdir(layout, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"file", "layout/index.json"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
	tests := []struct {
		in   string
		want Name
		err  string
	}{
		{"oci:dir", Name{OCI, "dir", ""}, ""},
		{"oci:/a/b:tag", Name{OCI, "/a/b", "tag"}, ""},
		{"oci:a:name:tag", Name{OCI, "a", "name:tag"}, ""},
		{"oci-archive:a.tar:t", Name{OCIArchive, "a.tar", "t"}, ""},
		{"docker-archive:a.tar:b/c:d", Name{DockerArchive, "a.tar", "b/c:d"}, ""},
		{"docker://localhost:5000/a:b", Name{Docker, "localhost:5000/a:b", ""}, ""},
		{"dir:a:b", Name{Dir, "a:b", ""}, ""},
		{"tar:a:b.tar", Name{Tar, "a:b.tar", ""}, ""},
		{"", Name{}, `source "" has no scheme; want one of oci, oci-archive, docker-archive, docker, dir, tar`},
		{"oci", Name{}, `source "oci" has no scheme; did you mean "docker://oci"?`},
		{"oci:", Name{}, `source "oci:": no path after the scheme`},
		{"oci:a:", Name{}, `source "oci:a:": empty tag after the last colon`},
		{"ocl:a", Name{}, `source "ocl:a": unknown scheme "ocl"; did you mean "oci:a"?`},
		{"oci-archve:a.tar:t", Name{}, `did you mean "oci-archive:a.tar:t"?`},
		{"dokcer://a/b", Name{}, `did you mean "docker://a/b"?`},
		{"docker:a/b", Name{}, `source "docker:a/b": want docker://NAME[:TAG|@DIGEST]`},
		{"docker://", Name{}, `source "docker://": want docker://NAME`},
		{"debian:12", Name{}, `source "debian:12": unknown scheme "debian"; did you mean "docker://debian:12"? Schemes are oci, `},
		{"layout", Name{}, `source "layout" has no scheme; did you mean "oci:layout"?`},
		{"layout:tag", Name{}, `unknown scheme "layout"; did you mean "oci:layout:tag"?`},
		{".", Name{}, `source "." has no scheme; did you mean "dir:."?`},
		{"./file", Name{}, `source "./file" has no scheme; did you mean "tar:./file" or "oci-archive:./file"?`},
		{"./none", Name{}, `source "./none" has no scheme; want one of oci, `},
		{"https://x/y", Name{}, `unknown scheme "https"; want one of oci, `},
		{"containers-storage:x", Name{}, `unknown scheme "containers-storage"; did you mean "docker://containers-storage:x"?`},
	}
	for _, tt := range tests {
		got, err := Parse(tt.in)
		if tt.err == "" && err != nil || tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)) {
			t.Errorf("Parse(%q): %v, want %s", tt.in, err, tt.err)
		}
		if got != tt.want {
			t.Errorf("Parse(%q) = %+v, want %+v", tt.in, got, tt.want)
		}
		if err == nil && got.String() != tt.in {
			t.Errorf("Parse(%q).String() = %q", tt.in, got)
		}
	}
}

// A name is taken and printed as it was, or refused in one line.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"oci:a:b", "docker://a", "dir:", "x:y:z", "oci-archive:a"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n, err := Parse(s)
		switch {
		case err != nil && n != (Name{}):
			t.Errorf("Parse(%q) = %+v and %v", s, n, err)
		case err != nil && strings.ContainsAny(err.Error(), "\n\r\x00\x1b"):
			t.Errorf("Parse(%q): %q", s, err)
		case err == nil && n.String() != s:
			t.Errorf("Parse(%q) = %+v, which is %q", s, n, n)
		}
	})
}
