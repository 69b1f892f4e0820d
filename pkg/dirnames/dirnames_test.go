package dirnames

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRead(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"b", "a", ".hidden", "c.d"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := Read(dir)
	if diff := cmp.Diff([]string{".hidden", "a", "b", "c.d"}, got); diff != "" || err != nil {
		t.Errorf("Read: %v, -want +got\n%s", err, diff)
	}
	if got, err := Read(filepath.Join(dir, "none")); !errors.Is(err, fs.ErrNotExist) || got != nil {
		t.Errorf("Read of what is missing = %q, %v", got, err)
	}
	if got, err := Read(filepath.Join(dir, "a")); err == nil || got != nil {
		t.Errorf("Read of a file = %q, %v", got, err)
	}
}
