package vmtest

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestReports(t *testing.T) {
	console := "boot\n@@@ a\n1\n2\n@@@ end\nnoise\n@@@ b\n@@@ end\n@@@ a\n3\n@@@ end\n@@@ open\nlast\nkinit: exit\nmore\n"
	want := map[string]string{"a": "1\n2\n", "b": "", "a#2": "3\n", "open": "last\n", consoleReport: console}
	if diff := cmp.Diff(want, Reports(console)); diff != "" {
		t.Errorf("Reports(%q): -want +got\n%s", console, diff)
	}
}

func TestWantCheck(t *testing.T) {
	reports := map[string]string{"r": "one\ntwo three\n", "empty": ""}
	tests := []struct {
		verb, report, data string
		want               []string // beginnings
	}{
		{"want", "r", "one\ntwo three\n", nil},
		{"want", "empty", "", nil},
		{"want", "r", "one\n", []string{"report r: -want +got"}},
		{"want", "gone", "", []string{"no report gone (there are: empty, r)"}},
		{"has", "r", "t.o .*\none\n", nil},
		{"has", "r", "two\none\n", []string{"report r has no line ^(?:two)$"}},
		{"has", "empty", "x\ny\n", []string{"report empty has no line ^(?:x)$", "report empty has no line ^(?:y)$"}},
		{"lacks", "r", "four\n", nil},
		{"lacks", "r", "four\nthree\n", []string{`report r has the line "two three", which matches three`}},
		{"lacks", "gone", "x\n", []string{"no report gone"}},
	}
	for _, tt := range tests {
		w, err := parseWant(tt.verb, tt.report, tt.data)
		if err != nil {
			t.Errorf("parseWant(%s, %s, %q): %v", tt.verb, tt.report, tt.data, err)
			continue
		}
		compare(t, tt.verb+" "+tt.report, w.Check(reports), tt.want)
	}
}

// compare holds got against the beginnings in want.
func compare(t *testing.T, what string, got, want []string) {
	t.Helper()
	same := len(got) == len(want)
	for i := range min(len(got), len(want)) {
		same = same && strings.HasPrefix(got[i], want[i])
	}
	if !same {
		t.Errorf("%s: got %q, want %q", what, got, want)
	}
}

func TestWantExitCheck(t *testing.T) {
	line := func(code, signal, stage, reason string) string {
		return "x\nkinit: exit code=" + code + " signal=" + signal + " stage=" + stage + ` reason="` + reason + "\"\n"
	}
	const idm42 = "\x06\x00\x00\x00\x0a\x04\x0a\x02\x08\x2a"
	tests := []struct {
		name, console, idm, exit string
		want                     []string
	}{
		{"all right", line("42", "0", "run", "exited"), idm42, "code 42\nreason exited\n", nil},
		{"no idm wanted", line("42", "0", "run", ""), "", "code 42\nidm none\n", nil},
		{"silence", "x\n", idm42, "code 42\n", []string{"parse console: no exit line"}},
		{"code", line("41", "0", "run", ""), idm42, "code 42\n", []string{"exit line has code 41, signal 0, want 42, 0"}},
		{"signal", line("42", "9", "run", ""), idm42, "code 42\n", []string{"exit line has code 42, signal 9, want 42, 0"}},
		{"stage", line("42", "0", "root", ""), idm42, "code 42\n", []string{`exit line has stage root, reason "", want ^run$`}},
		{"reason", line("42", "0", "run", "not so"), idm42, "code 42\nreason so\n", []string{`exit line has stage run, reason "not so", want ^run$, ^(?:so)$`}},
		{"idm silent", line("42", "0", "run", ""), "", "code 42\n", []string{"exit codes over IDM: "}},
		{"idm speaks", line("42", "0", "run", ""), idm42, "code 42\nidm none\n", []string{"exit codes over IDM: "}},
		{"idm says another", line("41", "0", "run", ""), idm42, "code 41\n", []string{"exit codes over IDM: "}},
		{"idm twice", line("42", "0", "run", ""), idm42 + idm42, "code 42\n", []string{"exit codes over IDM: "}},
		{"idm broken", line("42", "0", "run", ""), idm42 + "x", "code 42\n", []string{"idm offset 10: "}},
		{"none wanted", "x\n", "", "none\n", nil},
		{"none wanted, one there", line("0", "0", "run", ""), "", "none\n", []string{"there is an exit line, "}},
		{"panic", "Kernel panic - not syncing\n" + line("42", "0", "run", ""), idm42, "code 42\n", []string{"the kernel panicked"}},
	}
	for _, tt := range tests {
		e, err := parseExit(tt.exit)
		if err != nil {
			t.Errorf("parseExit(%q): %v", tt.exit, err)
			continue
		}
		compare(t, tt.name, e.Check([]byte(tt.console), []byte(tt.idm)), tt.want)
	}
}
