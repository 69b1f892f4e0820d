package config

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var testKeys = []Key{{"arch", Text}, {"compress", Text}, {"cmd", List}, {"file", List}, {"no-manifest", Switch}}

func TestParse(t *testing.T) {
	tests := []struct {
		data string
		want []Setting
	}{
		{"", nil},
		{"# nothing\n", nil},
		{"---\n", nil},
		{"arch: arm64\n", []Setting{{"arch", "arm64", "f", 1}}},
		{"cmd: ls\n", []Setting{{"cmd", "ls", "f", 1}}},
		{"\ncmd:\n- ls\n\n- cat\nfile: []\n", []Setting{{"cmd", "ls", "f", 3}, {"cmd", "cat", "f", 5}}},
		{"cmd: ['true', 5, 0644, 2001-01-01, \"x: y\", a:b]", []Setting{
			{"cmd", "true", "f", 1},
			{"cmd", "5", "f", 1},
			{"cmd", "0644", "f", 1},
			{"cmd", "2001-01-01", "f", 1},
			{"cmd", "x: y", "f", 1},
			{"cmd", "a:b", "f", 1},
		}},
		{"no-manifest: True\n", []Setting{{"no-manifest", "true", "f", 1}}},
	}
	for _, tt := range tests {
		got, err := Parse("f", []byte(tt.data), testKeys)
		if diff := cmp.Diff(tt.want, got); err != nil || diff != "" {
			t.Errorf("Parse(%q) = %v (-want +got):\n%s", tt.data, err, diff)
		}
	}
}

func TestParseErrors(t *testing.T) {
	tests := []struct{ data, want string }{
		{"arch: a\ncompres: lz4\n", `f:2: unknown key "compres"; did you mean "compress"?`},
		{"5: lz4\n", `f:1: unknown key "5"`},
		{"arch: a\n\narch: b\n", "f:3: arch: it is in line 1 already; make it one"},
		{"cmd:\n- ls\n- [a]\n", "f:3: cmd: want text in the list, not a list"},
		{"arch: [a]\n", "f:1: arch: want one value, not a list"},
		{"arch:\n  a: b\n", "f:2: arch: want one value, not further keys"},
		{"cmd:\n  a: b\n", "f:2: cmd: want a list of values, not further keys"},
		{"cmd:\n- a: b\n", "f:2: cmd: want a list of values, not further keys; where a value has a colon and a space, quote it"},
		{"arch:\n", "f:1: arch: no value; give one, or leave the key out"},
		{"cmd: [true]\n", "f:1: cmd: true is a switch's value; quote it where it is text"},
		{"no-manifest: 1\n", `f:1: no-manifest: "1": want true or false`},
		{"no-manifest: 'true'\n", `f:1: no-manifest: "true": want true or false`},
		{"arch: !!binary aGk=\n", "f:1: arch: want text, not !!binary"},
		{"arch: &a x\ncmd: *a\n", "f:2: cmd: an alias; write the value out"},
		{"cmd: *a\n", "f:1: unknown anchor 'a' referenced"},
		{"<<: {arch: a}\n", `f:1: unknown key "<<"`},
		{"[a]: b\n", "f:1: want lines of KEY: VALUE"},
		{"- a\n", "f:1: want lines of KEY: VALUE"},
		{"text\n", "f:1: want lines of KEY: VALUE"},
		{"arch: a\n---\narch: b\n", "f:2: a second document; make it one"},
		{"arch: a\n\tcmd: b\n", "f:2: found a tab character that violates indentation"},
		{"arch: 'a\n", "f:"},
		{"arch: \x00\n", "f:1: control characters are not allowed"},
	}
	for _, tt := range tests {
		got, err := Parse("f", []byte(tt.data), testKeys)
		if err == nil || !strings.HasPrefix(err.Error(), tt.want) || got != nil {
			t.Errorf("Parse(%q) = %v, %v, want an error with %q", tt.data, got, err, tt.want)
		}
	}
}

func TestRead(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, "site.yaml", "arch: amd64\ncmd: ls\n")
	write(t, "site.d/20.yaml", "cmd: cat\n")
	write(t, "site.d/10.yaml", "\narch: arm64\n")
	write(t, "site.d/README", "no YAML: at: all")
	write(t, "site.d/.10.yaml.swp", "")
	want := []Setting{
		{"arch", "amd64", "site.yaml", 1},
		{"cmd", "ls", "site.yaml", 2},
		{"arch", "arm64", "site.d/10.yaml", 2},
		{"cmd", "cat", "site.d/20.yaml", 1},
	}
	got, err := Read("site.yaml", testKeys)
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("Read(site.yaml) = %v (-want +got):\n%s", err, diff)
	}
}

func TestReadErrors(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, "bad.yaml", "")
	write(t, "bad.d/a.yaml", "\n\narchh: x\n")
	write(t, "yml.yaml", "")
	write(t, "yml.d/a.yml", "")
	write(t, "big.yaml", "arch: "+strings.Repeat("x", maxSize))
	write(t, "file.yaml", "")
	write(t, "file.d", "")
	tests := []struct{ file, want string }{
		{"gone.yaml", "read configuration: open gone.yaml: no such file or directory"},
		{".", "read configuration: open .: a folder, not a regular file; give a YAML file of settings"},
		{"bad.yaml", `bad.d/a.yaml:3: unknown key "archh"; did you mean "arch"?`},
		{"yml.yaml", "read drop-ins: yml.d/a.yml would not be read; name it a.yaml"},
		{"big.yaml", "read configuration: read big.yaml: 1048582 bytes, more than 1048576; give a YAML file of settings"},
		{"file.yaml", "read drop-ins: open file.d: not a directory"},
	}
	for _, tt := range tests {
		_, err := Read(tt.file, testKeys)
		if err == nil || !strings.HasPrefix(err.Error(), tt.want) {
			t.Errorf("Read(%s) = %v, want %q", tt.file, err, tt.want)
		}
	}
}

func write(t *testing.T, name, data string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(data), 0o644); err != nil {
		t.Fatal(err)
	}
}

// Either settings of known keys, or an error of one line that says where.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"arch: a\ncmd: [b, c]\nno-manifest: false\n", "arch: &a x\ncmd: *a\n", "a: {b: c}\n---\n", "cmd:\n- 'x\n", "<<: *b", "{\x00", "? a\n: b\n", "%YAML 1.2\n---\narch: |\n a\n",
	} {
		f.Add([]byte(seed))
	}
	where := regexp.MustCompile(`^f:[1-9][0-9]*: [^\n]+$`)
	f.Fuzz(func(t *testing.T, data []byte) {
		settings, err := Parse("f", data, testKeys)
		if err != nil && (settings != nil || !where.MatchString(err.Error())) {
			t.Errorf("Parse = %v, %q, want an error of one line with its place, and nothing else", settings, err)
		}
		for _, s := range settings {
			if _, err := known(s.Key); err != nil || s.Line < 1 {
				t.Errorf("Parse has %+v, want a known key and a line", s)
			}
		}
	})
}

func known(name string) (Key, error) {
	for _, k := range testKeys {
		if k.Name == name {
			return k, nil
		}
	}
	return Key{}, os.ErrNotExist
}
