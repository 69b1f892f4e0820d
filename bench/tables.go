package main

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/kguest/kguest/bench/rig"
)

// table is one of Markdown, which reads well as it is. Its first row is the
// head. Columns of numbers are flush right.
type table struct {
	rows [][]string
}

func (t *table) row(cells ...string) { t.rows = append(t.rows, cells) }

func (t *table) String() string {
	width := make([]int, len(t.rows[0]))
	text := make([]bool, len(width))
	for n, row := range t.rows {
		for i, cell := range row {
			width[i] = max(width[i], utf8.RuneCountInString(cell), 3)
			text[i] = text[i] || n > 0 && strings.Trim(cell, "-.%0123456789 ") != ""
		}
	}
	var b strings.Builder
	for n, row := range t.rows {
		for i, cell := range row {
			if text[i] {
				cell += strings.Repeat(" ", width[i]-utf8.RuneCountInString(cell))
			}
			fmt.Fprintf(&b, "| %*s ", width[i], cell)
		}
		b.WriteString("|\n")
		if n == 0 {
			b.WriteString(rule(width, text))
		}
	}
	return b.String()
}

// rule is the line below the head of a table, which says where its columns are
// flush.
func rule(width []int, text []bool) string {
	var b strings.Builder
	for i, w := range width {
		if text[i] {
			b.WriteString("| " + strings.Repeat("-", w) + " ")
		} else {
			b.WriteString("| " + strings.Repeat("-", w-1) + ": ")
		}
	}
	return b.String() + "|\n"
}

// mega is a count in millions.
func mega(n int64) string { return fmt.Sprintf("%.2f", float64(n)/1e6) }

// kilo is a number of bytes in thousands.
func kilo(n int64) string { return fmt.Sprintf("%.0f", float64(n)/1e3) }

// tables returns all of the result's.
func tables(r *Result) string {
	parts := []string{handOver(r)}
	if r.WithBuiltIn != nil {
		parts = append(parts, handOver(r.WithBuiltIn))
	}
	parts = append(parts, budgetText(r), memory(r), idle(r))
	if len(r.Stages) > 0 {
		parts = append(parts, stageTable(r))
	}
	if len(r.Modules) > 0 {
		parts = append(parts, moduleTable(r))
	}
	if len(r.Packages) > 0 {
		parts = append(parts, heap(r), packageTable(r))
	}
	if len(r.Growth) > 0 {
		parts = append(parts, growthTable(r))
	}
	return strings.Join(parts, "\n")
}

func label(init string) string {
	switch init {
	case rig.C:
		return "least C init"
	case rig.SameC:
		return "C init, kguest's modules"
	case rig.Script:
		return "busybox script"
	case rig.Rescue:
		return "kguest, profile rescue"
	}
	return init
}

func handOver(r *Result) string {
	var t table
	t.row("million instructions", "to /init", "/init to workload", "in the kernel", "in processes", "waits, ms", "after it", "x C")
	for _, i := range r.Inits {
		t.row(label(i.Name), mega(i.ToInit), mega(i.HandOver), mega(i.Kernel), mega(i.User), mega(i.WaitedNS), mega(i.After),
			fmt.Sprintf("%.3f", ratio(i.HandOver, r.of(rig.C).HandOver)))
	}
	return t.String()
}

func memory(r *Result) string {
	var t table
	t.row("kB", "archive", "packed", "process 1", "of it anonymous", "files in memory", "available, less than C")
	for _, i := range r.Inits {
		t.row(label(i.Name), kilo(i.ArchiveBytes), kilo(i.PackedBytes), kilo(i.RSS), kilo(i.Anon), kilo(i.Shmem),
			kilo(r.of(rig.C).Available-i.Available))
	}
	return t.String()
}

func idle(r *Result) string {
	var t table
	t.row("a minute of idling", "")
	t.row("process 1's time, ms", mega(r.Idle.MinuteNS))
	t.row("process 1 after it, kB", kilo(r.Idle.RSS))
	t.row("of it anonymous, kB", kilo(r.Idle.Anon))
	return t.String()
}

func heap(r *Result) string {
	var t table
	t.row("Go's heap until the workload runs", "")
	t.row("allocated, kB", kilo(r.Heap.Bytes))
	t.row("objects", fmt.Sprint(r.Heap.Objects))
	return t.String()
}

func stageTable(r *Result) string {
	var t table
	t.row("million instructions", "kguest", "C init, same modules", "busybox script")
	var all Stage
	for _, s := range r.Stages {
		t.row(s.Name, mega(s.Kguest), mega(s.C), mega(s.Script))
		all.Kguest, all.C, all.Script = all.Kguest+s.Kguest, all.C+s.C, all.Script+s.Script
	}
	t.row("all stages", mega(all.Kguest), mega(all.C), mega(all.Script))
	return t.String()
}

func moduleTable(r *Result) string {
	var t table
	t.row("module", "million instructions", "this machine needs it")
	var spare int64
	for _, m := range r.Modules {
		needed := "yes"
		if !m.Needed {
			needed = "no"
			spare += m.Instructions
		}
		t.row(m.Name, mega(m.Instructions), needed)
	}
	t.row("not needed", mega(spare), "")
	return t.String()
}

func packageTable(r *Result) string {
	var t table
	t.row("package", "thousand instructions", "bytes allocated")
	for _, p := range r.Packages {
		t.row(p.Path, kilo(p.Instructions), fmt.Sprint(p.Bytes))
	}
	t.row("all packages", kilo(r.PackageCount), fmt.Sprint(r.PackageBytes))
	return t.String()
}

func growthTable(r *Result) string {
	var t table
	t.row("what", "how many", "million instructions", "each more, instructions")
	for _, g := range r.Growth {
		each := ""
		if g.Each != 0 {
			each = fmt.Sprint(g.Each)
		}
		t.row(g.What, fmt.Sprint(g.Size), mega(g.Instructions), each)
	}
	return t.String()
}

func groupTable(p *Program) string {
	var t table
	t.row("group", "kB", "what it is")
	for _, g := range p.Groups {
		t.row(g.Name, kilo(g.Bytes), why(g.Name))
	}
	return t.String()
}

func symbolTable(p *Program) string {
	var t table
	t.row("symbol", "bytes", "what it is")
	for _, s := range p.Symbols {
		t.row("`"+s.Name+"`", fmt.Sprint(s.Bytes), whySymbol(s))
	}
	return t.String()
}
