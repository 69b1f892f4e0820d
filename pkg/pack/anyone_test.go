package pack

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const anyoneEnv = "KGUEST_PACK_TEST_SOURCE"

// TestSameBytesOfAnyone packs as root and, in another process, as a user.
func TestSameBytesOfAnyone(t *testing.T) {
	if src := os.Getenv(anyoneEnv); src != "" {
		packed(t, Request{Source: src, Dir: "."})
		return
	}
	if os.Getuid() != 0 {
		t.Skip("needs root, to become someone else")
	}
	src, _ := small(t, "one")
	out := t.TempDir()
	program := filepath.Join(out, "program")
	copyTo(t, os.Args[0], program)
	for _, dir := range []string{filepath.Dir(out), filepath.Dir(src[len("oci:"):]), out, src[len("oci:"):]} {
		if err := os.Chmod(dir, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), program, "-test.run=^TestSameBytesOfAnyone$")
	cmd.Dir = out
	cmd.Env = append(os.Environ(), anyoneEnv+"="+src)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65533}}
	if words, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("pack as a user: %v\n%s", err, words)
	}
	r := packed(t, Request{Source: src})
	for _, disk := range []string{r.Image, r.Config} {
		want, err := os.ReadFile(disk)
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(filepath.Join(out, filepath.Base(disk)))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-root +user):\n%s", filepath.Base(disk), diff)
		}
	}
}

func copyTo(t *testing.T, from, to string) {
	t.Helper()
	in, err := os.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(out, in); err != nil {
		t.Fatal(err)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
}
