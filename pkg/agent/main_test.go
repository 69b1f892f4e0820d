package agent

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/kguest/kguest/pkg/supervise"
)

// supervisor is the only one of the test binary, as that of a guest is.
var supervisor supervise.Supervisor

// TestMain has orphans given to this process, as PID 1 has.
func TestMain(m *testing.M) {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// patience is how long a test waits for what must come: it is no measure.
const patience = time.Minute

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func waitFor(t testing.TB, what string, done <-chan struct{}) {
	t.Helper()
	select {
	case <-done:
	case <-time.After(patience):
		t.Fatalf("%s: not within %v", what, patience)
	}
}

// eventually asks until ok says so.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within %v", what, patience)
		}
	}
}

// noLeaks fails the test where it leaves a process, a descriptor or a goroutine
// of this module behind. It must be called first, to look last.
func noLeaks(t testing.TB) {
	t.Helper()
	files := openFiles(t)
	t.Cleanup(func() {
		waitFor(t, "end of all processes", supervisor.Idle())
		if now := openFiles(t); len(now) > len(files) {
			t.Errorf("open descriptors: %v, before: %v", now, files)
		}
		eventually(t, "end of goroutines", func() bool { return len(goroutines()) == 0 || t.Failed() })
	})
}

func openFiles(t testing.TB) map[string]string {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	must(t, err)
	files := map[string]string{}
	for _, e := range entries {
		name, err := os.Readlink("/proc/self/fd/" + e.Name())
		if err == nil && name != "anon_inode:[eventpoll]" && name != "anon_inode:[eventfd]" {
			files[e.Name()] = name
		}
	}
	return files
}

// goroutines returns the stacks of this module's goroutines but the tests' own.
func goroutines() (stacks []string) {
	buf := make([]byte, 4<<20)
	buf = buf[:runtime.Stack(buf, true)]
	for stack := range strings.SplitSeq(string(buf), "\n\n") {
		if strings.Contains(stack, "kguest/pkg/") && !strings.Contains(stack, "testing.tRunner") {
			stacks = append(stacks, stack)
		}
	}
	return stacks
}

// ended reports whether the process of pid is no more.
func ended(pid string) bool {
	_, err := os.Stat("/proc/" + pid)
	return os.IsNotExist(err)
}

func kill(t testing.TB, pid string) {
	t.Helper()
	var n int
	if _, err := fmt.Sscan(pid, &n); err != nil || n <= 1 {
		t.Fatalf("pid %q: %v", pid, err)
	}
	must(t, unix.Kill(n, unix.SIGKILL))
}
