package inspect_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kguest/kguest/initramfs/cpio"
	"github.com/kguest/kguest/initramfs/manifest"
	"github.com/kguest/kguest/pkg/hostcmd/verbtest"
)

// image writes an archive of entries to a file and returns its name. The body
// of each file is its name.
func image(t *testing.T, name string, entries ...cpio.Entry) string {
	t.Helper()
	var b bytes.Buffer
	w := cpio.NewWriter(&b)
	for _, e := range entries {
		e.ModTime = 86400
		body := ""
		if e.Mode&cpio.TypeMask == cpio.TypeReg {
			body = e.Name
			e.Size = int64(len(body))
		}
		if err := w.Write(e, strings.NewReader(body)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return verbtest.Write(t, filepath.Join(t.TempDir(), name), b.String())
}

func sample(t *testing.T) string {
	t.Helper()
	return image(
		t, "sample.cpio",
		cpio.Entry{Name: "bin", Mode: cpio.TypeDir | 0o755},
		cpio.Entry{Name: "bin/a\x1bb", Mode: cpio.TypeReg | 0o4755, UID: 1, GID: 2},
		cpio.Entry{Name: "bin/two", Links: []string{"bin/one"}, Mode: cpio.TypeReg | 0o644},
		cpio.Entry{Name: "init", Mode: cpio.TypeSymlink | 0o777, Target: "bin/one"},
		cpio.Entry{Name: "null", Mode: cpio.TypeChar | 0o666, Major: 1, Minor: 3},
		cpio.Entry{Name: "tmp", Mode: cpio.TypeDir | 0o1777},
	)
}

// run runs mkinitramfs and checks its status.
func run(t *testing.T, status int, args ...string) (stdout, stderr string) {
	t.Helper()
	got := verbtest.Run(t, args...)
	if got.Status != status {
		t.Errorf("%q: status %d, want %d; stderr: %s", args, got.Status, status, got.Stderr)
	}
	if strings.Count(got.Stderr, "\n") > 1 {
		t.Errorf("%q: stderr of more than one line:\n%s", args, got.Stderr)
	}
	return got.Stdout, got.Stderr
}

func TestLs(t *testing.T) {
	name := sample(t)
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"ls", name}, "bin\nbin/a\\x1bb\nbin/one\nbin/two\ninit\nnull\ntmp\n"},
		{[]string{"ls", "-all", name}, "bin\nbin/a\\x1bb\nbin/two\nbin/one\ninit\nnull\ntmp\n"},
		{[]string{"ls", name, "b*", "/init"}, "bin\nbin/a\\x1bb\nbin/one\nbin/two\ninit\n"},
		{[]string{"ls", "-l", name}, `drwxr-xr-x   1     0     0          0 1970-01-02 00:00 bin
-rwsr-xr-x   1     1     2          7 1970-01-02 00:00 bin/a\x1bb
-rw-r--r--   2     0     0          7 1970-01-02 00:00 bin/one
-rw-r--r--   2     0     0          7 1970-01-02 00:00 bin/two
lrwxrwxrwx   1     0     0          7 1970-01-02 00:00 init -> bin/one
crw-rw-rw-   1     0     0       1, 3 1970-01-02 00:00 null
drwxrwxrwt   1     0     0          0 1970-01-02 00:00 tmp
`},
	} {
		if got, _ := run(t, 0, tt.args...); got != tt.want {
			t.Errorf("%q (-want +got):\n%s", tt.args, cmp.Diff(tt.want, got))
		}
	}
	var files []struct {
		Path, Type, Mode, Target string
		Links                    int
	}
	out, _ := run(t, 0, "ls", "-json", name, "init", "one")
	if err := json.Unmarshal([]byte(out), &files); err != nil || len(files) != 2 || files[1].Target != "bin/one" || files[0].Links != 2 || files[0].Mode != "0644" {
		t.Errorf("ls -json = %s (%+v, %v)", out, files, err)
	}
}

func TestCat(t *testing.T) {
	name := sample(t)
	if got, _ := run(t, 0, "cat", name, "init", "/bin/two", "bin/a\x1bb"); got != "bin/twobin/twobin/a\x1bb" {
		t.Errorf("cat = %q", got)
	}
	if got, _ := run(t, 1, "cat", name, "init", "nope", "bin"); got != "" {
		t.Errorf("cat with a path that is not there = %q, want nothing", got)
	}
}

func TestUnpack(t *testing.T) {
	name := sample(t)
	dir := filepath.Join(t.TempDir(), "tree")
	status := 0
	if os.Getuid() != 0 {
		status = 1
	}
	run(t, status, "unpack", "-d", dir, name)
	if got, err := os.ReadFile(filepath.Join(dir, "init")); string(got) != "bin/two" || err != nil {
		t.Errorf("init = %q, %v", got, err)
	}
	_, stderr := run(t, 1, "unpack", "-d", dir, name)
	if !strings.Contains(stderr, "is not empty") {
		t.Errorf("unpack again: %s", stderr)
	}
	_, stderr = run(t, 1, "unpack", "-d", dir+"/gone/x/", name)
	if want := "unpack: there is no folder " + dir + "/gone to make "; !strings.Contains(stderr, want) {
		t.Errorf("unpack below no folder: %s, want %s", stderr, want)
	}
	t.Chdir(t.TempDir())
	out, _ := run(t, 0, "unpack", "-json", name, "bin")
	var done struct {
		Dir   string
		Files int
	}
	if err := json.Unmarshal([]byte(out), &done); err != nil || done.Dir != "sample.cpio.d" || done.Files != 4 {
		t.Errorf("unpack -json = %s, %v, want 4 files in sample.cpio.d", out, err)
	}
}

func TestDiff(t *testing.T) {
	a := image(t, "a", cpio.Entry{Name: "same", Mode: cpio.TypeReg}, cpio.Entry{Name: "gone", Mode: cpio.TypeReg}, cpio.Entry{Name: "mode", Mode: cpio.TypeReg | 0o600})
	b := image(t, "b", cpio.Entry{Name: "same", Mode: cpio.TypeReg}, cpio.Entry{Name: "new", Mode: cpio.TypeReg}, cpio.Entry{Name: "mode", Mode: cpio.TypeReg | 0o644})
	if got, _ := run(t, 0, "diff", a, b); got != "- gone\n~ mode: mode 0600 -> 0644\n+ new\n" {
		t.Errorf("diff = %q", got)
	}
	if got, _ := run(t, 0, "diff", "-json", a, a); got != "[]\n" {
		t.Errorf("diff -json of one = %q, want an empty list", got)
	}
	run(t, 0, "diff", "-exit-code", a, a)
	run(t, 1, "diff", "-exit-code", a, b)
	run(t, 2, "diff", "-exit-code", a, a+"nope")
	run(t, 1, "diff", a, a+"nope")
}

func TestInfo(t *testing.T) {
	out, _ := run(t, 0, "info", sample(t))
	for _, want := range []string{"init         /init -> /bin/one\n", "segment 0    at 0: newc, compression none", "files        3, of which 1 further hard links; 2 folders, 1 links, 1 devices"} {
		if !strings.Contains(out, want) {
			t.Errorf("info lacks %q:\n%s", want, out)
		}
	}
	out, _ = run(t, 0, "info", "-json", sample(t))
	var about struct{ Counts struct{ HardLinks int } }
	if err := json.Unmarshal([]byte(out), &about); err != nil || about.Counts.HardLinks != 1 {
		t.Errorf("info -json = %s, %v", out, err)
	}
}

func TestWhy(t *testing.T) {
	out, _ := run(t, 0, "why", sample(t), "/bin/one")
	want := `/bin/one: file, mode 0644, owner 0:0, 7 B
  reason     no manifest in the image lists it (/` + manifest.Path + `)
  the same file has the names /bin/two
  symbolic links lead to it: /init
`
	if out != want {
		t.Errorf("why (-want +got):\n%s", cmp.Diff(want, out))
	}
	out, _ = run(t, 0, "why", "-json", sample(t), "init")
	var list []struct{ Facts []string }
	if err := json.Unmarshal([]byte(out), &list); err != nil || len(list) != 1 || len(list[0].Facts) != 2 {
		t.Errorf("why -json = %s, %v", out, err)
	}
}

// What the kernel drops is a warning.
func TestDropped(t *testing.T) {
	data, err := os.ReadFile(image(t, "x", cpio.Entry{Name: "d", Mode: cpio.TypeDir}, cpio.Entry{Name: "d/x", Mode: cpio.TypeReg}))
	if err != nil {
		t.Fatal(err)
	}
	// The folder becomes a FIFO.
	data = bytes.Replace(data, []byte("00004000"), []byte("00001000"), 1)
	name := verbtest.Write(t, filepath.Join(t.TempDir(), "x"), string(data))
	out, stderr := run(t, 0, "ls", name)
	if want := `the kernel drops 1 of 2 entries, the first of them d/x: "d" is no folder (info lists them)`; out != "d\n" || !strings.Contains(stderr, want) {
		t.Errorf("ls = %q, %q, want d and %q", out, stderr, want)
	}
}

// A file that is no image is an error of one line, not a panic.
func TestNoImage(t *testing.T) {
	junk := verbtest.Write(t, filepath.Join(t.TempDir(), "junk"), "not an image")
	for _, args := range [][]string{
		{"ls", junk},
		{"cat", junk, "init"},
		{"unpack", junk},
		{"info", junk},
		{"diff", junk, junk},
		{"why", junk, "init"},
		{"ls", junk + "s"},
		{"ls", sample(t), "nothing*"},
		{"why", sample(t), "nothing"},
	} {
		if out, stderr := run(t, 1, args...); out != "" || stderr == "" {
			t.Errorf("%q = %q, %q, want an error alone", args, out, stderr)
		}
	}
	for _, args := range [][]string{{"ls"}, {"cat", sample(t)}, {"info", junk, junk}, {"diff", junk}, {"why", junk + "s"}, {"ls", sample(t), "["}, {"ls", "-jsn", junk}} {
		status := 2
		if args[0] == "why" {
			status = 1 // the image first
		}
		run(t, status, args...)
	}
}
