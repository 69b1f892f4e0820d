package main

import (
	"os"
	"strings"
	"testing"

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
