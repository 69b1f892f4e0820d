//go:build vm

package main

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/kguest/kguest/bench/rig"
)

// TestBudgets boots seven guests and holds the counts against budgets.json.
func TestBudgets(t *testing.T) {
	r, err := rig.Debian(t.Context(), kernel(t), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	m := measurer{rig: r, progress: t.Output()}
	result, err := m.budgeted(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	builtIn := rig.Rig{Kernel: kernel(t, "built-in"), Compression: "gzip"}
	if result.WithBuiltIn, err = measureBuiltIn(t.Context(), builtIn, t.TempDir(), t.Output()); err != nil {
		t.Fatal(err)
	}
	budgets, err := readBudgets(budgetFile)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("\n%s\n%s", handOver(result)+handOver(result.WithBuiltIn), budgetTable(budgets, result))
	if err := budgets.check(result); err != nil {
		t.Error(err)
	}
}

// kernel is what .ci/kernel prints.
func kernel(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "../.ci/kernel", args...)
	cmd.Stderr = t.Output()
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v", cmd, err)
	}
	return strings.TrimSpace(string(out))
}
