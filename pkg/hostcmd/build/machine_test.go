package build

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestMachineModules(t *testing.T) {
	root := t.TempDir()
	if err := os.Mkdir(filepath.Join(root, "6.1.0"), 0o755); err != nil {
		t.Fatal(err)
	}
	if got, err := machineModules(root, "6.1.0"); got != filepath.Join(root, "6.1.0") || err != nil {
		t.Errorf("machineModules(6.1.0) = %q, %v, want its folder", got, err)
	}
	_, err := machineModules(root, "6.2.0")
	want := root + "/6.2.0: no such file or directory; give -modules-dir DIR, or -modules none for a kernel that needs none"
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("machineModules(6.2.0) = %v, want an error with %q", err, want)
	}
}
