package block

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// fakeTree makes a sysfs and a devtmpfs of plain files: attributes by their path
// below class/block, and device nodes by name.
func fakeTree(t *testing.T, attributes map[string]string, devices ...string) Tree {
	t.Helper()
	tree := Tree{Sys: t.TempDir(), Dev: t.TempDir()}
	for path, value := range attributes {
		write(t, filepath.Join(tree.Sys, "class/block", path), value+"\n")
	}
	for _, name := range devices {
		write(t, filepath.Join(tree.Dev, name), "")
	}
	return tree
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestNames(t *testing.T) {
	tree := fakeTree(t, map[string]string{
		"vdb/size": "8", "vda/size": "16", "vda1/size": "8", "ram0/size": "8192", "loop0/size": "0", "loop1/size": "8",
		"cciss!c0d0/size": "8", "nosize/ro": "0",
	})
	want := []string{"cciss!c0d0", "loop1", "nosize", "vda", "vda1", "vdb"}
	if diff := cmp.Diff(want, tree.Names()); diff != "" {
		t.Errorf("Names (-want +got):\n%s", diff)
	}
	if got := (Tree{Sys: filepath.Join(t.TempDir(), "none")}).Names(); got != nil {
		t.Errorf("Names without sysfs = %q, want none", got)
	}
}

func TestSerial(t *testing.T) {
	tree := fakeTree(t, map[string]string{
		"vda/serial": "root0", "nvme0n1/device/serial": "  S4EV 1 ", "both/serial": "own", "both/device/serial": "other", "vdb/serial": "",
	})
	for name, want := range map[string]string{"vda": "root0", "nvme0n1": "S4EV 1", "both": "own", "vdb": "", "none": ""} {
		if got := tree.Serial(name); got != want {
			t.Errorf("Serial(%s) = %q, want %q", name, got, want)
		}
	}
}

func TestParseRef(t *testing.T) {
	tests := []struct {
		in   string
		want Ref
	}{
		{"/dev/vda", Ref{Paths: []string{"/dev/vda"}}},
		{"/dev/disk/by-id/x:y", Ref{Paths: []string{"/dev/disk/by-id/x:y"}}},
		{"serial:root0", Ref{Serial: "root0"}},
		{"serial:a:b", Ref{Serial: "a:b"}},
		{"label:guest root", Ref{Label: "guest root"}},
	}
	for _, tt := range tests {
		got, err := ParseRef(tt.in)
		if diff := cmp.Diff(tt.want, got); err != nil || diff != "" {
			t.Errorf("ParseRef(%q) = %v (-want +got):\n%s", tt.in, err, diff)
		}
		if got.String() != tt.in {
			t.Errorf("ParseRef(%q).String() = %q, want the same", tt.in, got)
		}
	}
}

func TestParseRefRefuses(t *testing.T) {
	for _, in := range []string{
		"", "/", "vda", "dev/vda", "/dev/", "/dev//vda", "/dev/../etc/passwd", "/dev/.", "serial:", "label:", "serial", "uuid:1", ":x", " /dev/vda",
	} {
		ref, err := ParseRef(in)
		if want := `: not a device: give /dev/NAME, serial:NUMBER or label:NAME`; err == nil || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("ParseRef(%q) = %+v, %v, want %q", in, ref, err, want)
		}
		if diff := cmp.Diff(Ref{}, ref); diff != "" {
			t.Errorf("ParseRef(%q) gives a Ref beside the error:\n%s", in, diff)
		}
	}
}

func TestRefString(t *testing.T) {
	if got, want := (Ref{Paths: []string{"/dev/xvda", "/dev/vda"}}).String(), "/dev/xvda or /dev/vda"; got != want {
		t.Errorf("String() = %q, want %q", got, want)
	}
}

func TestFind(t *testing.T) {
	tree := fakeTree(t, map[string]string{
		"vda/size": "8", "vda/serial": "root0",
		"vdb/size": "8", "vdb/serial": "root0-config",
		"vdc/size": "0", "vdc/serial": "no-medium",
		"cciss!c0d0/size": "8", "cciss!c0d0/device/serial": "array",
	}, "vda")
	copyImage(t, images[len(images)-1].make, filepath.Join(tree.Dev, "vdb"))
	tests := []struct {
		ref  string
		want string // below Dev
	}{
		{"serial:root0", "vda"},
		{"serial:root0-config", "vdb"},
		{"serial:array", "cciss/c0d0"},
		{"label:sixteen-bytes-ok", "vdb"},
	}
	for _, tt := range tests {
		ref, err := ParseRef(tt.ref)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := tree.Find(ref); err != nil || got != filepath.Join(tree.Dev, tt.want) {
			t.Errorf("Find(%s) = %q, %v, want %s", ref, got, err, tt.want)
		}
	}
	for _, ref := range []Ref{{Serial: "root"}, {Serial: "no-medium"}, {Label: "sixteen-bytes-o"}, {Label: "x"}, {Paths: []string{"/dev/none", "/none"}}, {}} {
		if got, err := tree.Find(ref); got != "" || !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("Find(%s) = %q, %v, want %v", ref, got, err, fs.ErrNotExist)
		}
	}
}

func copyImage(t *testing.T, command []string, to string) {
	t.Helper()
	data, err := os.ReadFile(makeImage(t, command))
	if err != nil {
		t.Fatal(err)
	}
	write(t, to, string(data))
}

func TestFindRefusesWhatIsNoBlockDevice(t *testing.T) {
	dir := t.TempDir()
	write(t, dir+"/file", "")
	if err := syscall.Mkfifo(dir+"/fifo", 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/dev/null", dir, dir + "/file", dir + "/fifo"} {
		got, err := Tree{}.Find(Ref{Paths: []string{path}})
		if want := path + ": not a block device"; got != "" || err == nil || err.Error() != want {
			t.Errorf("Find(%s) = %q, %v, want %q", path, got, err, want)
		}
	}
	if _, err := (Tree{}).Find(Ref{Paths: []string{dir + "/file/below"}}); !errors.Is(err, syscall.ENOTDIR) {
		t.Errorf("Find below a file = %v, want %v", err, syscall.ENOTDIR)
	}
}

func TestWaitSaysWhatThereIs(t *testing.T) {
	empty := fakeTree(t, nil)
	some := fakeTree(t, map[string]string{"vdb/size": "8", "vda/size": "8"})
	tests := []struct {
		tree    Tree
		ref     Ref
		timeout time.Duration
		want    string
	}{
		{some, Ref{Paths: []string{"/none/xvda"}}, 0, "/none/xvda: no such device after 0s (block devices: vda vdb)"},
		{some, Ref{Paths: []string{"/none/xvda", "/none/vda"}}, time.Millisecond, "/none/xvda or /none/vda: no such device after 1ms (block devices: vda vdb)"},
		{empty, Ref{Serial: "root0"}, 0, "serial:root0: no such device after 0s (block devices: none)"},
		{empty, Ref{Label: "x"}, 300 * time.Millisecond, "label:x: no such device after 300ms (block devices: none)"},
		{some, Ref{Paths: []string{"/dev/null"}}, time.Hour, "/dev/null: not a block device"},
	}
	for _, tt := range tests {
		got, err := tt.tree.Wait(tt.ref, tt.timeout)
		if got != "" || err == nil || err.Error() != tt.want {
			t.Errorf("Wait(%s, %v) = %q, %v, want %q", tt.ref, tt.timeout, got, err, tt.want)
		}
	}
}

// TestWaitFindsLateDevice has a device come while Wait waits, without a uevent.
func TestWaitFindsLateDevice(t *testing.T) {
	tree := fakeTree(t, map[string]string{"vda/size": "8"})
	found := make(chan error, 1)
	go func() {
		got, err := tree.Wait(Ref{Serial: "late"}, time.Minute)
		if err == nil && got != filepath.Join(tree.Dev, "vda") {
			err = errors.New("found " + got)
		}
		found <- err
	}()
	write(t, filepath.Join(tree.Sys, "class/block/vda/serial"), "late\n")
	if err := <-found; err != nil {
		t.Errorf("Wait = %v, want the device", err)
	}
}
