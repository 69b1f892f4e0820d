package cpio

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	lib "github.com/cavaliergopher/cpio"
	"github.com/google/go-cmp/cmp"
	ucpio "github.com/u-root/u-root/pkg/cpio"
)

// file is an entry and its body.
type file struct {
	Entry
	body string
}

// sample has every type of entry, and what v1.0.1 of the library gets wrong:
// device numbers, the link count of setuid files, hard links, bodies of links.
func sample() []file {
	return []file{
		{Entry{Name: "bin", Mode: TypeDir | 0o755}, ""},
		{Entry{Name: "bin/su", Mode: TypeReg | 0o4755, Size: 5}, "hello"},
		{Entry{Name: "bin/one", Links: []string{"bin/three", "bin/two"}, Mode: TypeReg | 0o755, Size: 6}, "linked"},
		{Entry{Name: "console", Mode: TypeChar | 0o600, Major: 5, Minor: 1}, ""},
		{Entry{Name: "empty", Mode: TypeReg | 0o644, ModTime: 1<<32 - 1, UID: 1<<32 - 2, GID: 70000}, ""},
		{Entry{Name: "init", Mode: TypeSymlink | 0o777, Target: "bin/one", ModTime: 86400}, ""},
		{Entry{Name: "pipe", Mode: TypeFifo | 0o600}, ""},
		{Entry{Name: "sda", Mode: TypeBlock | 0o660, Major: 259, Minor: 1<<20 - 1}, ""},
		{Entry{Name: "tmp", Mode: TypeDir | 0o1777}, ""},
		{Entry{Name: "wide ☃ name", Mode: TypeReg | 0o600, Size: 3}, "abc"},
	}
}

func archive(t *testing.T, files []file) []byte {
	t.Helper()
	var b bytes.Buffer
	w := NewWriter(&b)
	for _, f := range files {
		if err := w.Write(f.Entry, strings.NewReader(f.body)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// record is what a reader should say of one name.
type record struct {
	Name, Body                            string
	Mode, UID, GID, Links, Time, Maj, Min uint64
}

// records returns the sample as a reader sees it: of hard links the last has
// the body.
func records(files []file) []record {
	var list []record
	for _, f := range files {
		names := append([]string{f.Name}, f.Links...)
		for i, name := range names {
			r := record{
				Name: name, Mode: uint64(f.Mode), UID: uint64(f.UID), GID: uint64(f.GID),
				Links: uint64(len(names)), Time: uint64(f.ModTime), Maj: uint64(f.Major), Min: uint64(f.Minor),
			}
			if f.Mode&TypeMask == TypeDir {
				r.Links = 2
			}
			if i == len(names)-1 {
				r.Body = f.body + f.Target
			}
			list = append(list, r)
		}
	}
	return list
}

func TestUrootReads(t *testing.T) {
	got := readUroot(t, archive(t, sample()))
	if diff := cmp.Diff(records(sample()), got); diff != "" {
		t.Errorf("u-root's reader (-want +got):\n%s", diff)
	}
}

// readUroot returns what u-root's reader, which is no kin of the library,
// finds in the archive b.
func readUroot(t *testing.T, b []byte) []record {
	t.Helper()
	recs, err := ucpio.ReadAllRecords(ucpio.Newc.Reader(bytes.NewReader(b)))
	if err != nil {
		t.Fatal(err)
	}
	var list []record
	for _, r := range recs {
		body := make([]byte, r.FileSize)
		if _, err := r.ReadAt(body, 0); r.FileSize > 0 && err != nil && !errors.Is(err, io.EOF) {
			t.Fatalf("read %s: %v", r.Name, err)
		}
		list = append(list, record{
			Name: r.Name, Body: string(body), Mode: r.Mode, UID: r.UID, GID: r.GID,
			Links: r.NLink, Time: r.MTime, Maj: r.Rmajor, Min: r.Rminor,
		})
	}
	return list
}

func TestHardLinksShareAnInode(t *testing.T) {
	recs, err := ucpio.ReadAllRecords(ucpio.Newc.Reader(bytes.NewReader(archive(t, sample()))))
	if err != nil {
		t.Fatal(err)
	}
	names := make(map[uint64][]string)
	for _, r := range recs {
		names[r.Ino] = append(names[r.Ino], r.Name)
	}
	for inode, have := range names {
		if want := "bin/one bin/three bin/two"; len(have) > 1 && strings.Join(have, " ") != want {
			t.Errorf("inode %d has names %q, want %q alone to share one", inode, have, want)
		}
	}
	if len(names) != len(sample()) {
		t.Errorf("%d inodes, want %d", len(names), len(sample()))
	}
}

// run runs a program with input, and returns its output.
func run(t *testing.T, dir string, input []byte, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.Stdin = dir, bytes.NewReader(input)
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "TZ=UTC")
	out, err := cmd.Output()
	if err != nil {
		if exit, ok := errors.AsType[*exec.ExitError](err); ok {
			t.Fatalf("%s: %v: %s", name, err, exit.Stderr)
		}
		t.Fatal(err)
	}
	return string(out)
}

func TestGNUCpioLists(t *testing.T) {
	got := run(t, t.TempDir(), archive(t, sample()), "cpio", "-itvn", "--quiet")
	want := `drwxr-xr-x   2 0        0               0 Jan  1  1970 bin
-rwsr-xr-x   1 0        0               5 Jan  1  1970 bin/su
-rwxr-xr-x   3 0        0               0 Jan  1  1970 bin/one
-rwxr-xr-x   3 0        0               0 Jan  1  1970 bin/three
-rwxr-xr-x   3 0        0               6 Jan  1  1970 bin/two
crw-------   1 0        0          5,   1 Jan  1  1970 console
-rw-r--r--   1 4294967294 70000           0 Feb  7  2106 empty
lrwxrwxrwx   1 0        0               7 Jan  2  1970 init -> bin/one
prw-------   1 0        0               0 Jan  1  1970 pipe
brw-rw----   1 0        0        259, 1048575 Jan  1  1970 sda
drwxrwxrwt   2 0        0               0 Jan  1  1970 tmp
-rw-------   1 0        0               3 Jan  1  1970 wide ☃ name
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("cpio -itv (-want +got):\n%s", diff)
	}
}

// extractable is the sample without what only root may make.
func extractable() []file {
	var files []file
	for _, f := range sample() {
		typ := f.Mode & TypeMask
		if typ != TypeChar && typ != TypeBlock {
			f.UID, f.GID = 0, 0
			files = append(files, f)
		}
	}
	return files
}

func TestOthersExtract(t *testing.T) {
	tools := map[string][]string{
		"cpio":   {"cpio", "-id", "--quiet", "--no-preserve-owner"},
		"bsdtar": {"bsdtar", "-xf", "-", "--no-same-owner"},
	}
	for name, cmd := range tools {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			run(t, dir, archive(t, extractable()), cmd[0], cmd[1:]...)
			for path, want := range map[string]string{
				"bin/su": "hello", "bin/one": "linked", "bin/two": "linked", "bin/three": "linked",
				"empty": "", "init": "linked", "wide ☃ name": "abc",
			} {
				got, err := os.ReadFile(filepath.Join(dir, path))
				if err != nil || string(got) != want {
					t.Errorf("%s holds %q, %v, want %q", path, got, err, want)
				}
			}
			sameFile(t, filepath.Join(dir, "bin/one"), filepath.Join(dir, "bin/two"))
		})
	}
}

func sameFile(t *testing.T, a, b string) {
	t.Helper()
	fa, errA := os.Stat(a)
	fb, errB := os.Stat(b)
	if err := errors.Join(errA, errB); err != nil {
		t.Fatal(err)
	}
	if !os.SameFile(fa, fb) {
		t.Errorf("%s and %s are two files, want hard links of one", a, b)
	}
}

// The library's magic is a global that the first checksum of a process spoils.
func TestMagicSurvivesChecksums(t *testing.T) {
	spoiler := lib.NewWriter(io.Discard)
	if err := spoiler.WriteHeader(&lib.Header{Name: "x", Checksum: 1}); err != nil {
		t.Fatal(err)
	}
	b := archive(t, sample()[:1])
	if got := string(b[:6]); got != "070701" {
		t.Errorf("magic after a checksum elsewhere = %s, want 070701", got)
	}
	if n := bytes.Count(b, []byte("070702")); n != 0 {
		t.Errorf("%d headers with magic 070702, want none", n)
	}
}

func TestSameBytes(t *testing.T) {
	if !bytes.Equal(archive(t, sample()), archive(t, sample())) {
		t.Error("two archives of the same entries differ")
	}
}

func TestLargestSize(t *testing.T) {
	var b bytes.Buffer
	w := NewWriter(&b)
	err := w.Write(Entry{Name: "big", Mode: TypeReg, Size: MaxSize}, strings.NewReader("short"))
	if want := "body ends after 5 of 4294967295 bytes"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("Write(short body) = %v, want %q", err, want)
	}
	if err := w.buf.Flush(); err != nil {
		t.Fatal(err)
	}
	if got := string(b.Bytes()[54:62]); got != "FFFFFFFF" {
		t.Errorf("size in header = %s, want FFFFFFFF", got)
	}
}

func TestWriteErrors(t *testing.T) {
	long := strings.Repeat("x", 255)
	dirs := []file{{Entry{Name: "d", Mode: TypeDir | 0o755}, ""}, {Entry{Name: "f", Mode: TypeReg}, ""}}
	tests := []struct {
		name string
		e    Entry
		body string
		want string
	}{
		{"empty name", Entry{Mode: TypeReg}, "", `empty name`},
		{"absolute", Entry{Name: "/a", Mode: TypeReg}, "", `not a clean path`},
		{"trailing slash", Entry{Name: "a/", Mode: TypeDir}, "", `not a clean path`},
		{"parent", Entry{Name: "d/../a", Mode: TypeReg}, "", `not a clean path`},
		{"dot", Entry{Name: "./a", Mode: TypeReg}, "", `not a clean path`},
		{"root", Entry{Name: ".", Mode: TypeDir}, "", `not a clean path`},
		{"NUL", Entry{Name: "a\x00b", Mode: TypeReg}, "", `NUL in name`},
		{"trailer", Entry{Name: "TRAILER!!!", Mode: TypeReg}, "", `ends an archive`},
		{"long element", Entry{Name: long + "x", Mode: TypeReg}, "", `an element of 256 bytes`},
		{"long name", Entry{Name: strings.Repeat(long+"/", 16) + "x", Mode: TypeReg}, "", `name of 4097 bytes, more than 4095`},
		{"twice", Entry{Name: "f", Mode: TypeReg}, "", `in the archive already`},
		{"link twice", Entry{Name: "g", Links: []string{"g"}, Mode: TypeReg}, "", `in the archive already`},
		{"no folder", Entry{Name: "e/a", Mode: TypeReg}, "", `its folder "e" is not in the archive`},
		{"in a file", Entry{Name: "f/a", Mode: TypeReg}, "", `its folder "f" is not in the archive`},
		{"4 GiB", Entry{Name: "a", Mode: TypeReg, Size: MaxSize + 1}, "", `at most 4294967295 bytes`},
		{"negative size", Entry{Name: "a", Mode: TypeReg, Size: -1}, "", `at most`},
		{"before 1970", Entry{Name: "a", Mode: TypeReg, ModTime: -1}, "", `time -1`},
		{"after 2106", Entry{Name: "a", Mode: TypeReg, ModTime: 1 << 32}, "", `time 4294967296`},
		{"no type", Entry{Name: "a", Mode: 0o644}, "", `of no type`},
		{"socket", Entry{Name: "a", Mode: 0o140644}, "", `of no type`},
		{"unknown bits", Entry{Name: "a", Mode: 1<<20 | TypeReg}, "", `unknown bits`},
		{"no target", Entry{Name: "a", Mode: TypeSymlink}, "", `empty link target`},
		{"long target", Entry{Name: "a", Mode: TypeSymlink, Target: strings.Repeat("x", 4096)}, "", `link target of 4096`},
		{"NUL in target", Entry{Name: "a", Mode: TypeSymlink, Target: "\x00"}, "", `NUL in link target`},
		{"target of a file", Entry{Name: "a", Mode: TypeReg, Target: "b"}, "", `not a symbolic link`},
		{"links of a folder", Entry{Name: "a", Mode: TypeDir, Links: []string{"b"}}, "", `hard links`},
		{"size of a folder", Entry{Name: "a", Mode: TypeDir, Size: 1}, "", `not a regular file`},
		{"numbers of a file", Entry{Name: "a", Mode: TypeReg, Major: 1}, "", `device numbers`},
		{"short body", Entry{Name: "a", Mode: TypeReg, Size: 3}, "ab", `ends after 2 of 3 bytes`},
		{"long body", Entry{Name: "a", Mode: TypeReg, Size: 1}, "ab", `longer than 1 bytes`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := NewWriter(io.Discard)
			for _, f := range dirs {
				if err := w.Write(f.Entry, nil); err != nil {
					t.Fatal(err)
				}
			}
			err := w.Write(tt.e, strings.NewReader(tt.body))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Write(%+v) = %v, want an error with %q", tt.e, err, tt.want)
			}
		})
	}
}

func TestReadError(t *testing.T) {
	w := NewWriter(io.Discard)
	want := errors.New("bad sector")
	err := w.Write(Entry{Name: "a", Mode: TypeReg, Size: 3}, iotest.ErrReader(want))
	if !errors.Is(err, want) {
		t.Errorf("Write = %v, want %v", err, want)
	}
}

// full is a disk without space.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space") }

func TestWriterError(t *testing.T) {
	w := NewWriter(full{})
	err := w.Write(Entry{Name: "a", Mode: TypeDir}, nil)
	if closeErr := w.Close(); err == nil {
		err = closeErr
	}
	if err == nil || !strings.Contains(err.Error(), "no space") {
		t.Errorf("Write and Close = %v, want no space", err)
	}
}

// FuzzWrite holds that an entry is refused, or read back as it was.
func FuzzWrite(f *testing.F) {
	f.Add("a", "", uint32(TypeReg|0o644), uint32(0), uint32(0), int64(0), uint32(0), uint32(0), []byte("body"))
	f.Add("a/b", "t", uint32(TypeSymlink|0o777), uint32(1), uint32(2), int64(3), uint32(0), uint32(0), []byte(nil))
	f.Add("c", "", uint32(TypeChar|0o600), uint32(1), uint32(2), int64(-3), uint32(5), uint32(1), []byte(nil))
	f.Fuzz(func(t *testing.T, name, target string, mode, uid, gid uint32, modTime int64, major, minor uint32, body []byte) {
		e := Entry{Name: name, Target: target, Mode: mode, UID: uid, GID: gid, ModTime: modTime, Major: major, Minor: minor}
		if mode&TypeMask == TypeReg {
			e.Size = int64(len(body))
		} else {
			body = nil
		}
		var b bytes.Buffer
		w := NewWriter(&b)
		if err := w.Write(e, bytes.NewReader(body)); err != nil {
			return
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		want := records([]file{{e, string(body)}})
		if diff := cmp.Diff(want, readUroot(t, b.Bytes())); diff != "" {
			t.Errorf("read back (-want +got):\n%s", diff)
		}
	})
}
