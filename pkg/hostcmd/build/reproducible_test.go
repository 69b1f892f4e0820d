package build_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/kguest/kguest/pkg/hostcmd/verbtest"
)

// surroundings are what an image must not depend on.
type surroundings struct {
	name  string
	umask string
	uid   int // as the builder sees itself
	env   []string
	flags []string
	files []string // in the order of their making
	time  time.Time
}

// digest builds an image with program in a folder of its own.
func (s surroundings) digest(t *testing.T, program string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), s.name)
	for _, name := range s.files {
		file := verbtest.Write(t, filepath.Join(dir, name), "of "+filepath.Base(name))
		for _, path := range []string{file, filepath.Dir(file)} {
			if err := os.Chmod(path, 0o755); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Chtimes(file, s.time, s.time); err != nil {
			t.Fatal(err)
		}
	}
	verbtest.Write(t, filepath.Join(dir, "kguest.yaml"), "cmd: [ls]\nmodules: none\nfile: ['files:/srv', 'files/a:/a']\ncompress: zstd:3\n")
	args := append([]string{"-c", "umask " + s.umask + `; exec "$0" "$@"`, program, "build", "-o", "x.cpio", "-config", "kguest.yaml"}, s.flags...)
	cmd := exec.Command("sh", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), s.env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: s.uid, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: s.uid, HostID: os.Getgid(), Size: 1}},
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v: %s", s.name, err, out)
	}
	data, err := os.ReadFile(filepath.Join(dir, "x.cpio"))
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// The manifest has no path of the builder's: the same files give the same
// image however they are named, relative, absolute, or in a configuration file
// of another folder.
func TestReproducibleNames(t *testing.T) {
	modules := modulesDir(t)
	var images [][]byte
	for _, name := range []string{"a", "b/c"} {
		dir := filepath.Join(t.TempDir(), name)
		verbtest.Write(t, filepath.Join(dir, "site/deep/x"), "x")
		verbtest.Write(t, filepath.Join(dir, "motd"), "hello")
		verbtest.Write(t, filepath.Join(dir, "set.sh"), "#!/bin/gosh\n")
		verbtest.Write(t, filepath.Join(dir, "fw/a"), "")
		verbtest.Write(t, filepath.Join(dir, "modprobe.d/a.conf"), "softdep dm_verity pre: overlay\n")
		verbtest.Write(t, filepath.Join(dir, "k.yaml"), "cmd: [gosh]\nmodules: dm-verity\nfile: [site:/srv]\nmodprobe-d: modprobe.d\nprogram: [/bin/true]\n")
		verbtest.Write(t, filepath.Join(dir, "k.d/a.yaml"), "hook: before-root=../set.sh\n")
		copied := filepath.Join(dir, "lib/modules/6.1.0-test")
		if err := os.CopyFS(copied, os.DirFS(modules)); err != nil {
			t.Fatal(err)
		}
		args := [][]string{
			{"-config", "k.yaml", "-file", "motd:/etc/motd", "-modules-dir", "lib/modules/6.1.0-test", "-firmware-dir", "fw", "-stage", "hostname=set.sh"},
			{
				"-config", dir + "/k.yaml", "-file", dir + "/motd:/etc/motd", "-modules-dir", copied, "-firmware-dir", dir + "/../" + filepath.Base(dir) + "/fw",
				"-stage", "hostname=" + dir + "/set.sh",
			},
		}
		for _, wd := range []string{dir, "/"} {
			t.Chdir(wd)
			out := filepath.Join(dir, "x.cpio")
			if got := verbtest.Run(t, append([]string{"build", "-o", out}, args[len(images)%2]...)...); got.Status != 0 {
				t.Fatalf("%+v", got)
			}
			data, err := os.ReadFile(out)
			if err != nil {
				t.Fatal(err)
			}
			images = append(images, data)
		}
	}
	for i, data := range images[1:] {
		if !bytes.Equal(data, images[0]) {
			a, b := filepath.Join(t.TempDir(), "a"), filepath.Join(t.TempDir(), "b")
			verbtest.Write(t, a, string(images[0]))
			verbtest.Write(t, b, string(data))
			t.Errorf("image %d differs from the first: %s\n%s", i+1, verbtest.Run(t, "diff", a, b).Stdout, verbtest.Run(t, "cat", b, "/etc/kguest/manifest.json").Stdout)
		}
	}
}

// The same input gives the same bytes, wherever, whenever and by whomever it
// is built.
func TestReproducible(t *testing.T) {
	program := compiled(t)
	files := []string{"files/a", "files/b", "files/sub/c", "files/sub/d"}
	turned := slices.Clone(files)
	slices.Reverse(turned)
	all := []surroundings{
		{name: "one", umask: "022", files: files, time: time.Unix(1e9, 0), env: []string{"GOMAXPROCS=2"}, flags: []string{"-no-cache"}},
		{
			name: "another/folder", umask: "077", uid: 1000, files: turned, time: time.Unix(1.5e9, 5), flags: []string{"-no-cache"},
			env: []string{"GOMAXPROCS=1", "TMPDIR=" + t.TempDir(), "LC_ALL=tr_TR.UTF-8", "TZ=Asia/Kathmandu", "USER=other"},
		},
		{name: "kept", umask: "000", uid: 65534, files: files, time: time.Now(), flags: []string{"-verify", "-cache", t.TempDir()}},
	}
	var digests []string
	for _, s := range all {
		digests = append(digests, s.digest(t, program))
	}
	if different := slices.Compact(slices.Clone(digests)); len(different) != 1 {
		t.Errorf("digests of the same image: %s", strings.Join(digests, " "))
	}
}
