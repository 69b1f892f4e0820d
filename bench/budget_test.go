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
			{Name: rig.Kguest, HandOver: 40, RSS: 200, ArchiveBytes: 4000},
			{Name: rig.Rescue, RSS: 300, Shmem: 550, ProgramBytes: 500},
			{Name: rig.Script, HandOver: 80},
		},
		Idle: Idle{MinuteNS: 1000, RSS: 200},
		WithBuiltIn: &Result{BuiltIn: true, Inits: []Init{
			{Name: rig.C, HandOver: 10}, {Name: rig.Kguest, HandOver: 15},
		}},
	}
}

// budgets are met by sample, where overC is 2.
func budgets(overC float64) *Budgets {
	return &Budgets{OverC: overC, OverScript: 0.5, RSS: 300, Left: 50, Archive: 4000, Idle: 1000, BuiltInOverC: 1.5}
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
		{"{}", "handOverOverC: 0: want more than 0"},
		{strings.Replace(file, "1.6", "-1.6", 1), "builtInHandOverOverC: -1.6: want more than 0"},
	}
	for _, tt := range tests {
		_, err := readBudgets([]byte(tt.in))
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("readBudgets(%s) = %v, want %q", tt.in, err, tt.want)
		}
	}
}

func TestCheckBudgets(t *testing.T) {
	for overC, want := range map[float64]string{
		2:     "",
		1.999: "handOverOverC is 2.000, and the budget is 1.999 (bench/budgets.json)",
	} {
		got := ""
		if err := budgets(overC).check(sample()); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("check with a budget of %g = %q, want %q", overC, got, want)
		}
	}
}

func TestCheckEveryBudget(t *testing.T) {
	worse := sample()
	worse.Inits[1] = Init{Name: rig.Kguest, HandOver: 50, ArchiveBytes: 5000}
	worse.Inits[2].RSS, worse.Inits[2].Shmem = 400, 551
	worse.Idle.MinuteNS = 2000
	worse.WithBuiltIn.Inits[1].HandOver = 20
	err := budgets(2).check(worse)
	for _, m := range budgets(2).against(worse) {
		if err == nil || !strings.Contains(err.Error(), m.name+" is ") {
			t.Errorf("check of a guest that is worse in all = %v, want %s in it", err, m.name)
		}
	}
}
