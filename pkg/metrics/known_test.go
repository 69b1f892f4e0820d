package metrics

import (
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const kernelStat = "7 (kthreadd) S 0 0 0 0 -1 2129984 0 0 0 0 0 2 0 0 20 0 1 0 "

// TestKnown takes away what a second collection need not read, and gives what it
// must: another process's number, and a thread of the kernel that may yet become
// a program.
func TestKnown(t *testing.T) {
	proc := fakeProc(t, map[string]string{
		"uptime": "86.00 1.00\n",
		"7/stat": kernelStat + "54\n", "7/status": someStatus, "7/cmdline": "",
		"8/stat": someStat, "8/status": someStatus, "8/cmdline": "a",
		"9/stat": someStat, "9/status": someStatus, "9/cmdline": "b",
		"10/stat": kernelStat + "8550\n", "10/status": someStatus, "10/cmdline": "c", // half a second old
	})
	c := Config{Proc: proc, Known: new(Known)}
	collect := func() (listed []string, lifetimes []float64) {
		t.Helper()
		root, errs := c.Collect()
		if len(errs) > 0 {
			t.Errorf("Collect() errors: %v", errs)
		}
		for _, n := range find(root, "process").Children {
			listed = append(listed, n.Name)
			lifetimes = append(lifetimes, find(n, "lifetime").Value.Number)
		}
		return listed, lifetimes
	}
	if names, _ := collect(); !cmp.Equal(names, []string{"8", "9"}) {
		t.Errorf("first collection lists %v, want 8 and 9", names)
	}

	dir := func(pid int, name string) string { return filepath.Join(proc, strconv.Itoa(pid), name) }
	for _, pid := range []int{7, 8} {
		if err := os.Remove(dir(pid, "stat")); err != nil {
			t.Fatal(err)
		}
	}
	other := fakeProc(t, map[string]string{"9/stat": "7 (a) S 41 42 42 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 8400\n", "9/status": someStatus, "9/cmdline": ""})
	if err := os.Rename(filepath.Join(proc, "9"), filepath.Join(proc, "old")); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(other, "9"), filepath.Join(proc, "9")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir(10, "stat"), []byte(someStat), 0o644); err != nil {
		t.Fatal(err)
	}
	names, lifetimes := collect()
	if diff := cmp.Diff([]string{"8", "9", "10"}, names); diff != "" {
		t.Errorf("second collection lists (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]float64{1, 2, 1}, lifetimes); diff != "" {
		t.Errorf("lifetimes (-want +got):\n%s", diff)
	}
}

// TestKnownShared compares collections that share what is known with one that
// knows nothing.
func TestKnownShared(t *testing.T) {
	c := Config{Proc: "/proc", Known: new(Known)}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 5 {
				_, _ = c.Collect()
			}
		})
	}
	wg.Wait()
	for _, known := range []*Known{c.Known, nil} {
		c.Known = known
		root, errs := c.Collect()
		if len(errs) > 0 {
			t.Fatal(errs)
		}
		p := processOf(t, root, os.Getpid())
		if got := find(p, "parent").Value.Number; got != float64(os.Getppid()) {
			t.Errorf("parent = %v, want %d", got, os.Getppid())
		}
		if kthreadd := find(root, "process", "2"); kthreadd != nil && find(root, "system", "processes", "kernel").Value.Number > 0 {
			t.Errorf("process 2 is listed")
		}
	}
}
