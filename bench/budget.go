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

// Budget is the most that something may be.
type Budget struct {
	Budget float64 `json:"budget"` // what is wanted
	Now    float64 `json:"now"`    // what has been reached: more than that is a step back
}

// Budgets are those of a stock kernel, with signatures of modules cut, but for
// the last, that of one with its drivers built in.
type Budgets struct {
	OverC      Budget `json:"handOverOverC"`         // kguest's hand-over to workload, divided by the C init's
	OverScript Budget `json:"handOverOverScript"`    // and by the script's
	RSS        Budget `json:"initRSSBytes"`          // process 1, once the workload runs
	Archive    Budget `json:"archiveBytes"`          // minimal image for qemu, modules included, not packed
	Idle       Budget `json:"idleMinuteNanoseconds"` // process 1's time in a minute of idling

	BuiltInOverC Budget `json:"builtInHandOverOverC"`
}

// slack is how much more than Now passes: a change of the kernel's package or
// of Go's version moves figures a little.
const slack = 0.03

// readBudgets reads budgets.json.
func readBudgets(data []byte) (*Budgets, error) {
	var b Budgets
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&b); err != nil {
		return nil, fmt.Errorf("read budgets.json: %w", err)
	}
	for _, one := range append(b.against(&Result{}), b.against(&Result{BuiltIn: true})...) {
		if one.Budget.Budget <= 0 || one.Now < one.Budget.Budget {
			return nil, fmt.Errorf("read budgets.json: %s: budget %g and now %g: want the first more than 0, the second no less",
				one.name, one.Budget.Budget, one.Now)
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
	name  string
	value float64
	Budget
}

// against returns the figures that have a budget.
func (b *Budgets) against(r *Result) []measured {
	kguest := r.of(rig.Kguest)
	if r.BuiltIn {
		return []measured{{"builtInHandOverOverC", r.overC(), b.BuiltInOverC}}
	}
	list := []measured{
		{"handOverOverC", r.overC(), b.OverC},
		{"handOverOverScript", r.overScript(), b.OverScript},
		{"initRSSBytes", float64(max(kguest.RSS, r.Idle.RSS)), b.RSS},
		{"archiveBytes", float64(kguest.ArchiveBytes), b.Archive},
		{"idleMinuteNanoseconds", float64(r.Idle.MinuteNS), b.Idle},
	}
	if r.WithBuiltIn != nil {
		list = append(list, b.against(r.WithBuiltIn)...)
	}
	return list
}

// check returns an error for each figure that is more than what has been
// reached.
func (b *Budgets) check(r *Result) error {
	var errs []error
	for _, m := range b.against(r) {
		if m.value > m.Now*(1+slack) {
			errs = append(errs, fmt.Errorf("%s is %s; it was %s, and the budget is %s (bench/budgets.json)",
				m.name, figure(m.value), figure(m.Now), figure(m.Budget.Budget)))
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
		if m.value > m.Budget.Budget {
			over = fmt.Sprintf("%.0f %%", 100*(m.value/m.Budget.Budget-1))
		}
		t.row(m.name, figure(m.Budget.Budget), figure(m.value), over)
	}
	return t.String()
}

func figure(f float64) string {
	if f < 100 {
		return fmt.Sprintf("%.3f", f)
	}
	return fmt.Sprintf("%.0f", f)
}
