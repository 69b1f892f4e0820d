package metrics

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// childEnv set makes this test's program wait for the end of its input.
const childEnv = "METRICS_TEST_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(childEnv) != "" {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func collectProc(t *testing.T) *Node {
	t.Helper()
	root, errs := Config{Proc: "/proc", Sys: "/sys", Mounts: []string{"/"}}.Collect()
	if len(errs) > 0 {
		t.Fatalf("Collect() errors: %v", errs)
	}
	return root
}

func processOf(t *testing.T, root *Node, pid int) *Node {
	t.Helper()
	n := find(root, "process", strconv.Itoa(pid))
	if n == nil {
		t.Fatalf("process %d is not listed", pid)
	}
	return n
}

// TestOwnProcess compares with what system calls tell.
func TestOwnProcess(t *testing.T) {
	touched := make([]byte, 32<<20)
	for i := range touched {
		touched[i] = 1
	}
	root := collectProc(t)
	p := processOf(t, root, os.Getpid())
	for name, want := range map[string]int{
		"parent": os.Getppid(), "uid": os.Getuid(), "gid": os.Getgid(), "euid": os.Geteuid(), "egid": os.Getegid(),
	} {
		n := find(p, name)
		if n == nil || n.Value.Number != float64(want) || n.Format != Integer {
			t.Errorf("%s = %+v, want %d", name, n, want)
		}
	}
	executable, err := os.Readlink("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	cwd, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"executable": executable, "cwd": cwd} {
		if got := find(p, name).Value.Text; got != want {
			t.Errorf("%s = %q, want %q", name, got, want)
		}
	}
	if diff := cmp.Diff(os.Args, find(p, "cmdline").Value.List()); diff != "" {
		t.Errorf("cmdline (-want +got):\n%s", diff)
	}
	checkMemory(t, root, p, len(touched))
}

// checkMemory has the resident size lie between the memory in use and the most
// there was. Linux counts lazily: up to megabytes may be missing from either.
func checkMemory(t *testing.T, root, p *Node, touched int) {
	t.Helper()
	const lazy = 8 << 20
	var used unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &used); err != nil {
		t.Fatal(err)
	}
	resident, virtual := find(p, "memory", "resident").Value.Number, find(p, "memory", "virtual").Value.Number
	if low, high := float64(touched-lazy), float64(used.Maxrss<<10+lazy); resident < low || resident > high {
		t.Errorf("resident = %v, want %v to %v", resident, low, high)
	}
	if virtual < resident {
		t.Errorf("virtual = %v, want no less than resident %v", virtual, resident)
	}
	var info unix.Sysinfo_t
	if err := unix.Sysinfo(&info); err != nil {
		t.Fatal(err)
	}
	if got, want := find(root, "system", "memory", "total").Value.Number, float64(info.Totalram)*float64(info.Unit); got != want {
		t.Errorf("total memory = %v, sysinfo(2) says %v", got, want)
	}
	if got, most := find(p, "lifetime").Value.Number, float64(info.Uptime+1); got < 0 || got > most {
		t.Errorf("lifetime = %v, want 0 to %v, the uptime", got, most)
	}
}

func TestFileSystem(t *testing.T) {
	var st unix.Statfs_t
	if err := unix.Statfs("/", &st); err != nil {
		t.Fatal(err)
	}
	n := find(collectProc(t), "disk", "filesystem", "/")
	if got, want := find(n, "total").Value.Number, float64(st.Blocks)*float64(st.Frsize); got != want {
		t.Errorf("total = %v, want %v", got, want)
	}
	if used, free, total := find(n, "used"), find(n, "free"), find(n, "total"); used.Value.Number+free.Value.Number != total.Value.Number {
		t.Errorf("used %v and free %v are not total %v", used.Value, free.Value, total.Value)
	}
}

// startChild runs this program under a name until stop is called. The process
// is left to be waited for.
func startChild(t *testing.T, name string, args ...string) (cmd *exec.Cmd, stop func()) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), name)
	if err := os.Symlink(self, path); err != nil {
		t.Fatal(err)
	}
	cmd = &exec.Cmd{Path: path, Args: append([]string{name}, args...), Env: []string{childEnv + "=1"}}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Wait() }) // may have been waited for
	return cmd, func() { _ = stdin.Close() }
}

func TestHostileChild(t *testing.T) {
	args := []string{"a\nb", "\xff", "", "x"}
	cmd, stop := startChild(t, "a) R 1 (\nb", args...)
	defer stop()
	p := processOf(t, collectProc(t), cmd.Process.Pid)
	if got := find(p, "parent").Value.Number; got != float64(os.Getpid()) {
		t.Errorf("parent = %v, want %d", got, os.Getpid())
	}
	want := []string{"a) R 1 (\nb", "a\nb", "\uFFFD", "", "x"}
	if diff := cmp.Diff(want, find(p, "cmdline").Value.List()); diff != "" {
		t.Errorf("cmdline (-want +got):\n%s", diff)
	}
}

func TestZombie(t *testing.T) {
	cmd, stop := startChild(t, "zombie")
	stop()
	for {
		err := unix.Waitid(unix.P_PID, cmd.Process.Pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if err == nil {
			break
		}
		if !errors.Is(err, unix.EINTR) {
			t.Fatal(err)
		}
	}
	p := processOf(t, collectProc(t), cmd.Process.Pid)
	if n := find(p, "executable"); n != nil {
		t.Errorf("executable = %+v, want none", n.Value)
	}
	if n := find(p, "cmdline"); len(n.Value.List()) != 0 {
		t.Errorf("cmdline = %q, want none", n.Value.List())
	}
	if got := find(p, "memory", "resident").Value.Number; got != 0 {
		t.Errorf("resident = %v, want 0", got)
	}
	if got := find(p, "parent").Value.Number; got != float64(os.Getpid()) {
		t.Errorf("parent = %v, want %d", got, os.Getpid())
	}
}

// TestProcessesEnd collects while processes come and go: one that ends while
// it is read is no error.
func TestProcessesEnd(t *testing.T) {
	done := make(chan error)
	quit := make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-quit:
				return
			default:
			}
			if err := exec.Command("true").Run(); err != nil {
				done <- err
				return
			}
		}
	}()
	for range 50 {
		collectProc(t)
	}
	close(quit)
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// TestDescriptors holds that a collection leaves no descriptor open.
func TestDescriptors(t *testing.T) {
	count := func() int {
		entries, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		return len(entries)
	}
	collectProc(t) // what the runtime opens once
	before := count()
	for range 3 {
		collectProc(t)
	}
	if after := count(); after != before {
		t.Errorf("%d descriptors after, %d before", after, before)
	}
}
