package initramfs

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	ucpio "github.com/u-root/u-root/pkg/cpio"

	"github.com/kguest/kguest/initramfs/compress"
	"github.com/kguest/kguest/initramfs/multicall"
)

// small is a tree of every type of entry, and a body that packs.
func small(t *testing.T) *Tree {
	t.Helper()
	tree := &Tree{ModTime: 1234567890}
	if err := addBase(tree); err != nil {
		t.Fatal(err)
	}
	err := addAll(tree, []Entry{
		{Path: "etc/hosts", Mode: 0o640, Content: Bytes("127.0.0.1 localhost\n")},
		{Path: "etc/big", Mode: 0o644, Content: Bytes(bytes.Repeat([]byte("0123456789abcdef"), 1<<20))},
		{Path: "etc/empty", Mode: 0o644},
		{Path: "init", Mode: fs.ModeSymlink | 0o777, Target: "bbin/kguest"},
		{Path: "su", Mode: fs.ModeSetuid | fs.ModeSetgid | 0o755, UID: 1, GID: 2},
		{Path: "pipe", Mode: fs.ModeNamedPipe | 0o600},
		{Path: "sda", Mode: fs.ModeDevice | 0o660, Major: 8},
	})
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

func written(t *testing.T, tree *Tree, c Compression) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, tree, c); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// listing is an archive as u-root's reader has it, one line a file.
func listing(t *testing.T, archive []byte) string {
	t.Helper()
	recs, err := ucpio.ReadAllRecords(ucpio.Newc.Reader(bytes.NewReader(archive)))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, r := range recs {
		b.WriteString(strings.Join(recordFields(t, r), " ") + "\n")
	}
	return b.String()
}

func TestWriteFiles(t *testing.T) {
	got := listing(t, written(t, small(t), None))
	want := `40755 bbin 0:0
40755 bin 0:0
40755 dev 0:0
20600 dev/console 0:0 dev 5,1
20666 dev/null 0:0 dev 1,3
40755 etc 0:0
100644 etc/big 0:0 16777216 bytes
100644 etc/empty 0:0
100640 etc/hosts 0:0 20 bytes
120777 init 0:0 -> bbin/kguest
10600 pipe 0:0
40555 proc 0:0
40700 root 0:0
40755 run 0:0
60660 sda 0:0 dev 8,0
106755 su 1:2
40555 sys 0:0
41777 tmp 0:0
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Write (-want +got):\n%s", diff)
	}
}

// The packed archives are the same one, as the reference tools see it.
func TestWriteCompressions(t *testing.T) {
	plain := written(t, small(t), None)
	tools := map[Compression][]string{
		compress.LZ4: {"lz4", "-dc"}, compress.Zstd: {"zstd", "-dc"}, compress.Gzip: {"gzip", "-dc"}, compress.XZ: {"xz", "-dc"},
	}
	for c, tool := range tools {
		packed := written(t, small(t), c)
		if len(packed) > len(plain)/10 {
			t.Errorf("%s: %d of %d bytes", c, len(packed), len(plain))
		}
		if !bytes.Equal(packed, written(t, small(t), c)) {
			t.Errorf("%s: two of the same tree differ", c)
		}
		cmd := exec.Command(tool[0], tool[1:]...)
		cmd.Stdin = bytes.NewReader(packed)
		got, err := cmd.Output()
		if err != nil {
			t.Errorf("%s: %v: %v", c, tool, err)
		}
		if !bytes.Equal(got, plain) {
			t.Errorf("%s: %s gave %d bytes that differ from the %d plain ones", c, tool[0], len(got), len(plain))
		}
	}
}

// What the kernel's decoders need, besides what the tools take.
func TestWriteForKernel(t *testing.T) {
	tests := []struct {
		c      Compression
		prefix string
		why    string
	}{
		{compress.LZ4, "\x02\x21\x4c\x18", "the legacy frame's magic"},
		{compress.XZ, "\xfd7zXZ\x00\x00\x01", "CRC32 checks"},
		{compress.Zstd, "\x28\xb5\x2f\xfd", "the magic"},
		{compress.Gzip, "\x1f\x8b\x08\x00\x00\x00\x00\x00", "no name and no time"},
		{None, "070701", "newc"},
	}
	for _, tt := range tests {
		got := written(t, small(t), tt.c)[:len(tt.prefix)]
		if string(got) != tt.prefix {
			t.Errorf("%s begins with %x, want %x: %s", tt.c, got, tt.prefix, tt.why)
		}
	}
	if len(tests) != len(Compressions()) {
		t.Errorf("%d compressions are tested of %d", len(tests), len(Compressions()))
	}
}

func TestWriteErrors(t *testing.T) {
	name := hostFile(t, "gone soon")
	tree := &Tree{}
	if err := tree.Add(Entry{Path: "x", Mode: 0o644, Content: HostFile(name), Reason: "-file a:/x"}); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(name); err != nil {
		t.Fatal(err)
	}
	for _, c := range Compressions() {
		err := Write(&bytes.Buffer{}, tree, Compression(c))
		if !errors.Is(err, fs.ErrNotExist) || !strings.HasPrefix(err.Error(), "-file a:/x: ") {
			t.Errorf("%s: Write(file gone) = %v, want it not to exist", c, err)
		}
	}
	if err := Write(&bytes.Buffer{}, tree, "rar"); err == nil || !strings.Contains(err.Error(), `no compression "rar"`) {
		t.Errorf("Write(rar) = %v, want an error", err)
	}
}

// full is a disk without space after so many bytes.
type full struct{ left int }

func (f *full) Write(p []byte) (int, error) {
	if f.left -= len(p); f.left < 0 {
		return 0, errors.New("no space left")
	}
	return len(p), nil
}

func TestWriteDiskFull(t *testing.T) {
	for _, c := range Compressions() {
		size := len(written(t, small(t), Compression(c)))
		for _, left := range []int{0, 10, size / 2, size - 1} {
			if err := Write(&full{left}, small(t), Compression(c)); err == nil || !strings.Contains(err.Error(), "no space left") {
				t.Errorf("%s: Write(%d of %d bytes) = %v, want no space left", c, left, size, err)
			}
		}
	}
}

func TestTreeOfSpec(t *testing.T) {
	s := &Spec{Arch: "amd64", Files: []File{{Host: hostFile(t, "x"), Guest: "/etc/a/b", From: "-file x:/etc/a/b"}}}
	list := []program{
		{multicall.OwnProgram, []multicall.Command{{Name: "kinit", From: "own"}}, HostFile(hostFile(t, "program"))},
		{multicall.OtherProgram, []multicall.Command{{Name: "ls", From: "-cmd ls"}}, Bytes("others")},
	}
	tree, err := s.tree(list, noModules(), nil)
	if err != nil {
		t.Fatal(err)
	}
	got := listing(t, written(t, tree, None))
	for _, want := range []string{
		"100755 bbin/bb 0:0 6 bytes\n",
		"100755 bbin/kguest 0:0 7 bytes\n",
		"120777 bin/kinit 0:0 -> ../bbin/kguest\n",
		"120777 bin/ls 0:0 -> ../bbin/bb\n",
		"120777 init 0:0 -> bbin/kguest\n",
		"40755 etc/a 0:0\n",
		"100640 etc/a/b 0:0 1 bytes\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("the image has no %q; it has\n%s", want, got)
		}
	}
	if slices.Contains(treePaths(tree), orderFile) {
		t.Errorf("%s is there without modules", orderFile)
	}
}

// Owner bits that would gain root's power are not kept.
func TestTreeDropsSetuid(t *testing.T) {
	name := hostFile(t, "x")
	if err := os.Chmod(name, fs.ModeSetuid|0o755); err != nil {
		t.Fatal(err)
	}
	s := &Spec{Files: []File{{Host: name, Guest: "/su"}}}
	var tree Tree
	if err := s.addFiles(&tree); err != nil {
		t.Fatal(err)
	}
	if got := tree.Entries()[0].Mode; got != 0o755 {
		t.Errorf("mode of a setuid file = %v, want %v", got, fs.FileMode(0o755))
	}
}
