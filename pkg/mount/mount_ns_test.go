package mount

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/kguest/kguest/pkg/nstest"
)

const everything = nstest.Mount | nstest.PID | nstest.Net | nstest.IPC | nstest.UTS | nstest.Cgroup

func TestMountKernelFileSystems(t *testing.T) {
	tests := []struct {
		spec    Spec
		options string
	}{
		{Spec{Source: "tmpfs", FSType: "tmpfs", Flags: NoSUID | NoDev, Data: "mode=1777,size=64k"}, "rw,nosuid,nodev,relatime"},
		{Spec{Source: "proc", FSType: "proc", Flags: NoSUID | NoExec | NoDev}, "rw,nosuid,nodev,noexec,relatime"},
		{Spec{Source: "sysfs", FSType: "sysfs", Flags: NoSUID | NoExec | ReadOnly}, "ro,nosuid,noexec,relatime"},
		{Spec{Source: "cgroup2", FSType: "cgroup2", Flags: NoSUID | NoExec | RelATime}, "rw,nosuid,noexec,relatime"},
		{Spec{Source: "devpts", FSType: "devpts", Flags: NoSUID | NoExec, Data: "mode=620,ptmxmode=666"}, "rw,nosuid,noexec,relatime"},
		{Spec{Source: "mqueue", FSType: "mqueue", Flags: NoSUID | NoExec | NoDev}, "rw,nosuid,nodev,noexec,relatime"},
	}
	for _, tt := range tests {
		t.Run(tt.spec.FSType, func(t *testing.T) {
			nstest.Run(t, everything, func(t *testing.T) {
				spec := tt.spec
				spec.Target = t.TempDir()
				spec.Once = true
				defer unmount(t, spec.Target)
				must(t, spec.Apply())
				entry := only(t, spec.Target)
				want := Entry{Target: spec.Target, Options: tt.options, FSType: spec.FSType, Source: spec.Source}
				if entry != want {
					t.Errorf("mountinfo has %+v, want %+v", entry, want)
				}
				must(t, spec.Apply())
				only(t, spec.Target)
			})
		})
	}
}

func TestMountData(t *testing.T) {
	nstest.Run(t, nstest.Mount, func(t *testing.T) {
		dir := t.TempDir()
		defer unmount(t, dir)
		must(t, Spec{Source: "tmpfs", Target: dir, FSType: "tmpfs", Data: "mode=1750,size=64k"}.Apply())
		fi, err := os.Stat(dir)
		must(t, err)
		if want := fs.ModeDir | fs.ModeSticky | 0o750; fi.Mode() != want {
			t.Errorf("mode = %v, want %v", fi.Mode(), want)
		}
		if err := os.WriteFile(dir+"/file", make([]byte, 128<<10), 0o600); !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("WriteFile of twice the size = %v, want %v", err, syscall.ENOSPC)
		}
	})
}

// TestOnceIsNotFooled has things in place that resemble the mount and are not it.
func TestOnceIsNotFooled(t *testing.T) {
	nstest.Run(t, nstest.Mount, func(t *testing.T) {
		dir := t.TempDir()
		defer unmount(t, dir)
		must(t, Spec{Source: "tmpfs", Target: dir, FSType: "tmpfs"}.Apply())
		for _, name := range []string{"/a", "/b", "/c"} {
			must(t, os.Mkdir(dir+name, 0o755))
		}
		// The directory is on a tmpfs, but is no mount point.
		must(t, Spec{Source: "tmpfs", Target: dir + "/a", FSType: "tmpfs", Once: true}.Apply())
		only(t, dir+"/a")
		// Another type is mounted there.
		must(t, Spec{Source: "proc", Target: dir + "/a", FSType: "tmpfs", Once: true}.Apply())
		only(t, dir+"/a")
		// The directory is new the first time only.
		for range 2 {
			must(t, Apply([]Step{Dir{Path: dir + "/new"}, Spec{Source: "tmpfs", Target: dir + "/new", FSType: "tmpfs", Once: true}}))
			only(t, dir+"/new")
		}
		// A bind of another directory of the same file system.
		must(t, Spec{Source: dir + "/b", Target: dir + "/c", Flags: Bind, Once: true}.Apply())
		must(t, Spec{Source: dir, Target: dir + "/c", Flags: Bind, Once: true}.Apply())
		if n := count(t, dir+"/c"); n != 2 {
			t.Errorf("mounts on /c = %d, want 2: of two directories", n)
		}
	})
}

func TestBind(t *testing.T) {
	for _, tt := range []struct {
		name  string
		flags Flags
	}{
		{"writable", Bind},
		{"read-only", Bind | ReadOnly},
	} {
		t.Run(tt.name, func(t *testing.T) {
			nstest.Run(t, nstest.Mount, func(t *testing.T) {
				dir := tree(t)
				defer unmount(t, dir)
				spec := Spec{Source: dir + "/from", Target: dir + "/to", Flags: tt.flags, Once: true}
				must(t, spec.Apply())
				err := os.WriteFile(dir+"/to/new", nil, 0o600)
				if readOnly := errors.Is(err, syscall.EROFS); readOnly != (tt.flags&ReadOnly != 0) {
					t.Errorf("WriteFile = %v on a mount with flags %v", err, tt.flags.options())
				}
				must(t, os.WriteFile(dir+"/from/other", nil, 0o600)) // only the bind is read-only
				must(t, spec.Apply())
				only(t, dir+"/to")
			})
		})
	}
}

// TestBindReadOnlyOverWritable has a writable bind become read-only: what is
// asked for is not there already.
func TestBindReadOnlyOverWritable(t *testing.T) {
	nstest.Run(t, nstest.Mount, func(t *testing.T) {
		dir := tree(t)
		defer unmount(t, dir)
		must(t, Spec{Source: dir + "/from", Target: dir + "/to", Flags: Bind}.Apply())
		must(t, Spec{Source: dir + "/from", Target: dir + "/to", Flags: Bind | ReadOnly, Once: true}.Apply())
		if err := os.WriteFile(dir+"/to/new", nil, 0o600); !errors.Is(err, syscall.EROFS) {
			t.Errorf("WriteFile = %v, want %v", err, syscall.EROFS)
		}
	})
}

func TestBindRecursive(t *testing.T) {
	nstest.Run(t, nstest.Mount, func(t *testing.T) {
		dir := tree(t)
		defer unmount(t, dir)
		must(t, os.Mkdir(dir+"/from/below", 0o755))
		must(t, Spec{Source: "tmpfs", Target: dir + "/from/below", FSType: "tmpfs"}.Apply())
		must(t, os.WriteFile(dir+"/from/below/file", nil, 0o600))
		must(t, Spec{Source: dir + "/from", Target: dir + "/to", Flags: Bind | Recursive}.Apply())
		if _, err := os.Stat(dir + "/to/below/file"); err != nil {
			t.Errorf("what is mounted below: %v", err)
		}
	})
}

func TestMove(t *testing.T) {
	nstest.Run(t, nstest.Mount, func(t *testing.T) {
		dir := tree(t)
		defer unmount(t, dir)
		must(t, Spec{Source: "inner", Target: dir + "/from", FSType: "tmpfs", Flags: NoExec}.Apply())
		must(t, Spec{Source: dir + "/from", Target: dir + "/to", Flags: Move}.Apply())
		if n := count(t, dir+"/from"); n != 0 {
			t.Errorf("mounts left on /from = %d, want 0", n)
		}
		if got := only(t, dir+"/to"); got.Source != "inner" || !strings.Contains(got.Options, "noexec") {
			t.Errorf("moved = %+v, want inner with its options", got)
		}
	})
}

func TestMountErrors(t *testing.T) {
	nstest.Run(t, nstest.Mount, func(t *testing.T) {
		dir := tree(t)
		defer unmount(t, dir)
		tests := []struct {
			spec Spec
			want string
		}{
			{
				Spec{Source: "x", Target: dir + "/to", FSType: "nosuchfs"},
				"mount nosuchfs on " + dir + "/to: no such device (the kernel has no file system nosuchfs: is its module in the image?)",
			},
			{
				Spec{Source: "tmpfs", Target: dir + "/none", FSType: "tmpfs"},
				"mount tmpfs on " + dir + "/none: no such file or directory (from tmpfs)",
			},
			{
				Spec{Source: dir + "/none", Target: dir + "/to", Flags: Bind},
				"mount " + dir + "/none on " + dir + "/to: no such file or directory (from " + dir + "/none)",
			},
			{
				Spec{Source: "tmpfs", Target: dir + "/to", FSType: "tmpfs", Data: "size=many"},
				"mount tmpfs on " + dir + "/to: invalid argument (damaged, or in need of what this kernel lacks: its log says which)",
			},
			{
				Spec{Source: dir + "/from", Target: dir + "/to", Flags: Move},
				"mount " + dir + "/from on " + dir + "/to: invalid argument",
			},
		}
		for _, tt := range tests {
			if err := tt.spec.Apply(); text(err) != tt.want {
				t.Errorf("%v: %q, want %q", tt.spec, text(err), tt.want)
			}
		}
		if n := count(t, dir+"/to"); n != 0 {
			t.Errorf("mounts on /to = %d, want 0", n)
		}
	})
}

func TestUnmount(t *testing.T) {
	nstest.Run(t, nstest.Mount, func(t *testing.T) {
		dir := tree(t)
		defer unmount(t, dir)
		must(t, Spec{Source: "tmpfs", Target: dir + "/to", FSType: "tmpfs"}.Apply())
		f, err := os.Create(dir + "/to/open")
		must(t, err)
		defer f.Close()
		if err := Unmount(dir+"/to", false); text(err) != "unmount on "+dir+"/to: device or resource busy" {
			t.Errorf("Unmount of a busy mount = %v, want EBUSY", err)
		}
		if err := RemountReadOnly(dir + "/to"); !errors.Is(err, syscall.EBUSY) {
			t.Errorf("RemountReadOnly of a mount with a file open for writing = %v, want %v", err, syscall.EBUSY)
		}
		must(t, f.Close())
		must(t, RemountReadOnly(dir+"/to"))
		if err := os.WriteFile(dir+"/to/new", nil, 0o600); !errors.Is(err, syscall.EROFS) {
			t.Errorf("WriteFile = %v, want %v", err, syscall.EROFS)
		}
		must(t, Unmount(dir+"/to", true))
		if err := Unmount(dir+"/to", false); !errors.Is(err, syscall.EINVAL) {
			t.Errorf("second Unmount = %v, want %v", err, syscall.EINVAL)
		}
	})
}

// TestUnmountFollowsNoLink: a link must not lead to another's mount.
func TestUnmountFollowsNoLink(t *testing.T) {
	nstest.Run(t, nstest.Mount, func(t *testing.T) {
		dir := tree(t)
		defer unmount(t, dir)
		must(t, Spec{Source: "tmpfs", Target: dir + "/to", FSType: "tmpfs"}.Apply())
		must(t, os.Symlink("to", dir+"/link"))
		if err := Unmount(dir+"/link", true); err == nil {
			t.Error("Unmount(link) = nil, want an error")
		}
		only(t, dir+"/to")
	})
}

// tree makes a tmpfs with the directories from and to.
func tree(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	must(t, Spec{Source: "tmpfs", Target: dir, FSType: "tmpfs"}.Apply())
	must(t, os.Mkdir(filepath.Join(dir, "from"), 0o755))
	must(t, os.Mkdir(filepath.Join(dir, "to"), 0o755))
	return dir
}

func unmount(t *testing.T, dir string) {
	t.Helper()
	must(t, Unmount(dir, true))
}

func count(t *testing.T, target string) int {
	t.Helper()
	n := 0
	for _, e := range table(t) {
		if e.Target == target {
			n++
		}
	}
	return n
}

// only returns the mount on target, of which there is one.
func only(t *testing.T, target string) Entry {
	t.Helper()
	var found []Entry
	for _, e := range table(t) {
		if e.Target == target {
			found = append(found, e)
		}
	}
	if len(found) != 1 {
		t.Fatalf("mounts on %s = %+v, want one", target, found)
	}
	return found[0]
}

func table(t *testing.T) []Entry {
	t.Helper()
	entries, err := ReadTable("/proc/self/mountinfo")
	must(t, err)
	return entries
}
