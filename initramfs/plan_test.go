package initramfs

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	ucpio "github.com/u-root/u-root/pkg/cpio"

	"github.com/kguest/kguest/initramfs/kconfig"
	"github.com/kguest/kguest/initramfs/manifest"
	"github.com/kguest/kguest/initramfs/modules"
)

// keeper is a builder that takes programs from earlier tests.
func keeper(t *testing.T) *Builder {
	t.Helper()
	return &Builder{TempDir: t.TempDir(), CacheDir: programs, Version: "test"}
}

// planned is a spec of all sorts, its plan and its image, which is of programs
// and modules that were kept.
func planned(t *testing.T) (*Spec, *Plan, []byte) {
	t.Helper()
	options := map[string]string{"amd64": "X86_64", "arm64": "ARM64", "riscv64": "RISCV"}
	config, err := kconfig.Parse("config", []byte("CONFIG_64BIT=y\nCONFIG_MODULES=y\nCONFIG_BLK_DEV_INITRD=y\nCONFIG_"+options[runtime.GOARCH]+"=y\n"))
	if err != nil {
		t.Fatal(err)
	}
	s := &Spec{
		Arch: runtime.GOARCH, ModulesDir: kernelDir(t), Modules: []modules.Ask{{Name: "b_1", From: "-modules"}}, KernelConfig: config,
		Files: []File{{Host: folder(t), Guest: "/opt", From: "-file"}},
	}
	b := keeper(t)
	p, err := b.Plan(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	var image bytes.Buffer
	var room int64
	b.Room = func(size int64) error { room = size; return nil }
	if _, err := b.Build(t.Context(), s, None, &image); err != nil {
		t.Fatal(err)
	}
	if p.Size != int64(image.Len()) || room > p.Size || room < p.Size-1<<16 {
		t.Errorf("plan of %d bytes, room asked for %d, image of %d", p.Size, room, image.Len())
	}
	checkEmpty(t, b)
	return s, p, image.Bytes()
}

// Three readers find what the plan says, and the manifest lists it.
func TestPlanIsImage(t *testing.T) {
	_, p, image := planned(t)
	var want []string
	for _, e := range p.Entries {
		want = append(want, e.Path)
	}
	for _, tool := range [][]string{{"cpio", "-it", "--quiet"}, {"bsdtar", "-tf", "-"}} {
		cmd := exec.Command(tool[0], tool[1:]...)
		cmd.Stdin = bytes.NewReader(image)
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		got := strings.Fields(string(out))
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-plan +image):\n%s", tool[0], diff)
		}
	}
	checkManifest(t, image, want)
}

func checkManifest(t *testing.T, image []byte, want []string) {
	t.Helper()
	recs, err := ucpio.ReadAllRecords(ucpio.Newc.Reader(bytes.NewReader(image)))
	if err != nil {
		t.Fatal(err)
	}
	sums, sizes := make(map[uint64]string), make(map[uint64]int64)
	inode := make(map[string]uint64)
	var text string
	for _, r := range recs {
		inode[r.Name] = r.Ino
		if body := recordBody(t, r); r.FileSize > 0 || sums[r.Ino] == "" {
			sum := sha256.Sum256([]byte(body))
			sums[r.Ino], sizes[r.Ino] = hex.EncodeToString(sum[:]), int64(r.FileSize)
			if r.Name == manifest.Path {
				text = body
			}
		}
	}
	m, err := manifest.Read(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range m.Files {
		got = append(got, f.Path)
		if f.Type == manifest.Regular && (f.SHA256 != sums[inode[f.Path]] || f.Size != sizes[inode[f.Path]]) {
			t.Errorf("%s: %d bytes, %s; the image has %d, %s", f.Path, f.Size, f.SHA256, sizes[inode[f.Path]], sums[inode[f.Path]])
		}
		if f.Reason == "" {
			t.Errorf("%s has no reason", f.Path)
		}
	}
	want = slices.DeleteFunc(slices.Clone(want), func(name string) bool { return name == manifest.Path })
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("manifest (-plan +manifest):\n%s", diff)
	}
	if m.Builder != "kguest test" || m.Kernel != "6.1.0-test" || m.Lookup("lib/modules/6.1.0-test/kernel/a.ko").Source != "kernel/a.ko" {
		t.Errorf("manifest of %s for kernel %s, source of a module %q", m.Builder, m.Kernel, m.Lookup("lib/modules/6.1.0-test/kernel/a.ko").Source)
	}
}

func TestPlanMemory(t *testing.T) {
	var tree Tree
	err := addAll(&tree, []Entry{
		{Path: "a", Mode: 0o644, Content: Bytes(make([]byte, 4097))},
		{Path: "b", Mode: 0o644, LinkTo: "a"},
		{Path: "c", Mode: 0o644},
	})
	if err != nil {
		t.Fatal(err)
	}
	l, err := tree.layout()
	if err != nil {
		t.Fatal(err)
	}
	if got, want := l.memory(), int64(2*4096+2*768+3*192); got != want {
		t.Errorf("memory = %d, want %d", got, want)
	}
}

func TestNoManifest(t *testing.T) {
	p, err := keeper(t).Plan(t.Context(), &Spec{Arch: runtime.GOARCH, NoManifest: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range p.Entries {
		if e.Path == manifest.Path || e.Path == path.Dir(manifest.Path) {
			t.Errorf("%s is in an image without a manifest", e.Path)
		}
	}
}

func TestNoRoom(t *testing.T) {
	b := keeper(t)
	b.Room = func(int64) error { return os.ErrProcessDone }
	var out bytes.Buffer
	if _, err := b.Build(t.Context(), &Spec{Arch: runtime.GOARCH}, None, &out); err == nil || out.Len() > 0 {
		t.Errorf("Build without room = %v, and %d bytes were written", err, out.Len())
	}
	if free, err := FreeSpace(t.TempDir()); err != nil || free <= 0 {
		t.Errorf("FreeSpace = %d, %v", free, err)
	}
	if _, err := FreeSpace(filepath.Join(t.TempDir(), "gone")); err == nil {
		t.Error("FreeSpace(gone) = nil, want an error")
	}
}
