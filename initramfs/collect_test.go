package initramfs

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// folder makes a folder of the host with all that one may hold.
func folder(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "dir")
	for name, mode := range map[string]fs.FileMode{"sub/file": 0o640, "sub/run": 0o4755, "sub/empty": 0o600, "one": 0o644} {
		file := filepath.Join(dir, name)
		err := os.MkdirAll(filepath.Dir(file), 0o755)
		if err == nil {
			err = os.WriteFile(file, []byte(strings.TrimSuffix(name, "sub/empty")), 0o600)
		}
		if err == nil {
			err = os.Chmod(file, mode&fs.ModePerm|(mode&0o4000)<<12)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, err := range []error{
		os.Chmod(filepath.Join(dir, "sub/run"), fs.ModeSetuid|0o755),
		os.Mkdir(filepath.Join(dir, "tmp"), 0o700),
		os.Chmod(filepath.Join(dir, "tmp"), fs.ModeSticky|0o777),
		os.Link(filepath.Join(dir, "one"), filepath.Join(dir, "two")),
		os.Symlink("../gone", filepath.Join(dir, "dangling")),
		os.Symlink("/etc/passwd", filepath.Join(dir, "absolute")),
		syscall.Mkfifo(filepath.Join(dir, "fifo"), 0o620),
		os.Chmod(filepath.Join(dir, "fifo"), 0o620),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// collected is the listing of a tree with f only.
func collected(t *testing.T, files ...File) string {
	t.Helper()
	s := &Spec{Arch: "amd64", Files: files}
	if err := s.Check(); err != nil {
		t.Fatal(err)
	}
	var tree Tree
	if err := s.addFiles(&tree); err != nil {
		t.Fatal(err)
	}
	return listing(t, written(t, &tree, None))
}

// A named pipe is never opened: the test would hang.
func TestAddFolder(t *testing.T) {
	got := collected(t, File{Host: folder(t), Guest: "/opt/x", From: "-file"})
	want := `40755 opt 0:0
40755 opt/x 0:0
120777 opt/x/absolute 0:0 -> /etc/passwd
120777 opt/x/dangling 0:0 -> ../gone
10620 opt/x/fifo 0:0
40755 opt/x/sub 0:0
100600 opt/x/sub/empty 0:0
100640 opt/x/sub/file 0:0 8 bytes
100755 opt/x/sub/run 0:0 7 bytes
41777 opt/x/tmp 0:0
100644 opt/x/one 0:0
100644 opt/x/two 0:0 3 bytes
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("folder (-want +got):\n%s", diff)
	}
}

func TestAddFolderAsRoot(t *testing.T) {
	got := collected(t, File{Host: folder(t), Guest: "/", From: "-file", KeepOwner: true})
	for _, want := range []string{"104755 sub/run ", "100640 sub/file ", "10620 fifo "} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
}

func TestAddKinds(t *testing.T) {
	mode := func(m uint32) *uint32 { return &m }
	got := collected(t,
		File{Kind: Text, Guest: "/a/text", Data: []byte("hello"), From: "1"},
		File{Kind: Text, Guest: "/a/su", Mode: mode(0o6755), Owner: &Owner{1, 2}, From: "2"},
		File{Kind: Folder, Guest: "/a/dir", Mode: mode(0o1700), From: "3"},
		File{Kind: Symlink, Guest: "/a/link", Target: "/absolute/../x", From: "4"},
		File{Kind: HardLink, Guest: "/a/first", Target: "/a/text", From: "5"},
		File{Kind: HardLink, Guest: "/b", Target: "/a/first", From: "5"},
		File{Kind: CharDevice, Guest: "/dev/tty9", Major: 4, Minor: 9, From: "6"},
		File{Kind: BlockDevice, Guest: "/a/block", Major: 259, Minor: 70000, From: "7"},
		File{Kind: Pipe, Guest: "/a/pipe", Mode: mode(0o666), From: "8"},
		File{Host: "/dev/null", Guest: "/null", From: "9", Mode: mode(0o600)},
	)
	want := `40755 a 0:0
60600 a/block 0:0 dev 259,70000
41700 a/dir 0:0
120777 a/link 0:0 -> /absolute/../x
10666 a/pipe 0:0
106755 a/su 1:2
100644 a/first 0:0
100644 a/text 0:0
100644 b 0:0 5 bytes
40755 dev 0:0
20600 dev/tty9 0:0 dev 4,9
20600 null 0:0 dev 1,3
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("kinds (-want +got):\n%s", diff)
	}
}

// What is in the image does not depend on the order of what was asked.
func TestAddOrder(t *testing.T) {
	dir := folder(t)
	files := []File{
		{Host: dir, Guest: "/x", From: "-file x"},
		{Kind: Folder, Guest: "/x/sub", From: "-dir"},
		{Kind: Text, Guest: "/x/y/z", From: "-text"},
		{Kind: Folder, Guest: "/x/y", From: "-dir y"},
	}
	first := collected(t, files...)
	for range files {
		files = append(files[1:], files[0])
		if diff := cmp.Diff(first, collected(t, files...)); diff != "" {
			t.Errorf("another order (-first +now):\n%s", diff)
		}
	}
}

func TestAddErrors(t *testing.T) {
	dir := folder(t)
	mode := uint32(0o700)
	tests := []struct {
		name  string
		files []File
		want  string
	}{
		{"missing link target", []File{{Kind: Text, Guest: "/bin/hello", From: "a"}, {Kind: HardLink, Guest: "/x", Target: "/bin/helo", From: "-link"}}, `-link: hard link to /bin/helo, which is not in the image; did you mean "bin/hello"?`},
		{"link to a folder", []File{{Kind: Folder, Guest: "/d", From: "a"}, {Kind: HardLink, Guest: "/x", Target: "/d", From: "-link"}}, "-link: hard link to /d, which is a folder (a); give a file"},
		{"circle of links", []File{{Kind: HardLink, Guest: "/x", Target: "/y", From: "-link"}, {Kind: HardLink, Guest: "/y", Target: "/x", From: "b"}}, "leads back to itself"},
		{"two of one path", []File{{Host: dir, Guest: "/x", From: "-file"}, {Kind: Text, Guest: "/x/one", From: "-text"}}, "-text: /x/one is in the image already, as a file (-file); choose another path"},
		{"two modes", []File{{Kind: Folder, Guest: "/x", From: "1"}, {Kind: Folder, Guest: "/x", Mode: &mode, From: "2"}}, "2: /x is in the image already, as a folder of mode 0755 and owner 0:0 (1), not 0700 and 0:0; give both the same"},
		{"hidden", []File{{Host: filepath.Dir(dir), Guest: "/", From: "-file"}, {Host: dir, Guest: "/run", From: "-file r"}}, "-file r: "},
	}
	for _, tt := range tests {
		var tree Tree
		s := &Spec{Arch: "amd64", Files: tt.files}
		if err := s.addFiles(&tree); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want an error with %q", tt.name, err, tt.want)
		}
	}
	checks := []struct {
		f    File
		want string
	}{
		{File{Kind: "hardlink", Guest: "/x"}, `no kind "hardlink" of file; there are text, dir, symlink, link, char, block, fifo`},
		{File{Kind: Symlink, Guest: "/x"}, "symbolic link without a target"},
		{File{Kind: Symlink, Guest: "/x", Target: strings.Repeat("x", 4096)}, "target of the symbolic link has 4096 bytes, more than 4095"},
		{File{Kind: Symlink, Guest: "/x", Target: "a", Mode: &mode}, "a symbolic link has no mode of its own"},
		{File{Kind: HardLink, Guest: "/x", Target: "../y"}, `hard link: path "../y" in the guest must begin with a slash`},
		{File{Kind: Text, Guest: "/etc/kguest/manifest.json"}, "/etc/kguest/manifest.json is reserved for the image's own list of its files"},
		{File{Kind: Pipe, Guest: "/dev/x"}, "/dev/x would be hidden"},
		{File{Kind: CharDevice, Guest: "/a/../dev/x"}, "is not clean"},
		{File{Kind: Text, Guest: "/x", Target: "y"}, "target y for what is no link"},
		{File{Kind: Text, Guest: "/x", Owner: &Owner{}, KeepOwner: true}, "both an owner and the host's owner"},
	}
	for _, tt := range checks {
		tt.f.From = "-f"
		s := &Spec{Arch: "amd64", Files: []File{tt.f}}
		if err := s.Check(); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("Check(%+v) = %v, want an error with %q", tt.f, err, tt.want)
		}
	}
}

// A file of 4.2 GiB in a folder is refused as one that is named is.
func TestAddFolderTooBig(t *testing.T) {
	big := sparse(t, 4510000000)
	s := &Spec{Arch: "amd64", Files: []File{{Host: filepath.Dir(big), Guest: "/x", From: "-file"}}}
	err := s.addFiles(new(Tree))
	if err == nil || !strings.Contains(err.Error(), "has 4510000000 bytes, and an initramfs holds files of less than 4 GiB") {
		t.Errorf("%v, want it refused", err)
	}
}

func TestMerge(t *testing.T) {
	var tree Tree
	err := addAll(&tree, []Entry{
		{Path: "bin/a", Mode: 0o755, Content: Bytes("same")},
		{Path: "bin/b", Mode: 0o755, Content: Bytes("same")},
		{Path: "bin/mode", Mode: 0o700, Content: Bytes("same")},
		{Path: "bin/owner", Mode: 0o755, UID: 1, Content: Bytes("same")},
		{Path: "bin/other", Mode: 0o755, Content: Bytes("else")},
		{Path: "bin/empty1", Mode: 0o755, Content: Bytes("")},
		{Path: "bin/empty2", Mode: 0o755, Content: Bytes("")},
		{Path: "etc/a", Mode: 0o755, Content: Bytes("same")},
		{Path: "lib/deep/c", Mode: 0o755, Content: HostFile(hostFile(t, "same"))},
		{Path: "lib/d", Mode: 0o755, LinkTo: "bin/a"},
	})
	if err != nil {
		t.Fatal(err)
	}
	l, err := tree.layout()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, n := range l.nodes {
		if len(n.names) > 1 {
			got = append(got, n.names...)
		}
	}
	want := []string{"bin/a", "bin/b", "lib/d", "lib/deep/c"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("one file (-want +got):\n%s", diff)
	}
	archive := written(t, &tree, None)
	if n := strings.Count(string(archive), "same"); n != 4 {
		t.Errorf("the content is there %d times, want 4", n)
	}
	if int64(len(archive)) != l.size() {
		t.Errorf("size = %d, and %d bytes were written", l.size(), len(archive))
	}
}
