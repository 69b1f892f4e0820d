package cgroup

import (
	"bufio"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/kguest/kguest/pkg/nstest"
)

const hierarchy = "/sys/fs/cgroup"

// inHierarchy runs f as root of a cgroup namespace, with the unified hierarchy
// where the kernel's documentation has it. The name is for a group: the
// hierarchy is this machine's.
func inHierarchy(t *testing.T, f func(t *testing.T, name string)) {
	t.Helper()
	nstest.Run(t, nstest.Mount|nstest.PID|nstest.Cgroup, func(t *testing.T) {
		must(t, unix.Mount("cgroup2", hierarchy, "cgroup2", 0, ""))
		probe := filepath.Join(hierarchy, "kguest-probe")
		if err := os.Mkdir(probe, 0o755); err != nil {
			t.Skipf("cgroup2 is not delegated to this user: %v", err)
		}
		must(t, os.Remove(probe))
		f(t, "kguest-"+strconv.FormatInt(time.Now().UnixNano(), 36))
	})
}

func TestGroup(t *testing.T) {
	inHierarchy(t, func(t *testing.T, name string) {
		g, err := Create(hierarchy, name, false)
		must(t, err)
		again, err := Create(hierarchy, name, false)
		must(t, err)
		if *again != *g {
			t.Errorf("second Create = %+v, want %+v", again, g)
		}
		if got := read(t, g, "cgroup.type"); got != "domain" {
			t.Errorf("cgroup.type = %q, want domain", got)
		}
		cmd := start(t, g)
		if got, want := membership(t, cmd.Process.Pid), "0::/"+name; got != want {
			t.Errorf("cgroup of the child = %q, want %q", got, want)
		}
		must(t, g.Kill())
		var exit *exec.ExitError
		if err := cmd.Wait(); !errors.As(err, &exit) || exit.Sys() != syscall.WaitStatus(syscall.SIGKILL) {
			t.Errorf("child = %v, want it killed", err)
		}
		must(t, g.Delete())
		if _, err := os.Stat(filepath.Join(hierarchy, name)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("Stat after Delete = %v, want %v", err, os.ErrNotExist)
		}
	})
}

// TestDeleteRightAfterKill has many processes, which take their time to end.
func TestDeleteRightAfterKill(t *testing.T) {
	inHierarchy(t, func(t *testing.T, name string) {
		for range 5 {
			g, err := Create(hierarchy, name, false)
			must(t, err)
			cmd := start(t, g)
			must(t, g.Kill())
			if err := g.Delete(); err != nil {
				t.Errorf("Delete right after Kill = %v, want nil", err)
			}
			_ = cmd.Wait() // killed
		}
	})
}

func TestDeleteBusy(t *testing.T) {
	inHierarchy(t, func(t *testing.T, name string) {
		g, err := Create(hierarchy, name, false)
		must(t, err)
		cmd := start(t, g)
		if err := g.Delete(); !errors.Is(err, syscall.EBUSY) {
			t.Errorf("Delete with a process = %v, want %v", err, syscall.EBUSY)
		}
		must(t, g.Kill())
		_ = cmd.Wait() // killed
		must(t, g.Delete())
	})
}

func TestThreaded(t *testing.T) {
	inHierarchy(t, func(t *testing.T, name string) {
		g, err := Create(hierarchy, name, true)
		must(t, err)
		defer g.Delete() //nolint:errcheck // it is checked in TestGroup
		if got := read(t, g, "cgroup.type"); got != "threaded" {
			t.Errorf("cgroup.type = %q, want threaded", got)
		}
		if err := g.Kill(); !errors.Is(err, syscall.EOPNOTSUPP) {
			t.Errorf("Kill = %v, want %v", err, syscall.EOPNOTSUPP)
		}
	})
}

// TestLimitOfKernel holds for a kernel with the controller and for one without.
func TestLimitOfKernel(t *testing.T) {
	inHierarchy(t, func(t *testing.T, name string) {
		g, err := Create(hierarchy, name, false)
		must(t, err)
		defer g.Delete() //nolint:errcheck // it is checked in TestGroup
		b, err := os.ReadFile(filepath.Join(hierarchy, "cgroup.controllers"))
		must(t, err)
		handed, err := os.ReadFile(filepath.Join(hierarchy, "cgroup.subtree_control"))
		must(t, err)
		if !strings.Contains(string(handed), "pids") { // as the others want it
			defer handDown(hierarchy, "-pids") //nolint:errcheck // it may not be there
		}
		must(t, handDown(hierarchy, "+none", "+pids", "+none")) // what is lacking takes nothing along
		err = g.Limit(Limits{PidsMax: 77})
		if strings.Contains(string(b), "pids") {
			must(t, err)
			if got := read(t, g, "pids.max"); got != "77" {
				t.Errorf("pids.max = %q, want 77", got)
			}
		} else if want := "set cgroup: open " + filepath.Join(hierarchy, name, "pids.max") +
			": no such file or directory (does this kernel have the pids controller?)"; err == nil || err.Error() != want {
			t.Errorf("Limit = %v, want %s", err, want)
		}
	})
}

// start starts a shell with many children in g, and waits until they run.
func start(t *testing.T, g *Group) *exec.Cmd {
	t.Helper()
	dir, err := g.Open()
	must(t, err)
	defer dir.Close()
	cmd := exec.CommandContext(t.Context(), "/bin/sh", "-c", "i=0; while [ $i -lt 50 ]; do sleep 100000 & i=$((i+1)); done; echo ready; wait")
	cmd.SysProcAttr = &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: int(dir.Fd())}
	stdout, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	if line, err := bufio.NewReader(stdout).ReadString('\n'); line != "ready\n" {
		t.Fatalf("child said %q, %v", line, err)
	}
	return cmd
}

func read(t *testing.T, g *Group, file string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(g.dir, file))
	must(t, err)
	return strings.TrimSpace(string(b))
}

func membership(t *testing.T, pid int) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "cgroup"))
	must(t, err)
	for line := range strings.Lines(string(b)) {
		if strings.HasPrefix(line, "0::") {
			return strings.TrimSpace(line)
		}
	}
	return ""
}
