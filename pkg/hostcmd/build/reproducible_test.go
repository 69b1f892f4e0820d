package build_test

import (
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
