package build_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kguest/kguest/initramfs/cpio"
	"github.com/kguest/kguest/pkg/boot"
	"github.com/kguest/kguest/pkg/hostcmd/verbtest"
)

// entry is a file of -plan -json.
type entry struct {
	Path, Mode string
	UID, GID   uint32
	Bytes      int64
	Link       string
	Reason     string
}

// plan returns what -plan -json prints of an image without modules.
func plan(t *testing.T, args ...string) (entries []entry) {
	t.Helper()
	got := verbtest.Run(t, append([]string{"build", "-plan", "-json", "-modules", "none"}, args...)...)
	var p struct{ Entries []entry }
	if err := json.Unmarshal([]byte(got.Stdout), &p); err != nil || got.Status != 0 || got.Stderr != "" {
		t.Fatalf("-plan %q: %+v, %v", args, got, err)
	}
	return p.Entries
}

func TestFiles(t *testing.T) {
	t.Chdir(t.TempDir())
	verbtest.Write(t, "motd", "hello\n") // 0640
	verbtest.Write(t, "dir/sub/a", "a")
	verbtest.Write(t, "co:lon", "c")
	verbtest.Write(t, "script", "#!/bin/kinit\n")
	verbtest.Write(t, "10-name", "#!/bin/kinit\n")
	for _, name := range []string{"dir", "dir/sub"} {
		if err := os.Chmod(name, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	entries := plan(t, "-file", "motd:/etc/motd", "-file", "motd:/a:4755:1000:100", "-file", "motd:/b::7:8", "-file", "co:lon:/c",
		"-file", "dir:/srv/dir:0700", "-mkdir", "/var/empty:0711:5:6", "-symlink", "../x:/link", "-hardlink", "/etc/motd:/hard",
		"-node", "/mine:c:10:200", "-node", "/disk:b:8:1:0640:0:6", "-fifo", "/pipe:0622",
		"-hook", "before-network=script", "-hook", "after-root/20-x.optional=10-name", "-stage", "hostname=script", "-no-shell")
	tests := []entry{
		{"/etc/motd", "-rw-r-----", 0, 0, 6, "", "-file motd:/etc/motd"},
		{"/a", "-rwsr-xr-x", 1000, 100, 6, "", "-file motd:/a:4755:1000:100"},
		{"/b", "-rw-r-----", 7, 8, 6, "", "-file motd:/b::7:8"},
		{"/c", "-rw-r-----", 0, 0, 1, "", "-file co:lon:/c"},
		{"/srv/dir", "drwx------", 0, 0, 0, "", "-file dir:/srv/dir:0700"},
		{"/srv/dir/sub/a", "-rw-r-----", 0, 0, 1, "", "-file dir:/srv/dir:0700"},
		{"/var/empty", "drwx--x--x", 5, 6, 0, "", "-mkdir /var/empty:0711:5:6"},
		{"/link", "lrwxrwxrwx", 0, 0, 0, "../x", "-symlink ../x:/link"},
		{"/mine", "crw-------", 0, 0, 0, "", "-node /mine:c:10:200"},
		{"/disk", "brw-r-----", 0, 6, 0, "", "-node /disk:b:8:1:0640:0:6"},
		{"/pipe", "prw--w--w-", 0, 0, 0, "", "-fifo /pipe:0622"},
		{"/etc/kinit/before-network.d/script", "-rwxr-xr-x", 0, 0, 13, "", "-hook before-network=script"},
		{"/etc/kinit/after-root.d/20-x.optional", "-rwxr-xr-x", 0, 0, 13, "", "-hook after-root/20-x.optional=10-name"},
		{"/etc/kinit/hostname", "-rwxr-xr-x", 0, 0, 13, "", "-stage hostname=script"},
		{"/etc/kinit/no-shell", "-rw-r--r--", 0, 0, 0, "", "-no-shell"},
	}
	for _, want := range tests {
		i := slices.IndexFunc(entries, func(e entry) bool { return e.Path == want.Path })
		if i < 0 {
			t.Errorf("no %s", want.Path)
			continue
		}
		got := entries[i]
		if want.Mode[0] != 'l' {
			got.Link = "" // equal files share their content
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", want.Path, diff)
		}
	}
	hard := slices.IndexFunc(entries, func(e entry) bool { return e.Path == "/hard" })
	if hard < 0 || entries[hard].Mode != "-rw-r-----" || entries[hard].Bytes != 6 {
		t.Errorf("/hard is not /etc/motd's second name: %+v", entries)
	}
}

func TestBadFiles(t *testing.T) {
	t.Chdir(t.TempDir())
	verbtest.Write(t, "f", "x")
	verbtest.Write(t, "text", "x")
	if err := os.Chmod("text", 0o755); err != nil {
		t.Fatal(err)
	}
	tests := []struct{ flag, value, want string }{
		{"file", "f:/x:999", `mode "999": want permission bits in octal, at most 7777, such as 0644`},
		{"file", "f:/x:17777", `mode "17777": want permission bits in octal`},
		{"file", "f:/x:y", `mode "y": want permission bits in octal`},
		{"file", "f:/x:0644:5", `owner "5": want UID:GID or keep`},
		{"file", "f:/x:0644:kepe", `owner "kepe": want UID:GID or keep`},
		{"file", "f:/x:0644:1:2:3", `owner "1:2:3": want UID:GID or keep`},
		{"file", "f:/x::-1:0", `"-1": want a number below 2^32`},
		{"file", "f:/x::0:4294967296", `"4294967296": want a number below 2^32`},
		{"mkdir", "x", `"x" is not an absolute path in the guest`},
		{"fifo", "x:0600", `"x" is not an absolute path in the guest`},
		{"symlink", "/x", "want TARGET:GUEST"},
		{"symlink", "a:b", "want TARGET:GUEST"},
		{"hardlink", ":/b", "want TARGET:GUEST"},
		{"node", "/x:c:1", "want GUEST:c:MAJOR:MINOR or GUEST:b:MAJOR:MINOR"},
		{"node", "/x:d:1:2", "want GUEST:c:MAJOR:MINOR or GUEST:b:MAJOR:MINOR"},
		{"node", "/x:c:1:y", `"y": want a number below 2^32`},
		{"node", "/x:c:1:2:8", `mode "8": want permission bits`},
		{"program", "no-such-program-here", "no program of that name along PATH; give its path"},
		{"program", "f:x", "want PROGRAM, or PROGRAM:GUEST with an absolute path in the guest"},
		{"hook", "before-network", "want before-STAGE=FILE or after-STAGE=FILE"},
		{"hook", "network=f", `"network": want before-STAGE or after-STAGE`},
		{"hook", "befor-network=f", `"befor-network": want before-STAGE or after-STAGE; did you mean "before"?`},
		{"hook", "before-netwerk=f", `no stage "netwerk"; did you mean "network"?; there are mounts, `},
		{"hook", "after-switch=f", "nothing can be run after stage switch: the initramfs is gone by then"},
		{"hook", "before-run=f", "nothing can be run before stage run: the initramfs is gone by then"},
		{"hook", "before-root/a/b=f", `"a/b" is no name of a file; give one`},
		{"hook", "before-root/.a=f", `the boot leaves out ".a", as its name begins with a dot`},
		{"stage", "network", "want STAGE=FILE"},
		{"stage", "netwerk=f", `no stage "netwerk"; did you mean "network"?`},
		{"stage", "switch=f", "only the first process itself can do stage switch; run a script before switch instead: -hook before-switch=f"},
	}
	for _, tt := range tests {
		got := verbtest.Run(t, "build", "-o", "x.cpio", "-"+tt.flag, tt.value)
		want := "mkinitramfs: -" + tt.flag + ` "` + tt.value + `": ` + tt.want
		if got.Status != 2 || !strings.HasPrefix(got.Stderr, want) {
			t.Errorf("-%s %s: status %d, %q, want 2 and %q", tt.flag, tt.value, got.Status, got.Stderr, want)
		}
	}
	for _, tt := range []struct{ flag, value, want string }{
		{"hook", "before-root=gone", "-hook before-root=gone: read file: stat gone: no such file"},
		{"stage", "root=gone", "-stage root=gone: read file: stat gone: no such file"},
		{"program", "./:/bin", "-program ./:/bin: ./ is a folder; give a script or a program"},
		{"program", "./f:/bin/f", "-program ./f:/bin/f: ./f may not be executed (mode 0640); give it the permission: chmod +x"},
		{"program", "./text:/bin/f", "-program ./text:/bin/f: /bin/f cannot run: it is neither a program nor a script"},
		{"base", "gone", "-base gone: read file: open gone: no such file"},
		{"symlink", "a:/init", "-symlink a:/init: /init is in the image already"},
		{"hardlink", "/gone:/x", "-hardlink /gone:/x: "},
		{"mkdir", "/dev/x", "-mkdir /dev/x: /dev/x would be hidden"},
	} {
		got := verbtest.Run(t, "build", "-o", "x.cpio", "-"+tt.flag, tt.value)
		if got.Status != 1 || !strings.HasPrefix(got.Stderr, "mkinitramfs: "+tt.want) {
			t.Errorf("-%s %s: status %d, %q, want 1 and %q", tt.flag, tt.value, got.Status, got.Stderr, tt.want)
		}
	}
	if left := verbtest.Snapshot(t, "."); len(left) != 3 {
		t.Errorf("left behind: %q", left)
	}
}

// The stages that build knows are those of the boot.
func TestStages(t *testing.T) {
	t.Chdir(t.TempDir())
	verbtest.Write(t, "f", "#!/bin/kinit\n")
	for _, stage := range boot.Stages() {
		for _, arg := range []string{"-hook=before-" + stage + "=f", "-hook=after-" + stage + "=f", "-stage=" + stage + "=f"} {
			want := 0
			if stage == "run" || stage == "switch" && !strings.Contains(arg, "before") {
				want = 2
			}
			if got := verbtest.Run(t, "build", "-plan", "-modules", "none", arg); got.Status != want {
				t.Errorf("%s: status %d, %q, want %d", arg, got.Status, got.Stderr, want)
			}
		}
		page := verbtest.Run(t, "help", "build").Stdout
		if !strings.Contains(page, stage) {
			t.Errorf("help build does not name stage %s", stage)
		}
	}
}

func TestProgram(t *testing.T) {
	dir := t.TempDir()
	program, err := os.Executable() // static, or not: its libraries come with it
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	if err := os.Symlink(program, "mine"); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	for _, tt := range []struct{ value, want string }{
		{"mine", filepath.Join(dir, "mine")},
		{"mine:/bin/mine", "/bin/mine"},
		{"./mine", filepath.Join(dir, "mine")},
	} {
		entries := plan(t, "-program", tt.value)
		i := slices.IndexFunc(entries, func(e entry) bool { return e.Path == tt.want })
		if i < 0 || entries[i].Mode != "-rwxr-xr-x" || entries[i].Bytes == 0 {
			t.Errorf("-program %s: no program at %s", tt.value, tt.want)
		}
	}
}

// TestNoShell: -no-shell leaves no shell that the kernel's command line could start,
// wherever one comes from.
func TestNoShell(t *testing.T) {
	t.Chdir(t.TempDir())
	verbtest.Write(t, "folder/bin/bash", "x")
	verbtest.Write(t, "text", "x")
	var archive strings.Builder
	w := cpio.NewWriter(&archive)
	if err := errors.Join(w.Write(cpio.Entry{Name: "ash", Mode: cpio.TypeReg | 0o755}, strings.NewReader("")), w.Close()); err != nil {
		t.Fatal(err)
	}
	base := verbtest.Write(t, "base", archive.String())
	plan(t, "-no-shell", "-cmd", "cat")
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"-cmd", "gosh"}, "the image has the shell /bin/gosh (command, -cmd gosh), which the kernel's command line could start (rdinit=)"},
		{[]string{"-profile", "rescue"}, "the image has the shell /bin/boot-shell (command, -profile rescue"},
		{[]string{"-as-is", "-file", "folder:/opt"}, "the image has the shell /opt/bin/bash (-file folder:/opt)"},
		{[]string{"-as-is", "-file", "text:/x", "-hardlink", "/x:/bin/sh"}, "the image has the shell /bin/sh (-hardlink /x:/bin/sh)"},
		{[]string{"-symlink", "../x:/bin/sh"}, "the image has the shell /bin/sh (-symlink ../x:/bin/sh)"},
		{[]string{"-base", base}, "the image has the shell /ash (-base " + base + ")"},
	} {
		args := append([]string{"build", "-plan", "-modules", "none", "-no-shell"}, tt.args...)
		got := verbtest.Run(t, args...)
		if got.Status != 1 || !strings.Contains(got.Stderr, "-no-shell: "+tt.want) {
			t.Errorf("%q: %+v, want status 1 and %q", args, got, tt.want)
		}
	}
}
