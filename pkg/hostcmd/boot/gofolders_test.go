package boot

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestGoFolders(t *testing.T) {
	home := t.TempDir()
	if err := os.MkdirAll(filepath.Join(home, "go/pkg/mod/cache"), 0o755); err != nil {
		t.Fatal(err)
	}
	build := map[string]string{"GOCACHE": "/c/go-build"}
	tests := []struct {
		name string
		env  map[string]string
		want map[string]string
	}{
		{"no folder", map[string]string{"HOME": "/nonexistent"}, map[string]string{"GOCACHE": "/c/go-build", "GOMODCACHE": "/c/go-mod"}},
		{"modules are there", map[string]string{"HOME": home}, map[string]string{"GOCACHE": "/c/go-build", "GOMODCACHE": filepath.Join(home, "go/pkg/mod")}},
		{"GOPATH", map[string]string{"HOME": "/nonexistent", "GOPATH": "/p"}, build},
		{"GOMODCACHE", map[string]string{"HOME": "/nonexistent", "GOMODCACHE": "/m"}, build},
		{"all", map[string]string{"GOCACHE": "/b", "GOMODCACHE": "/m"}, map[string]string{}},
	}
	for _, tt := range tests {
		for _, name := range []string{"HOME", "GOPATH", "GOMODCACHE", "GOCACHE"} {
			t.Setenv(name, tt.env[name])
		}
		if diff := cmp.Diff(tt.want, goFolders("/c")); diff != "" {
			t.Errorf("%s: goFolders (-want +got):\n%s", tt.name, diff)
		}
	}
}
