package supervise

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/kguest/kguest/pkg/nstest"
)

func TestCredentials(t *testing.T) {
	nstest.Run(t, nstest.Mount, func(t *testing.T) {
		s := supervisor(t)
		c := shell("")
		c.Path, c.Args = "/bin/cat", []string{"cat", "/proc/self/status"}
		want := map[string]string{"Uid": "0\t0\t0\t0", "Gid": "0\t0\t0\t0"}
		if manyIDs(t) {
			c.UID, c.GID, c.Groups = 1000, 1001, []uint32{1001, 27, 65534}
			want = map[string]string{
				"Uid": "1000\t1000\t1000\t1000", "Gid": "1001\t1001\t1001\t1001", "Groups": "27 1001 65534 ",
				"CapEff": "0000000000000000", "CapPrm": "0000000000000000",
			}
		} else {
			c.Groups = nil
		}
		read := output(t, c)
		if status := run(t, s, c); status.Code != 0 {
			t.Fatalf("cat: %+v", status)
		}
		got := read()
		for name, value := range want {
			if !strings.Contains(got, "\n"+name+":\t"+value+"\n") {
				t.Errorf("status of the child = %s\nwant %s %q in it", got, name, value)
			}
		}
	})
}

// manyIDs reports whether there is more than the id 0 in this user namespace.
func manyIDs(t *testing.T) bool {
	t.Helper()
	m, err := os.ReadFile("/proc/self/uid_map")
	must(t, err)
	return strings.Fields(string(m))[2] != "1"
}

func TestRoot(t *testing.T) {
	nstest.Run(t, nstest.Mount|nstest.PID, func(t *testing.T) {
		root := rootWithShell(t)
		must(t, os.Mkdir(filepath.Join(root, "work"), 0o755))
		s := supervisor(t)
		c := shell("pwd; ls -d /inside; exit 5")
		c.Root, c.Dir = root, "/work"
		read := output(t, c)
		status := run(t, s, c)
		if got, want := read(), "/work\n/inside\n"; got != want || status.Code != 5 {
			t.Errorf("output = %q, %+v, want %q", got, status, want)
		}
		c = shell("exit 0")
		c.Root, c.Dir = root, "/etc" // there outside only
		if _, err := s.Start(c); err == nil {
			t.Error("Start in a directory that the root has not = nil, want an error")
		}
	})
}

// rootWithShell makes a root with this machine's programs and the file inside.
func rootWithShell(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	must(t, unix.Mount("tmpfs", root, "tmpfs", 0, ""))
	t.Cleanup(func() { must(t, unix.Unmount(root, unix.MNT_DETACH)) })
	must(t, os.WriteFile(filepath.Join(root, "inside"), nil, 0o600))
	for _, dir := range []string{"bin", "lib", "lib64", "usr"} {
		if link, err := os.Readlink("/" + dir); err == nil {
			must(t, os.Symlink(link, filepath.Join(root, dir)))
			continue
		}
		if _, err := os.Stat("/" + dir); err != nil {
			continue
		}
		must(t, os.Mkdir(filepath.Join(root, dir), 0o755))
		must(t, unix.Mount("/"+dir, filepath.Join(root, dir), "", unix.MS_BIND|unix.MS_REC, ""))
	}
	return root
}

// TestCgroup: the first instruction of the child is in the cgroup already.
func TestCgroup(t *testing.T) {
	nstest.Run(t, nstest.Mount|nstest.Cgroup, func(t *testing.T) {
		top := t.TempDir()
		must(t, unix.Mount("cgroup2", top, "cgroup2", 0, ""))
		t.Cleanup(func() { must(t, unix.Unmount(top, unix.MNT_DETACH)) })
		group := filepath.Join(top, "supervise-test")
		if err := os.Mkdir(group, 0o755); err != nil {
			t.Skipf("cgroup2 is not delegated to this user: %v", err)
		}
		defer syscall.Rmdir(group) //nolint:errcheck // the last child has ended
		dir, err := os.Open(group)
		must(t, err)
		defer dir.Close()
		s := supervisor(t)
		c := shell("")
		c.Path, c.Args, c.Cgroup = "/bin/cat", []string{"cat", "/proc/self/cgroup"}, dir
		read := output(t, c)
		status := run(t, s, c)
		if got := read(); !strings.Contains("\n"+got, "\n0::/supervise-test\n") || status.Code != 0 {
			t.Errorf("cgroups of the child = %q, %+v, want 0::/supervise-test", got, status)
		}
		c.Cgroup = open(t, "/dev/null")
		if p, err := s.Start(c); err == nil {
			t.Errorf("Start in a cgroup that is none = %+v, want an error", p)
		}
	})
}

// TestSurvive sends process 1 every signal there is.
func TestSurvive(t *testing.T) {
	nstest.Run(t, nstest.Mount|nstest.PID, func(t *testing.T) {
		if pid := os.Getpid(); pid != 1 {
			t.Fatalf("pid = %d, want 1", pid)
		}
		stops := Survive()
		must(t, syscall.Kill(1, unix.SIGTERM)) // before anybody listens
		stop := stops.C()
		if got := <-stop; got != unix.SIGTERM {
			t.Errorf("stop = %v after an early SIGTERM", got)
		}
		asks := map[syscall.Signal]bool{unix.SIGTERM: true, unix.SIGINT: true, unix.SIGPWR: true}
		for sig := syscall.Signal(1); sig <= 64; sig++ {
			must(t, syscall.Kill(1, sig))
			if asks[sig] {
				if got := <-stop; got != sig {
					t.Errorf("stop = %v after %v", got, sig)
				}
			}
		}
		select {
		case sig := <-stop:
			t.Errorf("stop = %v, want SIGTERM, SIGINT and SIGPWR only", sig)
		default:
		}
		s := supervisor(t)
		if got := run(t, s, shell("exit 4")); got.Code != 4 {
			t.Errorf("Status after all signals = %+v, want code 4", got)
		}
	})
}

// TestStartErrorLeavesNoProcess has a limit fail that is set on the child when
// it has started already.
func TestStartErrorLeavesNoProcess(t *testing.T) {
	nstest.Run(t, 0, func(t *testing.T) { // here no hard limit can be raised
		s := supervisor(t)
		must(t, syscall.Setrlimit(syscall.RLIMIT_DATA, &syscall.Rlimit{Cur: 1 << 40, Max: 1 << 40}))
		c := shell("exec sleep 100000")
		c.Limits = []Limit{{syscall.RLIMIT_DATA, 1 << 41, 1 << 41}}
		if p, err := s.Start(c); p != nil || !errors.Is(err, syscall.EPERM) {
			t.Errorf("Start with a limit over the own hard one = %v, %v, want %v", p, err, syscall.EPERM)
		}
		waitFor(t, "Idle after the error", s.Idle())
	})
}

// TestOwnStreams: a command of another user can open the streams it was given.
func TestOwnStreams(t *testing.T) {
	nstest.Run(t, nstest.Mount|nstest.PID, func(t *testing.T) {
		if !manyIDs(t) {
			t.Skip("only root has a second uid here")
		}
		must(t, unix.Mount("proc", "/proc", "proc", 0, ""))
		s := supervisor(t)
		c := shell("echo out >/dev/stdout; echo err >/dev/stderr")
		c.UID, c.GID, c.Groups = 1000, 1000, nil
		read := output(t, c)
		c.Files[2] = c.Files[1]
		if status := run(t, s, c); status.Code != 0 {
			t.Errorf("status = %+v, want code 0", status)
		}
		if got, want := read(), "out\nerr\n"; got != want {
			t.Errorf("output = %q, want %q", got, want)
		}
	})
}
