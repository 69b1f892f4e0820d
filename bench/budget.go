package main

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/kguest/kguest/bench/rig"
)

//go:embed budgets.json
var budgetFile []byte

// Budgets are the most that figures may be: of a stock kernel, with signatures of
// modules cut, but for the last, which is of one with its drivers built in.
type Budgets struct {
	OverC        float64 `json:"handOverOverC"`         // kguest's hand-over to workload, divided by the C init's
	OverScript   float64 `json:"handOverOverScript"`    // and by the script's
	RSS          float64 `json:"initRSSBytes"`          // process 1, once the workload runs, also of a larger image
	Left         float64 `json:"leftBytes"`             // files in memory then, without process 1's program
	Archive      float64 `json:"archiveBytes"`          // minimal image for qemu, modules included, not packed
	Idle         float64 `json:"idleMinuteNanoseconds"` // process 1's time in a minute of idling
	BuiltInOverC float64 `json:"builtInHandOverOverC"`  // OverC
}

// readBudgets reads budgets.json.
func readBudgets(data []byte) (*Budgets, error) {
	var b Budgets
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&b); err != nil {
		return nil, fmt.Errorf("read budgets.json: %w", err)
	}
	for _, one := range b.against(&Result{WithBuiltIn: &Result{BuiltIn: true}}) {
		if one.budget <= 0 {
			return nil, fmt.Errorf("read budgets.json: %s: %g: want more than 0", one.name, one.budget)
		}
	}
	return &b, nil
}

// budgetText is budgetTable of budgets.json, or what is wrong with that.
func budgetText(r *Result) string {
	b, err := readBudgets(budgetFile)
	if err != nil {
		return err.Error() + "\n"
	}
	return budgetTable(b, r)
}

// measured is a figure and its budget.
type measured struct {
	name          string
	value, budget float64
}

// against returns the figures that have a budget.
func (b *Budgets) against(r *Result) []measured {
	kguest, rescue := r.of(rig.Kguest), r.of(rig.Rescue)
	if r.BuiltIn {
		return []measured{{"builtInHandOverOverC", r.overC(), b.BuiltInOverC}}
	}
	list := []measured{
		{"handOverOverC", r.overC(), b.OverC},
		{"handOverOverScript", r.overScript(), b.OverScript},
		{"initRSSBytes", float64(max(kguest.RSS, rescue.RSS, r.Idle.RSS)), b.RSS},
		{"leftBytes", float64(max(kguest.left(), rescue.left())), b.Left},
		{"archiveBytes", float64(kguest.ArchiveBytes), b.Archive},
		{"idleMinuteNanoseconds", float64(r.Idle.MinuteNS), b.Idle},
	}
	if r.WithBuiltIn != nil {
		list = append(list, b.against(r.WithBuiltIn)...)
	}
	return list
}

// check returns an error for each figure that is more than its budget.
func (b *Budgets) check(r *Result) error {
	var errs []error
	for _, m := range b.against(r) {
		if m.value > m.budget {
			errs = append(errs, fmt.Errorf("%s is %s, and the budget is %s (bench/budgets.json)", m.name, figure(m.value), figure(m.budget)))
		}
	}
	return errors.Join(errs...)
}

// budgetTable says what is missing to each budget.
func budgetTable(b *Budgets, r *Result) string {
	var t table
	t.row("budget", "at most", "is", "too much")
	for _, m := range b.against(r) {
		over := "-"
		if m.value > m.budget {
			over = fmt.Sprintf("%.0f %%", 100*(m.value/m.budget-1))
		}
		t.row(m.name, figure(m.budget), figure(m.value), over)
	}
	return t.String()
}

func figure(f float64) string {
	if f < 100 {
		return fmt.Sprintf("%.3f", f)
	}
	return fmt.Sprintf("%.0f", f)
}
