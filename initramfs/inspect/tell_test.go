package inspect

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kguest/kguest/initramfs/inspect/archive"
	"github.com/kguest/kguest/initramfs/manifest"
)

func TestDiff(t *testing.T) {
	before := newc(
		dir("d"), file("d/same", "1"), file("content", "abc"), file("size", "1"), file("gone", ""), file("empty", ""),
		entry{name: "mode", mode: archive.TypeReg | 0o644}, entry{name: "owner", mode: archive.TypeReg | 0o644, uid: 1},
		link("target", "a"), file("type", ""), entry{name: "dev", mode: archive.TypeChar, minor: 1},
		hard("h1", "", 9, 2), hard("h2", "x", 9, 2),
	)
	after := newc(
		dir("d"), file("d/same", "1"), file("content", "abd"), file("size", "12"), file("new", ""), file("empty", ""),
		entry{name: "mode", mode: archive.TypeReg | 0o4755}, entry{name: "owner", mode: archive.TypeReg | 0o644, uid: 2},
		link("target", "b"), dir("type"), entry{name: "dev", mode: archive.TypeChar, minor: 2},
		file("h1", "x"), file("h2", "x"),
	)
	changes, err := Diff(image(t, before), image(t, after))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range changes {
		line := fmt.Sprintf("%s %s", c.Kind, c.Path)
		for _, f := range c.Fields {
			line += fmt.Sprintf(" %s %.8s>%.8s", f.Field, f.Before, f.After)
		}
		got = append(got, line)
	}
	want := []string{
		"changed content sha256 ba7816bf>a52d159f",
		"changed dev type char>dir mode 0000>0755 device 0:1>0:0 links 1>",
		"removed gone",
		"changed h1 links 2>1",
		"changed h2 links 2>1",
		"changed mode mode 0644>4755",
		"added new",
		"changed owner owner 1:0>2:0",
		"changed size size 1>2 sha256 6b86b273>6b51d431",
		"changed target target a>b",
		"changed type type file>dir mode 0644>0755 size 0> links 1>",
	}
	want[1] = "changed dev device 0:1>0:2"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Diff (-want +got):\n%s", diff)
	}
	if changes, err := Diff(image(t, before), image(t, before)); err != nil || len(changes) > 0 {
		t.Errorf("Diff of one image = %+v, %v, want none", changes, err)
	}
}

// withManifest is an image with a manifest of these files, and the files.
func withManifest(t *testing.T, files ...manifest.File) []byte {
	t.Helper()
	var b bytes.Buffer
	m := &manifest.Manifest{Format: manifest.Format, Builder: "kguest test", Arch: "arm64", Files: files}
	if err := manifest.Write(&b, m); err != nil {
		t.Fatal(err)
	}
	entries := []entry{dir("etc"), dir("etc/kguest"), file(manifest.Path, b.String())}
	for _, f := range files {
		entries = append(entries, file(f.Path, "x"))
	}
	return newc(entries...)
}

func TestWhyManifest(t *testing.T) {
	im := image(t, withManifest(
		t,
		manifest.File{Path: "libc.so", Type: manifest.Regular, Reason: "library", Source: "/lib/libc.so", NeededBy: []string{"libm.so", "tool"}},
		manifest.File{Path: "libm.so", Type: manifest.Regular, Reason: "library", NeededBy: []string{"tool", "libc.so"}},
		manifest.File{Path: "tool", Type: manifest.Regular, Reason: "-file tool:/tool", Also: []string{"-cmd tool"}},
	))
	why, err := im.Why("/libc.so")
	if err != nil {
		t.Fatal(err)
	}
	if !why.Manifest || why.Reason != "library" || why.Source != "/lib/libc.so" {
		t.Errorf("Why(libc.so) = %+v", why)
	}
	want := []Need{{"libm.so", "libc.so", "library", 1}, {"tool", "libm.so", "-file tool:/tool", 2}}
	if diff := cmp.Diff(want, why.NeededBy); diff != "" {
		t.Errorf("needed by (-want +got):\n%s", diff)
	}
	if why, err := im.Why("tool"); err != nil || !cmp.Equal(why.Also, []string{"-cmd tool"}) {
		t.Errorf("Why(tool) = %+v, %v", why, err)
	}
	info, err := im.Info()
	if err != nil || info.Builder != "kguest test" || info.Evidence != manifest.Path {
		t.Errorf("Info = %+v, %v, want kguest test", info, err)
	}
}

func TestWhyFacts(t *testing.T) {
	im := image(t, append(newc(file("init", "old")), newc(
		dir("bin"), file("bin/tool", "x"), link("init", "bin/tool"), link("gone", "nowhere"), dir("none"),
		hard("h1", "", 9, 2), hard("h2", "x", 9, 2),
		dir("lib"), dir("lib/modules"), dir("lib/modules/6.1"),
		file("lib/modules/6.1/a.ko", "x"), file("lib/modules/6.1/b.ko.xz", "x"),
		file("lib/modules/6.1/modules.dep", "a.ko:\nb.ko.xz: a.ko\nnot-here.ko: a.ko\n"),
		file("lib/modules/kguest.order", "6.1/a.ko\n6.1/b.ko.xz\n"),
	)...))
	for name, want := range map[string][]string{
		"bin/tool": {"symbolic links lead to it: /init"},
		"init":     {"archive 0 has it too; the entry in archive 1 counts", "it is a symbolic link to bin/tool", "the kernel starts it as the first process"},
		"gone":     {"it is a symbolic link to nowhere, which is not in the image"},
		"none":     {"it is an empty folder"},
		"bin":      {"it is a folder of /bin/tool"},
		"h1":       {"the same file has the names /h2"},
		"lib/modules/6.1/a.ko": {
			"it is a module of kernel 6.1", "modules need it (modules.dep): /lib/modules/6.1/b.ko.xz",
			"it is the module that kinit loads as number 1 (lib/modules/kguest.order)",
		},
		"lib/modules/6.1/b.ko.xz": {"it is a module of kernel 6.1", "it is the module that kinit loads as number 2 (lib/modules/kguest.order)"},
	} {
		why, err := im.Why(name)
		if err != nil {
			t.Error(err)
			continue
		}
		if diff := cmp.Diff(want, why.Facts); diff != "" || why.Manifest {
			t.Errorf("Why(%s) (-want +got):\n%s", name, diff)
		}
	}
	info := "\x7fELF\x00license=GPL\x00depends=a-b,c\x00name=d\x00"
	im = image(t, newc(file("a_b.ko", "\x7fELF"), file("d.ko", info), file("e.ko", "\x00depends=\x00"), file("f.ko", "\x00depends=a_b")))
	if why, err := im.Why("a_b.ko"); err != nil || !cmp.Equal(why.Facts, []string{"modules need it (their modinfo): /d.ko"}) {
		t.Errorf("Why(a_b.ko) = %+v, %v, want that d.ko needs it", why, err)
	}
	if _, err := im.Why("nope"); err == nil {
		t.Error("Why(nope) = nil, want an error")
	}
}

func TestInfo(t *testing.T) {
	elf := "\x7fELF\x02\x01\x01" + strings.Repeat("\x00", 11) + "\xb7\x00" // EM_AARCH64
	im := image(t, append(newc(file("early", "1")), newc(
		dir("bin"), entry{name: "bin/sh", mode: archive.TypeReg | 0o755, body: elf}, link("bin/ls", "sh"), file("bin/data", "x"),
		entry{name: "start", mode: archive.TypeReg | 0o755, body: "#! /bin/sh -e\n"}, link("init", "/start"),
		dir("lib"), dir("lib/modules"), dir("lib/modules/6.1"), file("lib/modules/6.1/a.ko.zst", strings.Repeat("x", 5000)),
		hard("h1", "", 9, 2), hard("h2", "x", 9, 2), file("no/folder", "1"),
	)...))
	got, err := im.Info()
	if err != nil {
		t.Fatal(err)
	}
	want := &Info{
		Image: "image", Size: im.Size, RawSize: im.Size, Arch: "arm64",
		Init: []string{"/init", "/start", "/bin/sh"}, Kernels: []string{"6.1"}, Commands: []string{"ls", "sh"},
		Segments: []Segment{
			{Size: im.Segments[0].Size, RawSize: im.Segments[0].Size, Compression: "none", Format: "newc", Archives: 1, Entries: 1},
			{
				Offset: im.Segments[1].Offset, Size: im.Segments[1].Size, RawSize: im.Segments[1].Size,
				Compression: "none", Format: "newc", Archives: 1, Entries: 13,
			},
		},
		Counts:  Counts{Files: 7, HardLinks: 1, Dirs: 4, Symlinks: 2, Modules: 1},
		Content: 1 + 20 + 1 + 14 + 5000 + 1, Memory: 7 * 4096, Peak: 7*4096 + im.Size,
		Largest: []Sized{
			{"lib/modules/6.1/a.ko.zst", 5000}, {"bin/sh", 20}, {"start", 14}, {"bin/data", 1}, {"early", 1}, {"h1", 1},
		},
		Dropped: []Dropped{{"no/folder", `there is no folder "no"`}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Info (-want +got):\n%s", diff)
	}
}

// FuzzTell holds that nothing that is told of any image panics, that each file
// can be found by its path, and that an image does not differ from itself.
func FuzzTell(f *testing.F) {
	for _, data := range escapes("/outside") {
		f.Add(data)
	}
	f.Add(newc(dir("etc"), dir("etc/kguest"), file(manifest.Path, `{"format":1,"files":[{"path":"a","type":"file","neededBy":["a"]}]}`), file("a", "")))
	f.Add(newc(dir("lib"), dir("lib/modules"), dir("lib/modules/6"), file("lib/modules/6/x.ko", ""), file("lib/modules/6/modules.dep", "x.ko: x.ko")))
	f.Add(newc(file("x.so", ""), file("p", "\x7fELF\x02\x01\x01"+strings.Repeat("\x00", 57)), file("y.ko", "\x00depends=x\x00"), file("x.ko", "")))
	limits := archive.Limits{Entries: 50, Text: 1 << 16, Window: 1 << 20}
	f.Fuzz(func(t *testing.T, data []byte) {
		im, err := New("image", bytes.NewReader(data), int64(len(data)), limits)
		if err != nil {
			return
		}
		if changes, err := Diff(im, im); err == nil && len(changes) > 0 {
			t.Errorf("Diff with itself = %+v", changes)
		}
		_, _ = im.Info()
		for _, file := range im.Files() {
			if got, err := im.Lstat(file.Path); err != nil || got.node != file.node {
				t.Errorf("Lstat(%q) = %+v, %v, want what Files has", file.Path, got, err)
			}
			_, _ = im.Why(file.Path)
			if quoted := Quote(file.Path); strings.ContainsFunc(quoted, func(r rune) bool { return r < ' ' }) {
				t.Errorf("Quote(%q) = %q has control characters", file.Path, quoted)
			}
		}
	})
}
