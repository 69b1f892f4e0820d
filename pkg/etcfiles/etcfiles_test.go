package etcfiles

import (
	"errors"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A tree maps paths to what is there: "dir", "fifo", "-> TARGET" or "= CONTENT".
type tree map[string]string

// hostile are images that try to lead a write out. OUTSIDE is replaced by the
// directory beside the root.
var hostile = []struct {
	name  string
	image tree
	etc   string // where /etc truly is below the root
}{
	{name: "empty", image: tree{}, etc: "etc"},
	{name: "etc", image: tree{"etc": "dir"}, etc: "etc"},
	{name: "etc is an absolute link out", image: tree{"etc": "-> OUTSIDE"}, etc: "OUTSIDE"},
	{name: "etc is an absolute link to a directory inside", image: tree{"etc": "-> /usr/etc", "usr/etc": "dir"}, etc: "usr/etc"},
	{name: "etc is dangling", image: tree{"etc": "-> /no/such/place"}, etc: "no/such/place"},
	{name: "etc climbs", image: tree{"etc": "-> ../../../../../../outside"}, etc: "outside"},
	{name: "etc climbs beside", image: tree{"etc": "-> ../outside"}, etc: "outside"},
	{name: "etc by links", image: tree{"etc": "-> a/b", "a": "-> /c", "c/b": "-> ../../../d", "d": "dir"}, etc: "d"},
	{name: "etc is the root", image: tree{"etc": "-> /"}, etc: "."},
	{name: "file is a link out", image: tree{"etc/FILE": "-> OUTSIDE/victim"}, etc: "etc"},
	{name: "file climbs", image: tree{"etc/FILE": "-> ../../../../../../outside/victim"}, etc: "etc"},
	{name: "file climbs beside", image: tree{"etc/FILE": "-> ../../outside/victim"}, etc: "etc"},
	{name: "file is dangling", image: tree{"etc/FILE": "-> /run/systemd/resolve/stub-resolv.conf"}, etc: "etc"},
	{name: "file is a loop", image: tree{"etc/FILE": "-> FILE"}, etc: "etc"},
	{name: "file is there", image: tree{"etc/FILE": "= # old\n"}, etc: "etc"},
	{name: "file is a fifo", image: tree{"etc/FILE": "fifo"}, etc: "etc"},
	{name: "temporary is a link out", image: tree{"etc/FILE": "= # old\n", "etc/.FILE.new": "-> OUTSIDE/victim"}, etc: "etc"},
	{name: "temporary is there", image: tree{"etc/FILE": "= # old\n", "etc/.FILE.new": "= of an earlier run"}, etc: "etc"},
}

// writers write one file each, and say what must be in it.
var writers = []struct {
	file  string
	write func(root string) error
	want  string // its beginning
}{
	{
		file:  "hostname",
		write: func(root string) error { return Hostname(root, "guest") },
		want:  "guest\n",
	},
	{
		file:  "hosts",
		write: func(root string) error { return Hosts(root, "guest", netip.Addr{}) },
		want:  "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n127.0.1.1\tguest\n",
	},
	{
		file: "resolv.conf",
		write: func(root string) error {
			return ResolvConf(root, Resolver{Nameservers: []netip.Addr{netip.MustParseAddr("10.0.0.1")}})
		},
		want: "nameserver 10.0.0.1\n",
	},
}

func TestHostileRoots(t *testing.T) {
	for _, w := range writers {
		for _, tt := range hostile {
			t.Run(w.file+"/"+tt.name, func(t *testing.T) {
				base := t.TempDir()
				root, outside := filepath.Join(base, "root"), filepath.Join(base, "outside")
				replace := strings.NewReplacer("FILE", w.file, "OUTSIDE", outside).Replace
				plant(t, outside, tree{"victim": "= untouched"}, replace)
				plant(t, root, tt.image, replace)
				for range 2 {
					if err := w.write(root); err != nil {
						t.Fatalf("write %s: %v", w.file, err)
					}
				}
				checkOutside(t, outside)
				checkFile(t, filepath.Join(root, replace(tt.etc)), w.file, w.want)
			})
		}
	}
}

func TestNotWritable(t *testing.T) {
	for _, w := range writers {
		for _, tt := range []struct {
			name  string
			image tree
			want  string
		}{
			{name: "a directory in its place", image: tree{"etc/FILE": "dir"}, want: "is a directory"},
			{name: "a full directory in its place", image: tree{"etc/FILE/sub": "dir"}, want: "is a directory"},
			{name: "etc is a file", image: tree{"etc": "= file"}, want: "not a directory"},
			{name: "etc is a loop", image: tree{"etc": "-> etc"}, want: "too many levels of symbolic links"},
			{name: "a full directory beside", image: tree{"etc/FILE": "= # old\n", "etc/.FILE.new/sub": "dir"}, want: "directory not empty"},
		} {
			t.Run(w.file+"/"+tt.name, func(t *testing.T) {
				root := filepath.Join(t.TempDir(), "root")
				replace := strings.NewReplacer("FILE", w.file).Replace
				plant(t, root, tt.image, replace)
				err := w.write(root)
				if err == nil {
					t.Fatalf("write %s = nil, want %q", w.file, tt.want)
				}
				got, prefix := err.Error(), "write /etc/"+w.file+" below "+root+": "
				if !strings.HasPrefix(got, prefix) || !strings.HasSuffix(got, tt.want) || strings.Contains(got, "\n") {
					t.Errorf("write %s = %q, want one line, %q ... %q", w.file, got, prefix, tt.want)
				}
				if tt.image["etc/.FILE.new/sub"] == "" {
					checkNoTemporary(t, filepath.Join(root, "etc"))
				}
			})
		}
	}
}

func TestMissingRoot(t *testing.T) {
	for _, w := range writers {
		if err := w.write(filepath.Join(t.TempDir(), "none")); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("write %s below a missing root = %v, want %v", w.file, err, fs.ErrNotExist)
		}
	}
}

// TestUmask wants the modes that the workload, often not root, needs.
func TestUmask(t *testing.T) {
	old := syscall.Umask(0o077)
	t.Cleanup(func() { syscall.Umask(old) })
	for _, w := range writers {
		root := t.TempDir()
		if err := w.write(root); err != nil {
			t.Fatal(err)
		}
		for path, want := range map[string]fs.FileMode{"etc": 0o755, "etc/" + w.file: 0o644} {
			info, err := os.Stat(filepath.Join(root, path))
			if err != nil {
				t.Fatal(err)
			}
			if got := info.Mode().Perm(); got != want {
				t.Errorf("mode of %s = %o, want %o", path, got, want)
			}
		}
	}
}

func plant(t *testing.T, root string, image tree, replace func(string) string) {
	t.Helper()
	mkdir(t, root)
	for name, what := range image {
		path := filepath.Join(root, replace(name))
		mkdir(t, filepath.Dir(path))
		kind, rest, _ := strings.Cut(replace(what), " ")
		var err error
		switch kind {
		case "dir":
			mkdir(t, path)
		case "fifo":
			err = syscall.Mkfifo(path, 0o644)
		case "->":
			err = os.Symlink(rest, path)
		case "=":
			err = os.WriteFile(path, []byte(rest), 0o644)
		default:
			t.Fatalf("%s: unknown kind %q", name, what)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func mkdir(t *testing.T, path string) {
	t.Helper()
	if err := os.MkdirAll(path, 0o755); err != nil {
		t.Fatal(err)
	}
}

func checkOutside(t *testing.T, outside string) {
	t.Helper()
	entries, err := os.ReadDir(outside)
	if err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(filepath.Join(outside, "victim"))
	if len(entries) != 1 || err != nil || string(content) != "untouched" {
		t.Errorf("outside = %v, victim %q, %v, want one file, %q", entries, content, err, "untouched")
	}
}

func checkFile(t *testing.T, etc, name, want string) {
	t.Helper()
	path := filepath.Join(etc, name)
	info, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode() != 0o644 {
		t.Errorf("mode of %s = %v, want a regular file of 0644", name, info.Mode())
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	got, old := strings.CutSuffix(string(content), "# old\n")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
	if old && name != "hosts" {
		t.Errorf("%s = %q, want no line of the image", name, content)
	}
	checkNoTemporary(t, etc)
}

func checkNoTemporary(t *testing.T, etc string) {
	t.Helper()
	left, err := filepath.Glob(filepath.Join(etc, ".*.new"))
	if err != nil || len(left) > 0 {
		t.Errorf("Glob(.*.new) = %q, %v, want nothing", left, err)
	}
}
