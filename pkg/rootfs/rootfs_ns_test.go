package rootfs

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/kguest/kguest/pkg/mount"
	"github.com/kguest/kguest/pkg/nstest"
)

func TestAssemble(t *testing.T) {
	nstest.Run(t, nstest.Mount, func(t *testing.T) {
		l := layoutBelow(t)
		must(t, os.WriteFile(l.Image+"/file", []byte("image"), 0o640))
		must(t, os.Chmod(l.Image, 0o751))
		must(t, l.Assemble())

		fi, err := os.Stat(l.Root)
		must(t, err)
		if got, want := fi.Mode().Perm(), fs.FileMode(0o751); got != want {
			t.Errorf("mode of the root = %v, want the image's %v", got, want)
		}
		must(t, os.WriteFile(l.Root+"/file", []byte("changed"), 0o600))
		must(t, os.WriteFile(l.Root+"/new", nil, 0o600))
		if got, err := os.ReadFile(l.Image + "/file"); err != nil || string(got) != "image" {
			t.Errorf("file of the image = %q, %v, want it unchanged", got, err)
		}
		if got, err := os.ReadFile(l.Overlay + "/upper/file"); err != nil || string(got) != "changed" {
			t.Errorf("file of the upper layer = %q, %v", got, err)
		}
		if err := os.WriteFile(l.Overlay+"/image/x", nil, 0o600); !errors.Is(err, syscall.EROFS) {
			t.Errorf("WriteFile on the bound image = %v, want %v", err, syscall.EROFS)
		}

		before := mountsBelow(t, filepath.Dir(l.Root))
		must(t, l.Assemble())
		if diff := cmp.Diff(before, mountsBelow(t, filepath.Dir(l.Root))); diff != "" {
			t.Errorf("mounts after a second Assemble (-before +after):\n%s", diff)
		}
		if _, err := os.Stat(l.Root + "/new"); err != nil {
			t.Errorf("after a second Assemble: %v", err)
		}
	})
}

func TestAssembleMounts(t *testing.T) {
	nstest.Run(t, nstest.Mount, func(t *testing.T) {
		l := layoutBelow(t)
		l.Size = "64k"
		must(t, l.Assemble())
		var st syscall.Statfs_t
		must(t, syscall.Statfs(l.Overlay, &st))
		if got := st.Blocks * uint64(st.Bsize); got != 64<<10 {
			t.Errorf("size of the upper layer = %d, want %d", got, 64<<10)
		}
		if err := os.WriteFile(l.Root+"/big", make([]byte, 1<<20), 0o600); !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("WriteFile of 1 MiB = %v, want %v", err, syscall.ENOSPC)
		}
		want := []string{
			l.Overlay + " tmpfs rw,relatime",
			l.Overlay + "/image tmpfs ro,relatime",
			l.Root + " overlay rw,noatime",
		}
		if diff := cmp.Diff(want, mountsBelow(t, filepath.Dir(l.Root))); diff != "" {
			t.Errorf("mounts (-want +got):\n%s", diff)
		}
	})
}

func TestBindInto(t *testing.T) {
	nstest.Run(t, nstest.Mount, func(t *testing.T) {
		l := layoutBelow(t)
		must(t, l.Assemble())
		dir := filepath.Join(filepath.Dir(l.Root), "dev")
		must(t, os.Mkdir(dir, 0o755))
		must(t, mount.Spec{Source: "tmpfs", Target: dir, FSType: "tmpfs"}.Apply())
		// On the way there is a link that leads out of the root.
		first := filepath.Join(l.Root, strings.Split(dir, "/")[1])
		must(t, os.Symlink("../../../elsewhere", first))
		must(t, os.MkdirAll(filepath.Join(l.Root, "elsewhere", filepath.Dir(dir[len(filepath.Base(first))+1:])), 0o755))
		want := filepath.Join(l.Root, "elsewhere", dir[len(filepath.Base(first))+1:])
		for _, bound := range []string{want, ""} { // the second time it is there
			if got, err := BindInto(l.Root, dir); err != nil || got != bound {
				t.Errorf("BindInto = %q, %v, want %q", got, err, bound)
			}
		}
		if table := mountsBelow(t, l.Root); len(table) != 2 || !strings.HasPrefix(table[1], want+" tmpfs ") {
			t.Errorf("mounts below the root = %q, want its own and %s", table, want)
		}
	})
}

// layoutBelow makes a tmpfs with an empty image, and a layout in it.
func layoutBelow(t *testing.T) Layout {
	t.Helper()
	dir := t.TempDir()
	must(t, mount.Spec{Source: "tmpfs", Target: dir, FSType: "tmpfs"}.Apply())
	t.Cleanup(func() { must(t, mount.Unmount(dir, true)) })
	must(t, os.Mkdir(dir+"/image", 0o755))
	return Layout{Image: dir + "/image", Overlay: dir + "/overlay", Root: dir + "/newroot", Size: "50%"}
}

// mountsBelow returns target, type and options of the mounts strictly below dir,
// or on it where it is a root.
func mountsBelow(t *testing.T, dir string) []string {
	t.Helper()
	table, err := mount.ReadTable("/proc/self/mountinfo")
	must(t, err)
	var lines []string
	for _, e := range table {
		if strings.HasPrefix(e.Target, dir+"/") || e.Target == dir && e.FSType == "overlay" {
			lines = append(lines, e.Target+" "+e.FSType+" "+e.Options)
		}
	}
	return lines
}

// machine makes a tmpfs this process's root, as an initramfs is a machine's:
//
//	/           tmpfs, with init, bin/tool and a file that is mounted on
//	/proc /dev /run /config
//	/image      the image, filled by fill
//	/newroot    the overlay on it
func machine(t *testing.T, fill func(image string)) Transfer {
	t.Helper()
	top := t.TempDir()
	must(t, mount.Spec{Source: "initramfs", Target: top, FSType: "tmpfs", Data: "mode=0755"}.Apply())
	must(t, os.Mkdir(top+"/old", 0o755))
	must(t, unix.Chdir(top))
	must(t, unix.PivotRoot(".", "old"))
	must(t, unix.Chdir("/"))
	for _, dir := range []string{"proc", "dev", "run", "sys", "config", "image", "bin", "tmp"} {
		must(t, os.Mkdir("/"+dir, 0o755))
	}
	must(t, mount.Spec{Source: "proc", Target: "/proc", FSType: "proc"}.Apply())
	for _, dir := range []string{"/dev", "/run", "/config"} {
		must(t, mount.Spec{Source: "own" + dir, Target: dir, FSType: "tmpfs", Data: "mode=0755"}.Apply())
	}
	must(t, os.WriteFile("/dev/mark", []byte("dev"), 0o600))
	must(t, mount.Spec{Source: "image", Target: "/image", FSType: "tmpfs", Data: "mode=0755"}.Apply())
	must(t, os.WriteFile("/image/mark", []byte("image"), 0o600))
	fill("/image")
	for _, file := range []string{"/init", "/bin/tool", "/busy"} {
		must(t, os.WriteFile(file, []byte("initramfs"), 0o700))
	}
	must(t, mount.Spec{Source: "/dev/mark", Target: "/busy", Flags: mount.Bind}.Apply())
	must(t, mount.Unmount("/old", true))
	must(t, os.Remove("/old"))
	must(t, Layout{Image: "/image", Overlay: "/overlay", Root: "/newroot", Size: "1m"}.Assemble())
	return Transfer{Root: "/newroot", Move: []string{"/sys", "/proc", "/dev", "/run"}, Drop: []string{"/config"}, Keep: "/run"}
}

func TestSwitch(t *testing.T) {
	nstest.Run(t, nstest.Mount|nstest.PID, func(t *testing.T) {
		tr := machine(t, func(image string) {
			must(t, os.MkdirAll(image+"/run/service/deep", 0o755))
			must(t, os.Chmod(image+"/run/service", 0o750|fs.ModeSetgid))
			must(t, os.WriteFile(image+"/run/service/pid", nil, 0o600))
			must(t, os.Symlink("/etc", image+"/run/link"))
		})
		old, err := os.Open("/")
		must(t, err)
		defer old.Close()
		initramfs, err := tr.Switch()
		must(t, err)
		must(t, initramfs.Delete())

		for path, want := range map[string]string{"/mark": "image", "/dev/mark": "dev"} {
			if got, err := os.ReadFile(path); err != nil || string(got) != want {
				t.Errorf("ReadFile(%s) = %q, %v, want %q", path, got, err, want)
			}
		}
		if dir, err := os.Getwd(); err != nil || dir != "/" {
			t.Errorf("Getwd = %q, %v, want /", dir, err)
		}
		targets := mountedOn(t)
		slices.Sort(targets)
		if want := []string{"/", "/dev", "/proc", "/run"}; !slices.Equal(targets, want) {
			t.Errorf("mounts = %q, want %q", targets, want)
		}
		checkSkeleton(t)
		checkFreed(t, old)
		must(t, os.WriteFile("/written", nil, 0o600))
		if _, err := (Transfer{Root: "/"}).Switch(); err == nil || !strings.Contains(err.Error(), "is not an initramfs") {
			t.Errorf("second Switch = %v, want it refused", err)
		}
	})
}

func mountedOn(t *testing.T) []string {
	t.Helper()
	table, err := mount.ReadTable("/proc/self/mountinfo")
	must(t, err)
	var targets []string
	for _, e := range table {
		targets = append(targets, e.Target)
	}
	return targets
}

// checkSkeleton: /run is the machine's, with the image's directories and
// nothing else of it.
func checkSkeleton(t *testing.T) {
	t.Helper()
	var found []string
	err := filepath.WalkDir("/run", func(path string, d fs.DirEntry, err error) error {
		must(t, err)
		fi, err := d.Info()
		must(t, err)
		found = append(found, path+" "+fi.Mode().String())
		return nil
	})
	must(t, err)
	want := []string{"/run drwxr-xr-x", "/run/service dgrwxr-x---", "/run/service/deep drwxr-xr-x"}
	if diff := cmp.Diff(want, found); diff != "" {
		t.Errorf("/run (-want +got):\n%s", diff)
	}
}

// checkFreed: of the initramfs there is only what something is mounted on.
func checkFreed(t *testing.T, old *os.File) {
	t.Helper()
	fd, err := unix.Openat(int(old.Fd()), ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	must(t, err)
	dir := os.NewFile(uintptr(fd), "initramfs")
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	must(t, err)
	slices.Sort(names)
	if want := []string{"busy", "image", "overlay"}; !slices.Equal(names, want) {
		t.Errorf("left of the initramfs = %q, want %q", names, want)
	}
}

// TestSwitchHostileImage: whatever the image has in the way, the switch either
// is done or leaves everything in place.
func TestSwitchHostileImage(t *testing.T) {
	tests := []struct {
		name string
		fill func(image string) error
		want string // error, "" for a switch that is done
	}{
		{"a link to another directory", func(image string) error {
			return errors.Join(os.Mkdir(image+"/etc", 0o755), os.Symlink("/etc", image+"/proc"))
		}, ""},
		{"a link out of the root", func(image string) error { return os.Symlink("../../../tmp", image+"/run") }, ""},
		{"a file", func(image string) error { return os.WriteFile(image+"/run", nil, 0o600) }, "switch root: the image's /run: make directory /newroot/run: a file is in its place"},
		{"a link to itself", func(image string) error { return os.Symlink("dev", image+"/dev") }, "switch root: resolve /dev below /newroot: "},
		{"a link to the root", func(image string) error { return os.Symlink("/", image+"/run") }, "switch root: in the image /run and / are one directory"},
		{"a link to another mount", func(image string) error { return os.Symlink("proc", image+"/dev") }, "switch root: in the image /dev and /proc are one directory"},
		{"a link to nothing deep", func(image string) error { return os.Symlink("/no/such/dir", image+"/run") }, "switch root: the image's /run: make directory: mkdir /newroot/no/such/dir: no such file or directory"},
		{"a link below another mount", func(image string) error { return os.Symlink("/dev/run", image+"/run") }, ""},
		{"a link to a directory below another mount", func(image string) error {
			return errors.Join(os.MkdirAll(image+"/dev/run", 0o755), os.Symlink("/dev/run", image+"/run"))
		}, ""},
		{"a fifo", func(image string) error { return syscall.Mkfifo(image+"/proc", 0o600) }, "switch root: the image's /proc: make directory /newroot/proc: a special file is in its place"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			nstest.Run(t, nstest.Mount|nstest.PID, func(t *testing.T) {
				tr := machine(t, func(image string) { must(t, tt.fill(image)) })
				before := mountedOn(t)
				_, err := tr.Switch()
				if tt.want == "" {
					must(t, err)
					if got, err := os.ReadFile("/mark"); err != nil || string(got) != "image" {
						t.Errorf("ReadFile(/mark) = %q, %v, want the image's", got, err)
					}
					if _, err := os.Stat("/proc/self/exe"); err != nil {
						t.Errorf("proc: %v", err)
					}
					return
				}
				if err == nil || !strings.HasPrefix(err.Error(), tt.want) {
					t.Errorf("Switch = %v, want %s", err, tt.want)
				}
				checkUntouched(t, before)
			})
		})
	}
}

func checkUntouched(t *testing.T, before []string) {
	t.Helper()
	if diff := cmp.Diff(before, mountedOn(t)); diff != "" {
		t.Errorf("mounts (-before +after):\n%s", diff)
	}
	for _, file := range []string{"/init", "/bin/tool"} {
		if got, err := os.ReadFile(file); err != nil || string(got) != "initramfs" {
			t.Errorf("ReadFile(%s) = %q, %v, want it kept", file, got, err)
		}
	}
}

// TestSwitchNeedsAMount: the root must be a mount itself, else it could not be
// moved when the initramfs is gone.
func TestSwitchNeedsAMount(t *testing.T) {
	nstest.Run(t, nstest.Mount|nstest.PID, func(t *testing.T) {
		tr := machine(t, func(image string) { must(t, os.Mkdir(image+"/below", 0o755)) })
		before := mountedOn(t)
		for _, root := range []string{"/bin", "/newroot/below", "/image/below"} {
			tr.Root = root
			_, err := tr.Switch()
			if want := "switch root: " + root + ": nothing is mounted there"; err == nil || err.Error() != want {
				t.Errorf("Switch to %s = %v, want %s", root, err, want)
			}
		}
		tr.Root = "/none"
		if _, err := tr.Switch(); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("Switch to /none = %v, want %v", err, fs.ErrNotExist)
		}
		checkUntouched(t, before)
	})
}

// TestAssembleTwoRoots: two overlays must not share one upper layer.
func TestAssembleTwoRoots(t *testing.T) {
	nstest.Run(t, nstest.Mount, func(t *testing.T) {
		l := layoutBelow(t)
		must(t, l.Assemble())
		other := l
		other.Root += "2"
		err := other.Assemble()
		if err == nil || !strings.Contains(err.Error(), "belongs to another root already") {
			t.Errorf("Assemble on a second root = %v, want it refused", err)
		}
		if table := mountsBelow(t, other.Root); len(table) != 0 {
			t.Errorf("mounts below the second root = %q, want none", table)
		}
		must(t, l.Assemble())
	})
}
