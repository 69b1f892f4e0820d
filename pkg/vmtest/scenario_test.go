package vmtest

import (
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/kguest/kguest/pkg/pack"
)

func TestParseScenario(t *testing.T) {
	text := `# What it proves.
machine: q35 microvm
append: a b
append: c=d
net: user
idm: port
boots: 2
ballast: 3
disk: blank serial=x
disk: image format=ext4 comp=none label=l
link: etc/x /y
attr: bin/x 4755 1 2
remove: etc/a etc/b
type: ^Cgo^J^[ after ready now
qmp: {"execute": "stop"} after it plus 2s
fifo: etc/f
zeros: etc/z 3
omit: launch.json
commands: ls cat
first: examples/x.sh
busybox: bin/sh
until: the end
disk: data writable
disk: blank late
-- image/etc/y --
content
-- initramfs/etc/x --
#!/bin/gosh
-- script --
exit 1
-- init --
ls
-- exit --
code 1
idm none
-- has r --
a.c
`
	s, err := parseScenario(txtar.Parse([]byte(text)))
	if err != nil {
		t.Fatal(err)
	}
	want := &Scenario{
		Base: "busybox", Machines: []string{"q35", "microvm"}, Append: []string{"a", "b", "c=d"}, Net: "user", IDM: "port",
		Boots: 2, Ballast: 3,
		Disks: []Disk{
			{Kind: "blank", Serial: "x"},
			{Kind: "image", Pack: pack.Options{Format: "ext4", Compression: "none", Label: "l"}},
			{Kind: "data", Writable: true, Pack: pack.Options{Format: "ext4"}},
			{Kind: "blank", Late: true},
		},
		Links: [][2]string{{"etc/x", "/y"}}, Attrs: []pack.Attr{{Path: "bin/x", Mode: fs.ModeSetuid | 0o755, UID: 1, GID: 2}},
		Removes: []string{"etc/a", "etc/b"}, Typed: []Typed{{Keys: "\x03go\n\x1b", After: "ready now"}, {Keys: `{"execute": "stop"}`, After: "it", Pause: 2 * time.Second, QMP: true}},
		Fifos: []string{"etc/f"}, Zeros: map[string]int{"etc/z": 3}, Omits: []string{"launch.json"}, Until: "the end",
		Commands: []string{"ls", "cat"}, Busybox: []string{"bin/sh"}, First: "examples/x.sh", Initramfs: map[string]string{"etc/x": "#!/bin/gosh\n"}, Init: "ls\n",
		Files: map[string]string{"etc/y": "content\n"}, Script: "exit 1\n",
	}
	got := *s
	got.Exit, got.Wants = WantExit{}, nil
	if diff := cmp.Diff(want, &got); diff != "" {
		t.Errorf("parseScenario: -want +got\n%s", diff)
	}
	if s.Exit.Code != 1 || s.Exit.IDM != "none" || len(s.Wants) != 1 {
		t.Errorf("exit %+v, wants %+v", s.Exit, s.Wants)
	}
}

func TestParseScenarioErrors(t *testing.T) {
	tests := []struct{ in, want string }{
		{"machine\n", `line 1: "machine" is no directive`},
		{"# doc\nbase: suse\n", `line 2: base: "suse" is none of busybox debian`},
		{"speed: 1\n", "line 1: speed: unknown directive"},
		{"boots: two\n", "line 1: boots: "},
		{"disk: floppy\n", `line 1: disk: "floppy" is none of image config blank data`},
		{"disk: image size=1\n", `line 1: disk: unknown key "size"`},
		{"link: etc/x\n", "line 1: link: want PATH TARGET"},
		{"attr: etc/x 0799 0 0\n", "line 1: attr: "},
		{"type: x\n", "line 1: type: want KEYS after TEXT"},
		{"type: x after y plus z\n", "line 1: type: time: invalid duration"},
		{"-- scrip --\nx\n", "section scrip: unknown section"},
		{"-- exit --\nkode 1\n", "section exit: kode: unknown name"},
		{"-- hat r --\nx\n", `section hat r: unknown verb "hat"`},
		{"-- has r --\n(\n", "section has r: error parsing regexp"},
		{"-- has r --\n\n", "section has r: no pattern"},
		{"-- exit --\ncode 1\n", "neither script nor config.json nor launch.json nor init is here"},
		{"-- init --\nls\n", "an init needs commands"},
		{"zeros: etc/z\n", "line 1: zeros: want PATH MIB"},
		{"base: debian\nremove: etc\n-- script --\nx\n", "the image of base debian is taken as it is"},
	}
	for _, tt := range tests {
		_, err := parseScenario(txtar.Parse([]byte(tt.in)))
		if err == nil || !strings.HasPrefix(err.Error(), tt.want) {
			t.Errorf("parseScenario(%q): error %v, want %s", tt.in, err, tt.want)
		}
	}
}

// TestScenarioFiles reads every scenario, so that a mistake in one is seen
// without a virtual machine.
func TestScenarioFiles(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenarios: %v", err)
	}
	for _, file := range files {
		if _, err := ReadScenario(file); err != nil {
			t.Error(err)
		}
	}
}

func TestTypist(t *testing.T) {
	p := &typist{todo: []Typed{{Keys: "one", After: "ready"}, {Keys: "two", After: "ready"}}, keys: make(chan Typed, 2)}
	for _, part := range []string{"rea", "dy re", "ad", "y\n"} {
		if n, err := p.Write([]byte(part)); n != len(part) || err != nil {
			t.Errorf("Write(%q) = %d, %v", part, n, err)
		}
		if part == "dy re" && len(p.keys) != 1 {
			t.Errorf("%d keys typed after the first text, want 1", len(p.keys))
		}
	}
	close(p.keys)
	var got []string
	for k := range p.keys {
		got = append(got, k.Keys)
	}
	if diff := cmp.Diff([]string{"one", "two"}, got); diff != "" {
		t.Errorf("typed: -want +got\n%s", diff)
	}
}
