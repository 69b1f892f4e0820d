package main

import (
	"os"
	"strings"
	"testing"

	"golang.org/x/mod/modfile"

	"github.com/kguest/kguest/pkg/boot"
)

// TestReadmeParameters holds README's table of kernel parameters to the one in
// code.
func TestReadmeParameters(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range boot.Parameters() {
		row := "| `" + p.Name + "` | " + strings.ReplaceAll(p.Values, "|", `\|`) + " | " + p.Default + " | " + p.Help + " |\n"
		if !strings.Contains(string(readme), row) {
			t.Errorf("README.md: no row\n%s", row)
		}
	}
	if got, want := strings.Count(string(readme), "| `kinit."), len(boot.Parameters()); got != want {
		t.Errorf("README.md: %d rows of kernel parameters, want %d", got, want)
	}
}

// TestReadmeDependencies holds README's table of modules to go.mod, and to that of
// the kernel of a test.
func TestReadmeDependencies(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	direct := 0
	for _, r := range append(requirements(t, "go.mod"), requirements(t, ".ci/built-in/go.mod")...) {
		if r.Indirect {
			continue
		}
		direct++
		if row := "| `" + r.Mod.Path + "` | " + r.Mod.Version + " | "; !strings.Contains(string(readme), row) {
			t.Errorf("README.md: no row %s", row)
		}
	}
	_, table, _ := strings.Cut(string(readme), "| module | version | why |")
	if got := strings.Count(table, "\n| `"); got != direct {
		t.Errorf("README.md: %d modules, want %d", got, direct)
	}
}

func requirements(t *testing.T, file string) []*modfile.Require {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	mod, err := modfile.Parse(file, data, nil)
	if err != nil {
		t.Fatal(err)
	}
	return mod.Require
}
