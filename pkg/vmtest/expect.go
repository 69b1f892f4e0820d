package vmtest

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/google/go-cmp/cmp"

	"github.com/kguest/kguest/pkg/vm"
)

// reportMark starts a line of the console that opens a report, whose name
// follows, or, with reportEnd, closes it.
const (
	reportMark = "@@@ "
	reportEnd  = "end"
)

// consoleReport is the name of the whole console.
const consoleReport = "console"

// Want is what one report is held against.
type Want struct {
	Verb, Report string
	Exact        string           // want
	Patterns     []*regexp.Regexp // has, lacks
}

func parseWant(verb, report, data string) (Want, error) {
	w := Want{Verb: verb, Report: report, Exact: data}
	switch verb {
	case "want":
		return w, nil
	case "has", "lacks":
	default:
		return w, fmt.Errorf("unknown verb %q (known: want has lacks)", verb)
	}
	for line := range strings.Lines(data) {
		line = strings.TrimSuffix(line, "\n")
		if line == "" {
			continue
		}
		if verb == "has" {
			line = "^(?:" + line + ")$"
		}
		re, err := regexp.Compile(line)
		if err != nil {
			return w, err
		}
		w.Patterns = append(w.Patterns, re)
	}
	if len(w.Patterns) == 0 {
		return w, fmt.Errorf("no pattern")
	}
	return w, nil
}

// Check returns what is wrong with reports, one item for each broken line.
func (w Want) Check(reports map[string]string) []string {
	got, ok := reports[w.Report]
	if !ok {
		return []string{fmt.Sprintf("no report %s (there are: %s)", w.Report, strings.Join(names(reports), ", "))}
	}
	if w.Verb == "want" {
		if diff := cmp.Diff(w.Exact, got); diff != "" {
			return []string{fmt.Sprintf("report %s: -want +got\n%s", w.Report, diff)}
		}
		return nil
	}
	lines := strings.Split(strings.TrimSuffix(got, "\n"), "\n")
	var wrong []string
	for _, re := range w.Patterns {
		i := slices.IndexFunc(lines, re.MatchString)
		switch {
		case w.Verb == "has" && i < 0:
			wrong = append(wrong, fmt.Sprintf("report %s has no line %s", w.Report, re))
		case w.Verb == "lacks" && i >= 0:
			wrong = append(wrong, fmt.Sprintf("report %s has the line %q, which matches %s", w.Report, lines[i], re))
		}
	}
	return wrong
}

func names(reports map[string]string) []string {
	var all []string
	for name := range reports {
		all = append(all, name)
	}
	slices.Sort(all)
	return all
}

// Reports cuts a console, without carriage returns, into its reports. Of two
// of one name the second is named NAME#2, and so on.
func Reports(console string) map[string]string {
	reports := map[string]string{consoleReport: console}
	name := ""
	for line := range strings.Lines(console) {
		mark, isMark := strings.CutPrefix(strings.TrimSpace(line), reportMark)
		switch {
		case isMark && mark == reportEnd, strings.HasPrefix(line, "kinit: "):
			name = ""
		case isMark:
			name = unique(reports, mark)
			reports[name] = ""
		case name != "":
			reports[name] += line
		}
	}
	return reports
}

// unique returns name, or the first of name#2, name#3, ... that is free.
func unique(reports map[string]string, name string) string {
	free := name
	for n := 2; ; n++ {
		if _, taken := reports[free]; !taken {
			return free
		}
		free = fmt.Sprintf("%s#%d", name, n)
	}
}

// WantExit is what the guest has to say of its end.
type WantExit struct {
	Code, Signal  int
	Stage, Reason *regexp.Regexp
	IDM           string // the code that comes over IDM; none
	None          bool   // no exit line
}

func defaultExit() WantExit {
	return WantExit{Stage: regexp.MustCompile("^run$"), Reason: regexp.MustCompile(""), IDM: ""}
}

func parseExit(data string) (WantExit, error) {
	e := defaultExit()
	for line := range strings.Lines(data) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		var err error
		switch name {
		case "":
		case "code":
			e.Code, err = strconv.Atoi(value)
		case "signal":
			e.Signal, err = strconv.Atoi(value)
		case "stage":
			e.Stage, err = regexp.Compile("^(?:" + value + ")$")
		case "reason":
			e.Reason, err = regexp.Compile("^(?:" + value + ")$")
		case "idm":
			e.IDM = value
		case "none":
			e.None, e.IDM = true, name
		default:
			err = fmt.Errorf("unknown name")
		}
		if err != nil {
			return e, fmt.Errorf("%s: %w", name, err)
		}
	}
	return e, nil
}

// Check returns what is wrong with the end of a guest.
func (e WantExit) Check(console, idm []byte) []string {
	var wrong []string
	if vm.Panicked(console) {
		wrong = append(wrong, "the kernel panicked")
	}
	wrong = append(wrong, e.checkLine(console)...)
	codes, err := vm.ExitCodes(idm)
	if err != nil {
		wrong = append(wrong, err.Error())
	}
	want := []int32{int32(e.Code)} //nolint:gosec // G115: an exit code
	if e.IDM == "none" {
		want = nil
	}
	if diff := cmp.Diff(want, codes); diff != "" {
		wrong = append(wrong, "exit codes over IDM: -want +got\n"+diff)
	}
	return wrong
}

// checkLine returns what is wrong with the exit line.
func (e WantExit) checkLine(console []byte) (wrong []string) {
	exit, err := vm.ParseExit(console)
	switch {
	case e.None && err == nil:
		return []string{fmt.Sprintf("there is an exit line, %+v, want none", exit)}
	case e.None:
		return nil
	case err != nil:
		return []string{err.Error()}
	}
	if exit.Code != e.Code || exit.Signal != e.Signal {
		wrong = append(wrong, fmt.Sprintf("exit line has code %d, signal %d, want %d, %d", exit.Code, exit.Signal, e.Code, e.Signal))
	}
	if !e.Stage.MatchString(exit.Stage) || !e.Reason.MatchString(exit.Reason) {
		wrong = append(wrong, fmt.Sprintf("exit line has stage %s, reason %q, want %s, %s", exit.Stage, exit.Reason, e.Stage, e.Reason))
	}
	return wrong
}
