package boot

import (
	"bytes"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kguest/kguest/pkg/vm"
)

func TestClaimName(t *testing.T) {
	run := t.TempDir()
	t.Setenv("XDG_RUNTIME_DIR", run)
	o := &options{name: "web", target: "oci:x", publish: []vm.Forward{{HostPort: 8080, GuestPort: 80, Protocol: "tcp"}}}
	d, err := o.claimName()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := o.claimName(); err == nil || !strings.Contains(err.Error(), "-name web: a guest of that name runs already; `mkinitramfs stop web` ends it") {
		t.Errorf("second claim = %v, want one that tells of the first", err)
	}
	if socket, err := socketOf("web"); err != nil || socket != filepath.Join(run, "kguest/web", socketFile) {
		t.Errorf("socketOf(web) = %s, %v", socket, err)
	}
	if _, err := socketOf("other"); err == nil || !strings.Contains(err.Error(), "no guest other runs; there are web") {
		t.Errorf("socketOf(other) = %v, want the names that there are", err)
	}
	if all, err := names(filepath.Join(run, "kguest")); err != nil || !cmp.Equal(all, []string{"web"}) {
		t.Errorf("names = %q, %v, want web", all, err)
	}
	checkList(t)
	d.release()
	if left, err := os.ReadDir(filepath.Join(run, "kguest")); err != nil || len(left) > 0 {
		t.Errorf("after release there are %v, %v", left, err)
	}
	if _, err := socketOf("web"); err == nil || !strings.Contains(err.Error(), "no guest web runs; none has a name") {
		t.Errorf("socketOf(web) after release = %v", err)
	}
}

// checkList checks what ps says of the one guest, web.
func checkList(t *testing.T) {
	t.Helper()
	guests, err := runningGuests()
	if err != nil || len(guests) != 1 {
		t.Fatalf("runningGuests = %v, %v, want one", guests, err)
	}
	want := runningGuest{"web", guestInfo{PID: os.Getpid(), Source: "oci:x", Publish: []string{"8080:80"}, Started: guests[0].Started}}
	if diff := cmp.Diff(want, guests[0], cmp.AllowUnexported(runningGuest{})); diff != "" {
		t.Errorf("runningGuests: -want +got\n%s", diff)
	}
	var out bytes.Buffer
	if err := printGuests(&out, guests); err != nil || !strings.Contains(out.String(), "8080:80  oci:x\n") {
		t.Errorf("printGuests = %q, %v, want web's ports and source", out.String(), err)
	}
}

// What a process left that was killed is taken over.
func TestClaimNameOfTheDead(t *testing.T) {
	run := t.TempDir()
	t.Setenv("XDG_RUNTIME_DIR", run)
	dir := filepath.Join(run, "kguest/web")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	dead, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(dir, socketFile), Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	dead.SetUnlinkOnClose(false)
	_ = dead.Close()
	for _, name := range []string{lockFile, guestFile} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := socketOf("web"); err == nil {
		t.Error("the guest of a dead process counts as running")
	}
	d, err := (&options{name: "web"}).claimName()
	if err != nil {
		t.Fatal(err)
	}
	d.release()
}

func TestClaimNameTooLong(t *testing.T) {
	t.Setenv("XDG_RUNTIME_DIR", filepath.Join(t.TempDir(), strings.Repeat("x", 100)))
	_, err := (&options{name: "web"}).claimName()
	if err == nil || !strings.Contains(err.Error(), "a socket's path at most 107; give a shorter name") {
		t.Errorf("claimName = %v, want the bound", err)
	}
}

func TestRunFolder(t *testing.T) {
	tmp := t.TempDir()
	t.Setenv("XDG_RUNTIME_DIR", "")
	t.Setenv("TMPDIR", tmp)
	dir, err := runFolder()
	if err != nil || filepath.Dir(dir) != tmp {
		t.Fatalf("runFolder = %s, %v, want one in %s", dir, err, tmp)
	}
	for _, tt := range []struct {
		make func() error
		ok   bool
	}{
		{func() error { return os.Mkdir(dir, 0o700) }, true},
		{func() error { return os.Chmod(dir, 0o770) }, false},
		{func() error { return os.Remove(dir) }, true},
		{func() error { return os.Symlink(tmp, dir) }, false},
	} {
		if err := tt.make(); err != nil {
			t.Fatal(err)
		}
		if _, err := runFolder(); (err == nil) != tt.ok {
			t.Errorf("runFolder = %v, want good: %t", err, tt.ok)
		}
	}
}
