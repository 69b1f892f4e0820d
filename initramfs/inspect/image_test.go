package inspect

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kguest/kguest/initramfs/inspect/archive"
)

// entry is what of a header the tests choose.
type entry struct {
	name  string
	mode  uint32
	body  string
	inode uint32
	links uint32
	uid   uint32
	minor uint32 // of a device node
}

func file(name, body string) entry {
	return entry{name: name, mode: archive.TypeReg | 0o644, body: body}
}
func dir(name string) entry { return entry{name: name, mode: archive.TypeDir | 0o755} }
func link(name, target string) entry {
	return entry{name: name, mode: archive.TypeSymlink | 0o777, body: target}
}

// hard is one name of an inode with n names.
func hard(name, body string, inode, n uint32) entry {
	return entry{name: name, mode: archive.TypeReg | 0o644, body: body, inode: inode, links: n}
}

// newc writes an archive, with its trailer. It writes what no good writer
// would.
func newc(entries ...entry) []byte {
	var b []byte
	for _, e := range append(entries, entry{name: "TRAILER!!!", links: 1}) {
		b = fmt.Appendf(b, "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%s\x00",
			e.inode, e.mode, e.uid, 0, max(e.links, 1), 86400, len(e.body), 0, 0, 0, e.minor, len(e.name)+1, 0, e.name)
		b = append(b, make([]byte, -len(b)&3)...)
		b = append(b, e.body...)
		b = append(b, make([]byte, -len(b)&3)...)
	}
	return b
}

func image(t testing.TB, data []byte) *Image {
	t.Helper()
	im, err := New("image", bytes.NewReader(data), int64(len(data)), archive.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return im
}

// tell describes the files of an image: "path type body" each.
func tell(t testing.TB, im *Image) []string {
	t.Helper()
	var list []string
	for _, f := range im.Files() {
		body := f.Target
		if f.node.typ() == archive.TypeReg {
			b, err := im.head(f, 1<<20)
			if err != nil {
				t.Fatal(err)
			}
			body = string(b)
		}
		list = append(list, strings.TrimRight(fmt.Sprintf("%s %s %s", f.Path, f.Type, body), " "))
	}
	return list
}

// treeCase is an image, and what init/initramfs.c makes of its entries.
type treeCase struct {
	name  string
	image []byte
	want  []string
	drops []string
}

func treeCases() []treeCase {
	return []treeCase{
		{"plain", newc(dir("a"), file("a/b", "1"), link("l", "a/b")), []string{"a dir", "a/b file 1", "l symlink a/b"}, nil},
		{"names", newc(dir("./a/"), file("/a//b", "1"), dir(".")), []string{". dir", "a dir", "a/b file 1"}, nil},
		{"above", newc(file("../../x", "1"), file("a/../y", "2")), []string{"x file 1"}, []string{`a/../y: there is no folder "a"`}},
		{"no folder", newc(file("a/b", "1")), nil, []string{`a/b: there is no folder "a"`}},
		{"kernel's folders", newc(file("dev/x", "1"), file("root/y", "")), []string{"dev/x file 1", "root/y file"}, nil},
		{"later archive", append(newc(file("x", "old"), file("y", "1")), newc(file("x", "new"))...), []string{"x file new", "y file 1"}, nil},
		{"later is empty", append(newc(file("x", "old")), newc(file("x", ""))...), []string{"x file"}, nil},
		{"file for folder", newc(dir("x"), file("x", "1")), []string{"x file 1"}, nil},
		{"file for full folder", newc(dir("x"), file("x/y", "1"), file("x", "2")), []string{"x dir", "x/y file 1"}, []string{"x: a folder with files is in its place"}},
		{"folder for file", newc(file("x", "1"), dir("x"), file("x/y", "2")), []string{"x dir", "x/y file 2"}, nil},
		{"through a link", newc(dir("usr"), dir("usr/lib"), link("lib", "usr/lib"), file("lib/x", "1")), []string{"lib symlink usr/lib", "usr dir", "usr/lib dir", "usr/lib/x file 1"}, nil},
		{"through an absolute link", newc(dir("usr"), link("lib", "/usr"), file("lib/x", "1")), []string{"lib symlink /usr", "usr dir", "usr/x file 1"}, nil},
		{"through a link up", newc(dir("usr"), link("usr/up", "../.."), file("usr/up/x", "1")), []string{"usr dir", "usr/up symlink ../..", "x file 1"}, nil},
		{"link for link", newc(link("l", "a"), link("l", "b")), []string{"l symlink b"}, nil},
		{"loop", newc(link("l", "l"), file("l/x", "1")), []string{"l symlink l"}, []string{"l/x: more than 40 symbolic links"}},
		{"file on a link", newc(file("a", "1"), link("l", "a"), file("l", "2")), []string{"a file 1", "l file 2"}, nil},
		{"body on the last", newc(hard("a", "", 7, 3), hard("b", "", 7, 3), hard("c", "body", 7, 3)), []string{"a file body", "b file body", "c file body"}, nil},
		{"body on the first", newc(hard("a", "body", 7, 2), hard("b", "", 7, 2)), []string{"a file body", "b file body"}, nil},
		{"two bodies", newc(hard("a", "long body", 7, 2), hard("b", "2", 7, 2)), []string{"a file 2", "b file 2"}, nil},
		{"inode of another archive", append(newc(hard("a", "1", 7, 2)), newc(hard("b", "2", 7, 2))...), []string{"a file 1", "b file 2"}, nil},
		{"one inode, one link", newc(hard("a", "1", 7, 1), hard("b", "2", 7, 1)), []string{"a file 1", "b file 2"}, nil},
		{"write through a hard link", append(newc(hard("a", "", 7, 2), hard("b", "1", 7, 2)), newc(file("a", "2"))...), []string{"a file 2", "b file 2"}, nil},
		{"link to what is gone", newc(hard("d/a", "", 7, 2), hard("b", "1", 7, 2)), nil, []string{`d/a: there is no folder "d"`, `b: a hard link to "d/a": there is no folder "d"`}},
		{"no type", newc(entry{name: "x", mode: 0o644}), nil, []string{"x: mode 0644 has no type"}},
		{"folder with a body", newc(entry{name: "x", mode: archive.TypeDir, body: "1"}), nil, []string{"x: a body of 1 bytes, and no regular file"}},
		{"no target", newc(link("l", ""), file("l/x", "")), []string{"l symlink", "x file"}, nil},
		{"long element", newc(file(strings.Repeat("x", 256), "")), nil, []string{strings.Repeat("x", 256) + ": an element of 256 bytes, more than 255"}},
		{"device", newc(entry{name: "c", mode: archive.TypeChar, minor: 3}, entry{name: "p", mode: archive.TypeFIFO}), []string{"c char", "p fifo"}, nil},
	}
}

func TestKernelsTree(t *testing.T) {
	for _, tt := range treeCases() {
		im := image(t, tt.image)
		if diff := cmp.Diff(tt.want, tell(t, im)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
		var drops []string
		for _, d := range im.Dropped {
			drops = append(drops, im.Entries[d.Entry].Name+": "+d.Reason)
		}
		if diff := cmp.Diff(tt.drops, drops); diff != "" {
			t.Errorf("%s: dropped (-want +got):\n%s", tt.name, diff)
		}
	}
}

func TestStat(t *testing.T) {
	im := image(t, newc(dir("usr"), file("usr/x", "1"), link("l", "usr"), link("k", "/l/x"), link("gone", "nowhere")))
	for _, tt := range []struct{ name, lstat, stat string }{
		{"usr/x", "file", "file"},
		{"/usr//x", "file", "file"},
		{"l/x", "file", "file"},
		{"k", "symlink", "file"},
		{"l", "symlink", "dir"},
		{"gone", "symlink", ""},
		{"x", "", ""},
		{"usr/x/y", "", ""},
		{"/", "dir", "dir"},
	} {
		lstat, _ := im.Lstat(tt.name)
		stat, _ := im.Stat(tt.name)
		if string(lstat.Type) != tt.lstat || string(stat.Type) != tt.stat {
			t.Errorf("%s: Lstat %q, Stat %q, want %q, %q", tt.name, lstat.Type, stat.Type, tt.lstat, tt.stat)
		}
	}
	if _, err := im.Stat("nope"); err == nil || err.Error() != `image: no file "nope" in it` {
		t.Errorf("Stat(nope) = %v", err)
	}
}

func TestGlobs(t *testing.T) {
	for _, tt := range []struct {
		globs, match, not string
	}{
		{"", "a a/b", ""},
		{"*.ko", "x.ko a/x.ko", "x.ko.xz a.ko.d"},
		{"/init", "init", "a/init"},
		{"a/b", "a/b a/b/c", "x/a/b ab"},
		{"./a/*", "a/b a/b/c", "a"},
		{"lib", "lib lib/x usr/lib/x", "libs"},
		{"/", "a a/b", ""},
		{"x [ab]c", "x ac bc", "cc"},
	} {
		g := Globs(strings.Fields(tt.globs))
		for name := range strings.FieldsSeq(tt.match) {
			if !g.Match(name) {
				t.Errorf("Globs(%q).Match(%s) = false, want true", tt.globs, name)
			}
		}
		for name := range strings.FieldsSeq(tt.not) {
			if g.Match(name) {
				t.Errorf("Globs(%q).Match(%s) = true, want false", tt.globs, name)
			}
		}
	}
	if err := (Globs{"a", "["}).Check(); err == nil {
		t.Error(`Globs{"["}.Check() = nil, want an error`)
	}
	if got := (Globs{"a", "b*"}).Unmatched([]File{{Path: "x/a"}}); !cmp.Equal(got, []string{"b*"}) {
		t.Errorf("Unmatched = %q, want b*", got)
	}
}

func TestQuote(t *testing.T) {
	for in, want := range map[string]string{
		"plain name-☃":    "plain name-☃",
		"a\nb":            `a\nb`,
		"\x1b[31mred":     `\x1b[31mred`,
		`back\slash`:      `back\\slash`,
		"\xff\x80":        `\xff\x80`,
		"\u202etxt.exe":   `\u202etxt.exe`,
		"tab\tand\x00":    `tab\tand\x00`,
		"\u00a0nobreak":   `\u00a0nobreak`,
		"\U000e0041tags":  `\U000e0041tags`,
		"'quote' \"too\"": `'quote' "too"`,
	} {
		if got := Quote(in); got != want {
			t.Errorf("Quote(%q) = %s, want %s", in, got, want)
		}
	}
}

// Links make each of these short names a long path.
func TestLongPaths(t *testing.T) {
	element := strings.Repeat("d", 250)
	entries := []entry{}
	at := ""
	for range 16 {
		at += element + "/"
		entries = append(entries, dir(at[:len(at)-1]))
	}
	entries = append(entries, link("s", at), file("s/x", "1"), file("s/"+strings.Repeat("y", 200), "2"))
	im := image(t, newc(entries...))
	if len(im.Dropped) != 1 || !strings.Contains(im.Dropped[0].Reason, "more than 4095") {
		t.Errorf("dropped %+v, want the name of 4216 bytes", im.Dropped)
	}
}

func TestOpen(t *testing.T) {
	name := filepath.Join(t.TempDir(), "image")
	if err := os.WriteFile(name, newc(file("a", "1")), 0o600); err != nil {
		t.Fatal(err)
	}
	im, err := Open(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := im.ReadFile("a", 10); err != nil || string(got) != "1" {
		t.Errorf("ReadFile = %q, %v, want 1", got, err)
	}
	if err := im.Close(); err != nil {
		t.Error(err)
	}
	for _, wrong := range []string{name + "s", filepath.Dir(name), "/dev/null"} {
		if _, err := Open(t.Context(), wrong); err == nil || strings.Contains(err.Error(), "\n") {
			t.Errorf("Open(%s) = %v, want an error of one line", wrong, err)
		}
	}
}
