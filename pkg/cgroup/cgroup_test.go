package cgroup

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// fakeGroup makes a group of plain files, as the kernel would of a new one.
func fakeGroup(t *testing.T, files ...string) (g *Group, root string) {
	t.Helper()
	root = t.TempDir()
	g = &Group{dir: filepath.Join(root, "task")}
	must(t, os.Mkdir(g.dir, 0o755))
	for _, file := range files {
		must(t, os.WriteFile(filepath.Join(root, file), nil, 0o600))
	}
	return g, root
}

// contents returns the files of the tree that are not empty.
func contents(t *testing.T, root string) map[string]string {
	t.Helper()
	got := make(map[string]string)
	must(t, filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if len(b) > 0 {
			got[path[len(root)+1:]] = string(b)
		}
		return err
	}))
	return got
}

func TestCreateRefusesNames(t *testing.T) {
	root := t.TempDir()
	for _, name := range []string{"", ".", "..", "/abs", "../up", "a/../../up", "a/..", "a/b", "cgroup.procs", "memory.max"} {
		g, err := Create(root, name, false)
		if g != nil || err == nil || !strings.Contains(err.Error(), fmt.Sprintf("cgroup %q: ", name)) {
			t.Errorf("Create(%q) = %v, %v, want it refused", name, g, err)
		}
	}
	if got, err := filepath.Glob(root + "/*"); err != nil || len(got) > 0 {
		t.Errorf("made: %q, %v, want nothing", got, err)
	}
}

func TestLimit(t *testing.T) {
	tests := []struct {
		name   string
		limits Limits
		want   map[string]string
	}{
		{"nothing", Limits{}, map[string]string{}},
		{"a period alone", Limits{CPUPeriod: 100000}, map[string]string{}},
		{"memory", Limits{MemoryMax: 1 << 40}, map[string]string{"task/memory.max": "1099511627776"}},
		{"processes", Limits{PidsMax: 1}, map[string]string{"task/pids.max": "1"}},
		{"time", Limits{CPUQuota: 50000, CPUPeriod: 100000}, map[string]string{"task/cpu.max": "50000 100000"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g, root := fakeGroup(t, "task/memory.max", "task/pids.max", "task/cpu.max")
			must(t, g.Limit(tt.limits))
			if diff := cmp.Diff(tt.want, contents(t, root)); diff != "" {
				t.Errorf("written (-want +got):\n%s", diff)
			}
		})
	}
}

func TestLimitErrors(t *testing.T) {
	for _, tt := range []struct {
		threaded bool
		limits   Limits
		want     string
	}{
		{false, Limits{PidsMax: 5}, "pids.max: no such file or directory (does this kernel have the pids controller?)"},
		{true, Limits{CPUQuota: 5, CPUPeriod: 9}, "cpu.max: no such file or directory (does this kernel have the cpu controller?)"},
		{true, Limits{MemoryMax: 5}, "memory.max: no such file or directory (a threaded cgroup has no memory controller)"},
	} {
		g, root := fakeGroup(t)
		g.threaded = tt.threaded
		err := g.Limit(tt.limits)
		if want := "set cgroup: open " + root + "/task/" + tt.want; err == nil || err.Error() != want {
			t.Errorf("Limit(%+v) = %v, want %s", tt.limits, err, want)
		}
	}
}

func TestAccount(t *testing.T) {
	for threaded, want := range map[bool]string{false: "+memory+io+cpu+pids", true: "+cpu+pids"} {
		_, root := fakeGroup(t, "cgroup.subtree_control")
		must(t, Account(root, threaded))
		if got := contents(t, root)["cgroup.subtree_control"]; got != want {
			t.Errorf("Account, threaded %v: %q, want %q", threaded, got, want)
		}
	}
	_, root := fakeGroup(t)
	want := "hand down cgroup controllers +memory +io +cpu +pids: open " + root + "/cgroup.subtree_control: no such file or directory"
	if err := Account(root, false); err == nil || err.Error() != want {
		t.Errorf("Account without the hierarchy = %v, want %s", err, want)
	}
}

func TestKill(t *testing.T) {
	g, root := fakeGroup(t, "task/cgroup.kill")
	must(t, g.Kill())
	if diff := cmp.Diff(map[string]string{"task/cgroup.kill": "1"}, contents(t, root)); diff != "" {
		t.Errorf("written (-want +got):\n%s", diff)
	}
	g, _ = fakeGroup(t)
	if err := g.Kill(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Kill of a threaded group = %v, want %v", err, fs.ErrNotExist)
	}
}

func TestDelete(t *testing.T) {
	g, _ := fakeGroup(t)
	must(t, g.Delete())
	must(t, g.Delete()) // what is gone is deleted
	g, _ = fakeGroup(t, "task/file")
	if err := g.Delete(); err == nil || !strings.HasPrefix(err.Error(), "delete cgroup: remove ") {
		t.Errorf("Delete of a directory with a file = %v, want an error", err)
	}
}

func TestOpen(t *testing.T) {
	g, _ := fakeGroup(t)
	f, err := g.Open()
	must(t, err)
	defer f.Close()
	if fi, err := f.Stat(); err != nil || !fi.IsDir() || g.Name() != "task" {
		t.Errorf("Open of %s = %v, %v, want its directory", g.Name(), fi, err)
	}
	must(t, g.Delete())
	if _, err := g.Open(); !errors.Is(err, fs.ErrNotExist) || !strings.HasPrefix(err.Error(), "open cgroup: ") {
		t.Errorf("Open of a deleted group = %v, want %v", err, fs.ErrNotExist)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
