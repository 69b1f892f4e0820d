package boot

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kguest/kguest/pkg/hostcmd/launchflag"
	"github.com/kguest/kguest/pkg/hostcmd/verb"
	"github.com/kguest/kguest/pkg/pack"
	"github.com/kguest/kguest/pkg/vm"
)

// making returns a maker in folders of the test, with the flags given.
func making(t *testing.T, words *bytes.Buffer, flags ...string) *maker {
	t.Helper()
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	f := verb.NewFlags()
	o := newOptions()
	o.define(f)
	args, err := f.Parse(flags)
	if err != nil {
		t.Fatal(err)
	}
	m := &maker{options: o, Streams: verb.Streams{Stderr: words}, progress: func(string) {}, command: args.Command}
	if err := m.findFolders(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.work.Remove() })
	return m
}

// disksIn packs an image of one file into dir.
func disksIn(t *testing.T, dir, format string) {
	t.Helper()
	root := t.TempDir()
	if err := os.WriteFile(filepath.Join(root, "hello"), []byte("hi"), 0o755); err != nil {
		t.Fatal(err)
	}
	flags := new(launchflag.Flags)
	c, _, err := flags.Config([]string{"/hello"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := pack.Pack(t.Context(), pack.Request{Source: "dir:" + root, Dir: dir, Format: format, Launch: c}); err != nil {
		t.Fatal(err)
	}
}

// Where mksquashfs is not, an image is booted from an erofs.
func TestSourceWithoutTools(t *testing.T) {
	if _, err := os.Stat("/usr/sbin/mksquashfs"); err == nil {
		t.Skip("needs mksquashfs elsewhere than in /usr/sbin, where it is looked for without PATH")
	}
	var words bytes.Buffer
	m := making(t, &words)
	m.target = "dir:" + t.TempDir()
	t.Setenv("PATH", t.TempDir())
	image, conf, err := m.disks(t.Context())
	if err != nil || filepath.Base(image) != "image.erofs" || filepath.Base(conf) != "config.erofs" || words.Len() > 0 {
		t.Errorf("disks = %s, %s, %v, %s, want an erofs", image, conf, err, words.Bytes())
	}
}

// TestFolder has launch flags change a copy of the configuration, in the format
// of the folder's disks, and not those.
func TestFolder(t *testing.T) {
	for _, format := range []string{pack.Squashfs, pack.Erofs} {
		dir := t.TempDir()
		disksIn(t, dir, format)
		old, err := os.ReadFile(filepath.Join(dir, "config."+format))
		if err != nil {
			t.Fatal(err)
		}
		var words bytes.Buffer
		m := making(t, &words, "-net", "none", "-hostname", "one", "-env", "A=B", "--", "ls", "/")
		m.target = dir
		image, conf, err := m.disks(t.Context())
		if err != nil || image != filepath.Join(dir, "image."+format) || filepath.Dir(conf) != m.work.Path || words.Len() > 0 {
			t.Errorf("%s: disks = %s, %s, %v, %s", format, image, conf, err, words.Bytes())
			continue
		}
		disk, err := pack.ReadConfig(t.Context(), conf, format)
		if err != nil {
			t.Fatal(err)
		}
		var launched struct {
			Hostname string
			Env      map[string]string
			Run      []string
		}
		if err := json.Unmarshal(disk.Launch, &launched); err != nil {
			t.Fatal(err)
		}
		if launched.Hostname != "one" || launched.Env["A"] != "B" || strings.Join(launched.Run, " ") != "ls /" {
			t.Errorf("%s: launch.json = %s", format, disk.Launch)
		}
		if now, err := os.ReadFile(filepath.Join(dir, "config."+format)); !bytes.Equal(now, old) || err != nil {
			t.Errorf("%s: the folder's own disk has changed (%v)", format, err)
		}
	}
}

// A configuration that cannot be read is an error where it is to be changed, and
// else the guest's to judge.
func TestFolderDamaged(t *testing.T) {
	for _, format := range []string{pack.Squashfs, pack.Erofs} {
		dir := t.TempDir()
		for _, name := range []string{"image.", "config."} {
			if err := os.WriteFile(filepath.Join(dir, name+format), make([]byte, 4096), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		m := making(t, new(bytes.Buffer))
		m.target = dir
		if _, conf, err := m.disks(t.Context()); err != nil || filepath.Dir(conf) != dir {
			t.Errorf("%s: taken as it is: %s, %v", format, conf, err)
		}
		m = making(t, new(bytes.Buffer), "-hostname", "one")
		m.target = dir
		if _, _, err := m.disks(t.Context()); err == nil || !strings.Contains(err.Error(), "; or give the flags and the command to pack") {
			t.Errorf("%s: changed: %v, want an error", format, err)
		}
	}
}

// Of two formats in a folder, boot takes the one packed last.
func TestFolderOfTwo(t *testing.T) {
	dir := t.TempDir()
	touch := func(name string, when time.Time) {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.WriteFile(path, nil, 0o644), os.Chtimes(path, when, when)); err != nil {
			t.Fatal(err)
		}
	}
	now := time.Now()
	steps := []struct {
		file string
		when time.Time
		want string
	}{
		{"config.erofs", now, ""},
		{"image.erofs", now, pack.Erofs},
		{"image.squashfs", now.Add(time.Hour), pack.Erofs}, // one without its configuration
		{"config.squashfs", now.Add(time.Second), pack.Squashfs},
		{"config.erofs", now.Add(time.Minute), pack.Erofs},
		{"config.squashfs", now.Add(time.Minute), pack.Squashfs},
	}
	for _, s := range steps {
		touch(s.file, s.when)
		if got, ok := formatOf(dir); got != s.want || ok != (s.want != "") {
			t.Errorf("after %s: %q, %t, want %q", s.file, got, ok, s.want)
		}
	}
}

// TestKeep has each content stay in a folder of its own, which nothing changes,
// and all paths absolute.
func TestKeep(t *testing.T) {
	var words bytes.Buffer
	m := making(t, &words)
	t.Chdir(t.TempDir())
	cache := m.cache
	kept := func(target, content string) vm.Config {
		m := &maker{options: newOptions(), Streams: verb.Streams{Stderr: &words}, progress: func(string) {}}
		m.target = target
		if err := m.findFolders(); err != nil {
			t.Fatal(err)
		}
		made := filepath.Join(m.work.Path, "initramfs.cpio")
		if err := os.WriteFile(made, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		c, err := m.keep(vm.Config{Kernel: "vmlinuz", Initramfs: made, Disks: []vm.Disk{{Path: "disks/image.erofs"}, {Path: made}}})
		if err != nil {
			t.Fatal(err)
		}
		if !filepath.IsAbs(m.socket) || filepath.Dir(m.socket) != filepath.Dir(c.Initramfs) {
			t.Errorf("socket = %s, want it beside %s", m.socket, c.Initramfs)
		}
		return c
	}
	first := kept("oci:x:y", "one")
	before, err := os.Stat(first.Initramfs)
	if err != nil {
		t.Fatal(err)
	}
	wd, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	want := vm.Config{
		Kernel: filepath.Join(wd, "vmlinuz"), Initramfs: first.Initramfs,
		Disks: []vm.Disk{{Path: filepath.Join(wd, "disks/image.erofs")}, {Path: first.Initramfs}},
	}
	if diff := cmp.Diff(want, first); diff != "" {
		t.Errorf("keep (-want +got):\n%s", diff)
	}
	if !strings.HasPrefix(first.Initramfs, filepath.Join(cache, "boot/oci-x-y-")) {
		t.Errorf("kept as %s", first.Initramfs)
	}
	if again := kept("oci:x:y", "one"); again.Initramfs != first.Initramfs {
		t.Errorf("the same content is in %s and in %s", again.Initramfs, first.Initramfs)
	}
	if other := kept("oci:x:y", "two"); other.Initramfs == first.Initramfs {
		t.Errorf("another content is in %s too", other.Initramfs)
	}
	if after, err := os.Stat(first.Initramfs); err != nil || !os.SameFile(before, after) || !after.ModTime().Equal(before.ModTime()) {
		t.Errorf("what was kept has changed: %v", err)
	}
	_ = m.work.Remove()
	if left, err := filepath.Glob(filepath.Join(cache, "work-*")); err != nil || len(left) > 0 {
		t.Errorf("left %q, %v", left, err)
	}
}

// A socket's path has a bound, which a cache far down goes beyond.
func TestKeepFarDown(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", filepath.Join(t.TempDir(), strings.Repeat("x", 100)))
	m := &maker{options: newOptions(), Streams: verb.Streams{Stderr: new(bytes.Buffer)}, progress: func(string) {}}
	if err := m.findFolders(); err != nil {
		t.Fatal(err)
	}
	if _, err := m.keep(vm.Config{}); err != nil || len(m.socket) > maxSocket {
		t.Errorf("keep: socket %s has %d bytes, %v", m.socket, len(m.socket), err)
	}
}

// TestLost has a write error beside each end that a machine can have.
func TestLost(t *testing.T) {
	full := &os.PathError{Op: "write", Path: "/dev/stdout", Err: errors.New("no space")}
	const says = "write the command's output: no space; what came after is lost"
	tests := []struct {
		end    error
		status int
		says   string
	}{
		{nil, 1, says},
		{&verb.ExitError{Status: 7}, 7, says},
		{&verb.ExitError{Status: 125, Err: errors.New("did not boot")}, 125, "did not boot (and: " + says + ")"},
	}
	for _, tt := range tests {
		err := withLost(tt.end, lost(full, nil))
		got := 1
		if exit, ok := errors.AsType[*verb.ExitError](err); ok {
			got = exit.Status
		}
		if got != tt.status || said(err) != tt.says {
			t.Errorf("withLost(%v) = %d, %v, want %d, %s", tt.end, got, err, tt.status, tt.says)
		}
		if err := withLost(tt.end, nil); !errors.Is(err, tt.end) {
			t.Errorf("withLost(%v, nil) = %v", tt.end, err)
		}
	}
	if err := lost(nil, full); said(err) != "write the command's errors: no space; what came after is lost" {
		t.Errorf("lost = %v", err)
	}
}
