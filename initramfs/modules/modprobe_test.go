package modules

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// confDir makes a modprobe.d folder.
func confDir(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(data), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestReadModprobe(t *testing.T) {
	first := confDir(t, map[string]string{
		"b.conf":       "options virtio-net csum=0 \\\n\tgso=\"a  b\"\n",
		"a.conf":       "# a comment\n\noptions virtio_net napi_tx=1\nblacklist x-y\nalias my-net* virtio-net\n",
		"ignored.txt":  "bad\n",
		".hidden.conf": "bad\n",
	})
	second := confDir(t, map[string]string{
		"a.conf": "bad, and not read, as there is one of that name\n",
		"c.conf": "softdep virtio_* pre: a-b post: c\nweakdep virtio_net d\ninstall nfs /bin/true\nremove nfs /bin/true\noptions virtio_net \\",
	})
	m, err := ReadModprobe([]string{first, second})
	if err == nil || !strings.Contains(err.Error(), second+"/c.conf:5: options has 2 words, want 3 or more") {
		t.Errorf("ReadModprobe = %v, %v, want the last line refused", m, err)
	}
	if err := os.WriteFile(filepath.Join(second, "c.conf"), []byte("softdep virtio_* pre: a-b post: c\nweakdep virtio_net d\n\\\ninstall nfs \\\n/bin/true\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	m, err = ReadModprobe([]string{first, second})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := m.params("virtio_net"), `napi_tx=1 csum=0  	gso="a  b"`; got != want {
		t.Errorf("params = %q, want %q", got, want)
	}
	want := softdep{pre: []string{"a_b"}, post: []string{"c"}, weak: []string{"d"}}
	if diff := cmp.Diff(want, m.softdeps("virtio_net"), cmp.AllowUnexported(softdep{})); diff != "" {
		t.Errorf("softdeps (-want +got):\n%s", diff)
	}
	if got, want := m.blacklist["x_y"].String(), first+"/a.conf:4"; got != want {
		t.Errorf("blacklist is at %s, want %s", got, want)
	}
	if got, want := m.installs["nfs"].String(), second+"/c.conf:3"; got != want {
		t.Errorf("install is at %s, want %s", got, want)
	}
}

func TestReadModprobeErrors(t *testing.T) {
	dir := confDir(t, map[string]string{"bad.conf": "options a b=1\nblackist c\n"})
	tests := []struct{ path, want string }{
		{"/no/such", "read modprobe.d: stat /no/such: no such file"},
		{dir, dir + `/bad.conf:2: no modprobe.d command "blackist"; did you mean "blacklist"?`},
		{dir + "/bad.conf", "bad.conf:2: "},
	}
	for _, tt := range tests {
		m, err := ReadModprobe([]string{tt.path})
		if m != nil || err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("ReadModprobe(%s) = %v, %v, want an error with %q", tt.path, m, err, tt.want)
		}
	}
}

func TestModprobeLineErrors(t *testing.T) {
	tests := []struct{ line, want string }{
		{"alias a", "f:1: alias has 2 words, want 3 or more"},
		{"\n\nblacklist", "f:3: blacklist has 1 words"},
		{"softdep a b", `f:1: softdep: "b": want pre: or post: and names of modules`},
		{"softdep a pr: b", `f:1: softdep: "pr:": want pre: or post: and names of modules; did you mean "pre:"?`},
		{"softdep a pre: b psot: c", `f:1: softdep: "psot:": want pre: or post: and names of modules; did you mean "post:"?`},
		{"options a \\\n\\\nb\nsoftdep", "f:4: softdep has 1 words"},
		{"\x00", "f:1: "},
		{"options a b\x00", "f:1: "},
		{"include x", `no modprobe.d command "include"`},
	}
	for _, tt := range tests {
		err := new(Modprobe).parse("f", []byte(tt.line))
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("parse(%q) = %v, want an error with %q", tt.line, err, tt.want)
		}
	}
}

func TestParamNames(t *testing.T) {
	tests := []struct {
		params string
		want   []string
	}{
		{"a=1 b", []string{"a", "b"}},
		{`a="x  y=2" b=3`, []string{"a", "b"}},
		{"  ", nil},
		{`a="open b=1`, []string{"a"}},
	}
	for _, tt := range tests {
		if diff := cmp.Diff(tt.want, paramNames(tt.params), cmp.Transformer("nil", func(s []string) string { return strings.Join(s, "|") })); diff != "" {
			t.Errorf("paramNames(%q) (-want +got):\n%s", tt.params, diff)
		}
	}
	if got, want := onCommandLine("ext4", `a=1 b="c d"`), `ext4.a=1 ext4.b="c d"`; got != want {
		t.Errorf("onCommandLine = %q, want %q", got, want)
	}
}

// FuzzModprobe holds that a file is refused with its place or gives parameters
// that are one line, and that nothing depends on how its lines are continued.
func FuzzModprobe(f *testing.F) {
	f.Add("options a b=1 \\\n c=2\nblacklist d\nalias e f\nsoftdep g pre: h\nweakdep i j\ninstall k l\n")
	f.Add("remove a b\n# comment\\\noptions a b")
	f.Fuzz(func(t *testing.T, text string) {
		m := new(Modprobe)
		err := m.parse("file", []byte(text))
		if err != nil {
			if !strings.HasPrefix(err.Error(), "file:") {
				t.Errorf("error without a place: %v", err)
			}
			return
		}
		for name := range m.options {
			if params := m.params(name); strings.ContainsAny(params, "\n\x00") || params == "" {
				t.Errorf("options of %s: %q", name, params)
			}
		}
		joined := new(Modprobe)
		if err := joined.parse("file", []byte(strings.ReplaceAll(text, "\\\n", " "))); err != nil {
			t.Errorf("with its lines joined: %v", err)
		}
		for name := range m.options {
			if got, want := joined.params(name), m.params(name); got != want {
				t.Errorf("options of %s are %q with lines joined, want %q", name, got, want)
			}
		}
	})
}
