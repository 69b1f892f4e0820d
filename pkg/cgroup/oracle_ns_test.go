package cgroup

import (
	"slices"
	"testing"

	"github.com/containerd/cgroups/v3/cgroup2"
)

// TestGroupAgainstContainerd has containerd's library read what was made.
func TestGroupAgainstContainerd(t *testing.T) {
	for _, tt := range []struct {
		name     string
		threaded bool
		want     cgroup2.CgroupType
	}{
		{"domain", false, cgroup2.Domain},
		{"threaded", true, cgroup2.Threaded},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inHierarchy(t, func(t *testing.T, name string) {
				g, err := Create(hierarchy, name, tt.threaded)
				must(t, err)
				oracle, err := cgroup2.Load("/"+name, cgroup2.WithMountpoint(hierarchy))
				must(t, err)
				if got, err := oracle.GetType(); err != nil || got != tt.want {
					t.Errorf("GetType() = %q, %v, want %q", got, err, tt.want)
				}
				if tt.threaded {
					must(t, g.Delete())
					return
				}
				cmd := start(t, g)
				if got, err := oracle.Procs(false); err != nil || !slices.Contains(got, uint64(cmd.Process.Pid)) {
					t.Errorf("Procs() = %v, %v, want %d among them", got, err, cmd.Process.Pid)
				}
				must(t, oracle.Kill())
				if cmd.Wait() == nil {
					t.Error("the child ended by itself")
				}
				must(t, g.Delete())
			})
		})
	}
}
