package hook

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestList(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"network", "before-network.d/20-b", "before-network.d/10-a.optional", "before-network.d/.hidden", "after-network.d/x/y"} {
		must(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755))
		must(t, os.WriteFile(filepath.Join(dir, name), nil, 0o600))
	}
	tests := []struct {
		stage string
		when  When
		want  []string // names
	}{
		{"network", Before, []string{"network/before/10-a.optional", "network/before/20-b"}},
		{"network", Instead, []string{"network"}},
		{"network", After, []string{"network/after/x"}},
		{"root", Before, nil},
		{"root", Instead, nil},
	}
	for _, tt := range tests {
		list, err := List(dir, tt.stage, tt.when)
		var names []string
		for _, s := range list {
			names = append(names, s.Name())
		}
		if diff := cmp.Diff(tt.want, names); diff != "" || err != nil {
			t.Errorf("List(%s, %s): %v (-want +got):\n%s", tt.stage, tt.when, err, diff)
		}
	}
	must(t, os.WriteFile(filepath.Join(dir, "before-root.d"), nil, 0o600))
	if _, err := List(dir, "root", Before); err == nil {
		t.Error("List of a file in place of the folder = nil, want an error")
	}
}

func TestOptional(t *testing.T) {
	for path, want := range map[string]bool{"/x/10-a": false, "/x/10-a.optional": true, "/x.optional/10-a": false} {
		if got := (Script{Path: path}).Optional(); got != want {
			t.Errorf("Optional(%s) = %t, want %t", path, got, want)
		}
	}
}

func TestStrays(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"network", "before-network.d", "after-network.d", "env", ".git", "after-switch.d", "switch", "before-netwrk.d", "after-network", "before-network", "readme"} {
		must(t, os.WriteFile(filepath.Join(dir, name), nil, 0o600))
	}
	stages := []Stage{{Name: "network", Preceded: true, Replaced: true, Followed: true}, {Name: "switch", Preceded: true}}
	want := []string{
		"/after-network: not run: scripts before and after a stage are in before-network.d and after-network.d",
		"/after-switch.d: not run: the initramfs is gone by then",
		"/before-network: not run: scripts before and after a stage are in before-network.d and after-network.d",
		"/before-netwrk.d: no stage has this name, so it is not run",
		"/readme: no stage has this name, so it is not run",
		"/switch: not run: only the first process itself can do this stage",
	}
	var got []string
	for _, err := range Strays(dir, stages, "env") {
		got = append(got, err.Error()[len(dir):])
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Strays (-want +got):\n%s", diff)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
