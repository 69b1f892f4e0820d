package rootfs

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCheckSize(t *testing.T) {
	for _, size := range []string{"50%", "100%", "1", "4096", "64k", "64K", "256m", "256M", "2g", "2G", "010m"} {
		if err := CheckSize(size); err != nil {
			t.Errorf("CheckSize(%q) = %v, want nil", size, err)
		}
	}
	for _, size := range []string{
		"", "%", "m", "0", "0%", "000k", "50 %", " 50%", "50%%", "50%k", "5km", "-1", "+1", "1.5g", "1e9", "0x10", "1t", "half", "50%,mode=0", "٣",
		"101%", "1048577g", "99999999999999999999g",
	} {
		want := `: give a number of bytes with k, m or g, or a percentage of memory, such as 50%`
		if err := CheckSize(size); err == nil || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("CheckSize(%q) = %v, want %q", size, err, want)
		}
	}
}

func FuzzCheckSize(f *testing.F) {
	f.Add("50%")
	f.Add("1,mode=0")
	f.Fuzz(func(t *testing.T, size string) {
		if CheckSize(size) == nil && strings.Trim(size, "0123456789kKmMgG%") != "" {
			t.Errorf("CheckSize(%q) = nil: an option could follow", size)
		}
	})
}

func layout() Layout {
	return Layout{Image: "/image", Overlay: "/overlay", Root: "/newroot", Size: "50%"}
}

func TestLayoutCheck(t *testing.T) {
	if err := layout().Check(); err != nil {
		t.Errorf("Check = %v, want nil", err)
	}
	tests := []struct {
		change func(l *Layout)
		want   string
	}{
		{func(l *Layout) { l.Image = "/a:b" }, `overlay path "/a:b": the kernel takes no colon, comma or backslash in it`},
		{func(l *Layout) { l.Overlay = "/a,upperdir=/" }, `overlay path "/a,upperdir=/": the kernel takes no colon, comma or backslash in it`},
		{func(l *Layout) { l.Root = `/a\b` }, `overlay path "/a\\b": the kernel takes no colon, comma or backslash in it`},
		{func(l *Layout) { l.Size = "" }, `size "": give a number of bytes with k, m or g, or a percentage of memory, such as 50%`},
	}
	for _, tt := range tests {
		l := layout()
		tt.change(&l)
		if err := l.Check(); err == nil || err.Error() != tt.want {
			t.Errorf("%+v.Check() = %v, want %s", l, err, tt.want)
		}
		if err := l.Assemble(); err == nil || err.Error() != tt.want {
			t.Errorf("%+v.Assemble() = %v, want %s", l, err, tt.want)
		}
	}
}

func TestLayoutSteps(t *testing.T) {
	want := []string{
		"mkdir -p /overlay",
		"mount -t tmpfs -o mode=0755,size=50% tmpfs /overlay",
		"mkdir -p /overlay/upper",
		"mkdir -p /overlay/work",
		"chown --reference /image /overlay/upper; chmod --reference /image /overlay/upper",
		"mkdir -p /overlay/image",
		"mount --bind -o ro /image /overlay/image",
		"mkdir -p /newroot",
		"mount -t overlay -o noatime,lowerdir=/overlay/image,upperdir=/overlay/upper,workdir=/overlay/work overlayfs:/overlay /newroot",
	}
	if diff := cmp.Diff(want, printed(layout().Steps())); diff != "" {
		t.Errorf("Steps (-want +got):\n%s", diff)
	}
}

func TestTransferSteps(t *testing.T) {
	tr := Transfer{Root: "/new root", Move: []string{"/sys", "/run"}, Drop: []string{"/config"}, Keep: "/run"}
	want := []string{
		"(cd '/new root/run'; find . -type d | cpio -pdm /run)",
		"mount --move /sys '/new root/sys'",
		"mount --move /run '/new root/run'",
		"umount -l /config",
		"find / -xdev -delete",
		"cd '/new root'; mount --move . /; exec chroot .",
	}
	if diff := cmp.Diff(want, printed(tr.Steps())); diff != "" {
		t.Errorf("Steps (-want +got):\n%s", diff)
	}
}

func printed[S fmt.Stringer](steps []S) []string {
	var lines []string
	for _, s := range steps {
		lines = append(lines, s.String())
	}
	return lines
}

func TestAssembleErrors(t *testing.T) {
	l := layout()
	l.Image = filepath.Join(t.TempDir(), "none")
	if err := l.Assemble(); !errors.Is(err, fs.ErrNotExist) || !strings.HasPrefix(err.Error(), "assemble root: image: stat "+l.Image) {
		t.Errorf("Assemble without an image = %v, want %v", err, fs.ErrNotExist)
	}
	must(t, os.WriteFile(l.Image, nil, 0o600))
	if err := l.Assemble(); err == nil || err.Error() != "assemble root: image "+l.Image+": not a directory" {
		t.Errorf("Assemble of a file = %v", err)
	}
}

// TestInside has links that try to lead out of the root.
func TestInside(t *testing.T) {
	root := t.TempDir()
	for link, target := range map[string]string{
		"absolute": "/etc", "up": "../../../../etc", "up-in": "deep/../../../etc", "chain": "absolute/..", "self-up": "..", "root": "/",
	} {
		must(t, os.Symlink(target, filepath.Join(root, link)))
	}
	must(t, os.MkdirAll(filepath.Join(root, "deep/er"), 0o755))
	must(t, os.Symlink("../../../../../tmp", filepath.Join(root, "deep/er/out")))
	tests := []struct{ dir, want string }{
		{"/proc", "/proc"},
		{"/absolute", "/etc"},
		{"/up", "/etc"},
		{"/up-in", "/etc"},
		{"/chain", "/"},
		{"/self-up", "/"},
		{"/root", "/"},
		{"/deep/er/out", "/tmp"},
		{"/absolute/below", "/etc/below"},
		{"/../../x", "/x"},
	}
	for _, tt := range tests {
		got, err := inside(root, tt.dir)
		if want := filepath.Join(root, tt.want); err != nil || got != want {
			t.Errorf("inside(%s) = %q, %v, want %q", tt.dir, got, err, want)
		}
	}
	must(t, os.Symlink("loop", filepath.Join(root, "loop")))
	if got, err := inside(root, "/loop"); got != "" || !errors.Is(err, syscall.ELOOP) {
		t.Errorf("inside(loop) = %q, %v, want %v", got, err, syscall.ELOOP)
	}
}

func TestSameOwner(t *testing.T) {
	dir := t.TempDir()
	from, to := filepath.Join(dir, "from"), filepath.Join(dir, "to")
	must(t, os.Mkdir(from, 0o700))
	must(t, os.Mkdir(to, 0o700))
	must(t, os.Chmod(from, 0o751|fs.ModeSetgid|fs.ModeSticky))
	if (sameOwner{from: from, to: to}).Done() {
		t.Error("Done before, want not")
	}
	for range 2 {
		must(t, sameOwner{from: from, to: to}.Apply())
		if !(sameOwner{from: from, to: to}).Done() {
			t.Error("not Done after")
		}
	}
	fi, err := os.Stat(to)
	must(t, err)
	if want := fs.ModeDir | fs.ModeSetgid | fs.ModeSticky | 0o751; fi.Mode() != want {
		t.Errorf("mode = %v, want %v", fi.Mode(), want)
	}
	for _, s := range []sameOwner{{from: dir + "/none", to: to}, {from: from, to: dir + "/none"}} {
		if err := s.Apply(); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%v = %v, want %v", s, err, fs.ErrNotExist)
		}
	}
}

// TestSwitchRefused: a machine that was not started from an initramfs keeps its
// root.
func TestSwitchRefused(t *testing.T) {
	var st syscall.Statfs_t
	must(t, syscall.Statfs("/", &st))
	if st.Type == 0x01021994 || st.Type == 0x858458f6 {
		t.Fatal("the root of this machine is a tmpfs: here the switch would not be refused")
	}
	_, err := Transfer{Root: t.TempDir(), Move: []string{"/proc"}}.Switch()
	if err == nil || !strings.HasPrefix(err.Error(), "switch root: / is not an initramfs (file system type 0x") || !strings.HasSuffix(err.Error(), "): nothing was changed") {
		t.Errorf("Switch = %v, want it refused", err)
	}
}

// TestDeleteGoesOn: files that cannot be deleted, as none of procfs can, are told
// of once.
func TestDeleteGoesOn(t *testing.T) {
	dir, err := os.Open("/proc/self/ns")
	must(t, err)
	names, err := dir.Readdirnames(-1)
	must(t, err)
	_, err = dir.Seek(0, io.SeekStart)
	must(t, err)
	want := fmt.Sprintf("free initramfs: unlink /proc/self/ns/%s: operation not permitted, and %d more", names[0], len(names)-1)
	if err := (&Initramfs{dir: dir}).Delete(); err == nil || err.Error() != want {
		t.Errorf("Delete = %v, want %s", err, want)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestDirectory does not ask for bare to be true: not every file system counts links.
func TestDirectory(t *testing.T) {
	dir := t.TempDir()
	must(t, os.MkdirAll(dir+"/full/below", 0o755))
	must(t, os.WriteFile(dir+"/file", nil, 0o600))
	must(t, os.Symlink("full", dir+"/link"))
	if plain, bare := directory(dir + "/full"); !plain || bare {
		t.Errorf("directory of one with a directory in it: plain %v, bare %v", plain, bare)
	}
	for _, name := range []string{"file", "link", "none", "file/below"} {
		if plain, _ := directory(dir + "/" + name); plain {
			t.Errorf("directory(%s) is plain", name)
		}
	}
}
