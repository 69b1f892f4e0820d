package gen

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the generated files")

// TestCurrent compares the generated files with their .proto files.
func TestCurrent(t *testing.T) {
	files, err := Generate(t.Context(), "../proto")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != len(Sources()) {
		t.Errorf("Generate made %d files, want %d", len(files), len(Sources()))
	}
	for name, want := range files {
		file := filepath.Join("..", name)
		if *update {
			if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		got, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, string(got)); diff != "" {
			t.Errorf("%s is not what its .proto file says; go generate ./pkg/idm/idmpb writes it (-want +got):\n%s", file, diff)
		}
	}
}
