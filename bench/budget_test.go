package main

import (
	"strings"
	"testing"

	"github.com/kguest/kguest/bench/rig"
)

// sample has a hand-over of 2.0 times the C init's and 0.5 times the script's.
func sample() *Result {
	return &Result{
		Inits: []Init{
			{Name: rig.C, HandOver: 20},
			{Name: rig.Kguest, HandOver: 40, RSS: 300, ArchiveBytes: 4000},
			{Name: rig.Script, HandOver: 80},
		},
		Idle: Idle{MinuteNS: 1000, RSS: 200},
		WithBuiltIn: &Result{BuiltIn: true, Inits: []Init{
			{Name: rig.C, HandOver: 10}, {Name: rig.Kguest, HandOver: 15},
		}},
	}
}

// budgetsOf are met by sample, but for what has been reached over C.
func budgetsOf(overC float64) *Budgets {
	return &Budgets{
		OverC: Budget{1, overC}, OverScript: Budget{0.5, 0.5}, RSS: Budget{300, 300},
		Archive: Budget{4000, 4000}, Idle: Budget{1000, 1000},
		BuiltInOverC: Budget{1.5, 1.5},
	}
}

func TestBudgetFile(t *testing.T) {
	if _, err := readBudgets(budgetFile); err != nil {
		t.Error(err)
	}
}

func TestReadBudgets(t *testing.T) {
	file := string(budgetFile)
	tests := []struct{ in, want string }{
		{strings.Replace(file, "archiveBytes", "archive", 1), `json: unknown field "archive"`},
		{"{}", "handOverOverC: budget 0 and now 0: want the first more than 0, the second no less"},
		{strings.Replace(file, `"budget": 1.1`, `"budget": 9`, 1), "handOverOverC: budget 9"},
	}
	for _, tt := range tests {
		_, err := readBudgets([]byte(tt.in))
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("readBudgets(%s) = %v, want %q", tt.in, err, tt.want)
		}
	}
}

func TestCheckBudgets(t *testing.T) {
	for _, tt := range []struct {
		now  float64 // of the hand-over over C, which is 2
		want string
	}{
		{2, ""},
		{1.95, ""}, // within the slack
		{1.9, "handOverOverC is 2.000; it was 1.900, and the budget is 1.000 (bench/budgets.json)"},
	} {
		got := ""
		if err := budgetsOf(tt.now).check(sample()); err != nil {
			got = err.Error()
		}
		if got != tt.want {
			t.Errorf("check with %g reached = %q, want %q", tt.now, got, tt.want)
		}
	}
}

func TestCheckEveryBudget(t *testing.T) {
	worse := sample()
	worse.Inits[1] = Init{Name: rig.Kguest, HandOver: 50, RSS: 400, ArchiveBytes: 5000}
	worse.Idle.MinuteNS = 2000
	worse.WithBuiltIn.Inits[1].HandOver = 20
	err := budgetsOf(2).check(worse)
	for _, m := range budgetsOf(2).against(worse) {
		if err == nil || !strings.Contains(err.Error(), m.name+" is ") {
			t.Errorf("check of a guest that is worse in all = %v, want %s in it", err, m.name)
		}
	}
}
