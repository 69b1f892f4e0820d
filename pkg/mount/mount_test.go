package mount

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestStepString(t *testing.T) {
	tests := []struct {
		step Step
		want string
	}{
		{Dir{Path: "/tmp"}, "mkdir -p /tmp"},
		{Dir{Path: "/sys", Mode: 0o555}, "mkdir -p -m 0555 /sys"},
		{Dir{Path: "/shm", Mode: 0o777 | fs.ModeSticky}, "mkdir -p -m 1777 /shm"},
		{Dir{Path: "/a b"}, "mkdir -p '/a b'"},
		{Link{Target: "/proc/self/fd", Path: "/dev/fd"}, "ln -s /proc/self/fd /dev/fd"},
		{Link{Target: "it's", Path: "$(reboot)"}, `ln -s 'it'\''s' '$(reboot)'`},
		{Spec{Source: "proc", Target: "/proc", FSType: "proc"}, "mount -t proc proc /proc"},
		{
			Spec{Source: "devpts", Target: "/dev/pts", FSType: "devpts", Flags: NoSUID | NoExec, Data: "gid=5,mode=620", Once: true},
			"mount -t devpts -o nosuid,noexec,gid=5,mode=620 devpts /dev/pts",
		},
		{
			Spec{Source: "x", Target: "/x", FSType: "ext4", Flags: ReadOnly | NoSUID | NoDev | NoExec | NoATime | RelATime},
			"mount -t ext4 -o ro,nosuid,nodev,noexec,noatime,relatime x /x",
		},
		{Spec{Source: "/a", Target: "/b", Flags: Bind}, "mount --bind /a /b"},
		{Spec{Source: "/a", Target: "/b", Flags: Bind | ReadOnly}, "mount --bind -o ro /a /b"},
		{Spec{Source: "/a", Target: "/b", Flags: Bind | Recursive}, "mount --rbind /a /b"},
		{Spec{Source: "/a", Target: "/b", Flags: Move}, "mount --move /a /b"},
		{
			Spec{Source: "", Target: "/b;reboot", FSType: "tmpfs", Data: "size=50%,x=`y`"},
			"mount -t tmpfs -o 'size=50%,x=`y`' '' '/b;reboot'",
		},
	}
	for _, tt := range tests {
		if got := tt.step.String(); got != tt.want {
			t.Errorf("%#v.String() = %s, want %s", tt.step, got, tt.want)
		}
	}
}

// TestStepStringIsShell has a shell say which words it makes of a step.
func TestStepStringIsShell(t *testing.T) {
	names := []string{"/a", "a b", "it's", `"`, "$HOME", "`id`", "a\nb", "*", "~", "", "#", "!", "-", `\`, "ä", "a=b", ";&|<>()"}
	for _, name := range names {
		command := "set -- " + Link{Target: name, Path: "/end"}.String() + `; printf '%s|' "$@"`
		out, err := exec.CommandContext(t.Context(), "/bin/sh", "-c", command).Output()
		if want := "ln|-s|" + name + "|/end|"; err != nil || string(out) != want {
			t.Errorf("sh: %s: %q, %v, want %q", command, out, err, want)
		}
	}
}

func TestDirApply(t *testing.T) {
	usual, old := umask, syscall.Umask(0o077)
	umask = func() fs.FileMode { return 0o077 }
	defer func() { umask = usual; syscall.Umask(old) }()
	tests := []struct {
		name     string
		existing fs.FileMode // 0 for none
		mode     fs.FileMode
		want     fs.FileMode
	}{
		{"new, default", 0, 0, fs.ModeDir | 0o755},
		{"new, against the umask", 0, 0o777 | fs.ModeSticky, fs.ModeDir | fs.ModeSticky | 0o777},
		{"new, closed", 0, 0o555, fs.ModeDir | 0o555},
		{"existing, left", 0o711, 0, fs.ModeDir | 0o711},
		{"existing, set", 0o777, 0o700, fs.ModeDir | 0o700},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "dir")
			if tt.existing != 0 {
				must(t, os.Mkdir(path, 0o700))
				must(t, os.Chmod(path, tt.existing))
			}
			must(t, Dir{Path: path, Mode: tt.mode}.Apply())
			fi, err := os.Stat(path)
			must(t, err)
			if fi.Mode() != tt.want {
				t.Errorf("mode = %v, want %v", fi.Mode(), tt.want)
			}
		})
	}
}

func TestDirApplyErrors(t *testing.T) {
	dir := t.TempDir()
	must(t, os.WriteFile(dir+"/file", nil, 0o600))
	must(t, syscall.Mkfifo(dir+"/fifo", 0o600))
	must(t, os.Symlink("nowhere", dir+"/dangling"))
	must(t, os.Symlink("file", dir+"/link"))
	tests := []struct{ path, want string }{
		{dir + "/file", "make directory " + dir + "/file: a file is in its place"},
		{dir + "/link", "make directory " + dir + "/link: a file is in its place"},
		{dir + "/fifo", "make directory " + dir + "/fifo: a special file is in its place"},
		{dir + "/dangling", "make directory " + dir + "/dangling: a link to nothing is in its place"},
		{dir + "/none/dir", "make directory: mkdir " + dir + "/none/dir: no such file or directory"},
		{dir + "/file/dir", "make directory: mkdir " + dir + "/file/dir: not a directory"},
	}
	for _, tt := range tests {
		if err := (Dir{Path: tt.path}).Apply(); text(err) != tt.want {
			t.Errorf("Dir{%s}.Apply() = %q, want %q", tt.path, text(err), tt.want)
		}
	}
}

func TestDirApplyThroughLink(t *testing.T) {
	dir := t.TempDir()
	must(t, os.Mkdir(dir+"/real", 0o700))
	must(t, os.Symlink("real", dir+"/link"))
	must(t, Dir{Path: dir + "/link", Mode: 0o750}.Apply())
	fi, err := os.Stat(dir + "/real")
	must(t, err)
	if got, want := fi.Mode().Perm(), fs.FileMode(0o750); got != want {
		t.Errorf("mode = %v, want %v", got, want)
	}
}

func TestLinkApplyKeepsWhatIsThere(t *testing.T) {
	dir := t.TempDir()
	link := Link{Target: "/proc/self/fd", Path: dir + "/fd"}
	must(t, link.Apply())
	must(t, link.Apply())
	if got, err := os.Readlink(link.Path); err != nil || got != link.Target {
		t.Errorf("Readlink = %q, %v, want %q", got, err, link.Target)
	}
	must(t, Link{Target: "/elsewhere", Path: link.Path}.Apply())
	if got, err := os.Readlink(link.Path); err != nil || got != link.Target {
		t.Errorf("Readlink after another = %q, %v, want %q kept", got, err, link.Target)
	}
	must(t, os.WriteFile(dir+"/file", []byte("kept"), 0o600))
	must(t, Link{Target: "x", Path: dir + "/file"}.Apply())
	if got, err := os.ReadFile(dir + "/file"); err != nil || string(got) != "kept" {
		t.Errorf("file = %q, %v, want it kept", got, err)
	}
	err := Link{Target: "x", Path: dir + "/none/link"}.Apply()
	if want := "make link: symlink x " + dir + "/none/link: no such file or directory"; text(err) != want {
		t.Errorf("Apply = %q, want %q", text(err), want)
	}
}

type stub struct {
	err     error
	applied *int
}

func (s stub) String() string { return "stub" }

func (s stub) Apply() error {
	*s.applied++
	return s.err
}

func TestApplyStopsAtTheFirstError(t *testing.T) {
	var n int
	wrong := errors.New("wrong")
	if err := Apply([]Step{stub{nil, &n}, stub{wrong, &n}, stub{nil, &n}}); !errors.Is(err, wrong) || n != 2 {
		t.Errorf("Apply = %v after %d steps, want %v after 2", err, n, wrong)
	}
}

func TestExplain(t *testing.T) {
	disk := Spec{Source: "/dev/vda", Target: "/image", FSType: "squashfs"}
	bind := Spec{Source: "/a", Target: "/b", Flags: Bind}
	tests := []struct {
		spec Spec
		err  syscall.Errno
		want string
	}{
		{disk, syscall.ENODEV, "mount squashfs on /image: no such device (the kernel has no file system squashfs: is its module in the image?)"},
		{disk, syscall.EINVAL, "mount squashfs on /image: invalid argument (damaged, or in need of what this kernel lacks: its log says which)"},
		{disk, syscall.EIO, "mount squashfs on /image: input/output error (damaged, or in need of what this kernel lacks: its log says which)"},
		{disk, syscall.ENOENT, "mount squashfs on /image: no such file or directory (from /dev/vda)"},
		{disk, syscall.EPERM, "mount squashfs on /image: operation not permitted"},
		{bind, syscall.EINVAL, "mount /a on /b: invalid argument"},
	}
	for _, tt := range tests {
		err := tt.spec.explain(tt.err)
		if err.Error() != tt.want {
			t.Errorf("%v.explain(%v) = %q, want %q", tt.spec, tt.err, err, tt.want)
		}
		var merr *Error
		if !errors.Is(err, tt.err) || !errors.As(err, &merr) || merr.Target != tt.spec.Target {
			t.Errorf("%v.explain(%v) = %#v, want an *Error of it", tt.spec, tt.err, err)
		}
	}
}

func TestFlagsHaveNames(t *testing.T) {
	if got := (ReadOnly | NoSUID | NoDev | NoExec | NoATime | RelATime).options(); len(got) != 6 {
		t.Errorf("options() = %s, want 6 names", strings.Join(got, " "))
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
