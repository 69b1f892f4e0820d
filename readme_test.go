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

// TestReadmeDependencies holds README's table of modules to go.mod.
func TestReadmeDependencies(t *testing.T) {
	data, err := os.ReadFile("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	mod, err := modfile.Parse("go.mod", data, nil)
	if err != nil {
		t.Fatal(err)
	}
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	direct := 0
	for _, r := range mod.Require {
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
		t.Errorf("README.md: %d modules, want the %d of go.mod", got, direct)
	}
}
