//go:build vm

package main

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/kguest/kguest/bench/rig"
)

// TestBudgets boots four guests and holds the counts against budgets.json.
func TestBudgets(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "../.ci/kernel").Output()
	if err != nil {
		t.Fatalf(".ci/kernel: %v", err)
	}
	r, err := rig.Debian(t.Context(), strings.TrimSpace(string(out)), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	m := measurer{rig: r, progress: t.Output()}
	result, err := m.budgeted(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	budgets, err := readBudgets(budgetFile)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("\n%s\n%s", handOver(result), budgetTable(budgets, result))
	if err := budgets.check(result); err != nil {
		t.Error(err)
	}
}
