package multicall

import (
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// kept makes the programs of kinit and of a tool, and says of each whether it
// was kept.
func (m Maker) kept(t *testing.T) map[string]bool {
	t.Helper()
	s, err := m.Resolve(t.Context(), runtime.GOARCH, []Ask{{Name: Module + "/tools/tool", From: "-cmd tool"}, {Name: "kinit", From: "own"}})
	if err != nil {
		t.Fatal(err)
	}
	kept := make(map[string]bool)
	for _, p := range s {
		kept[p.Name] = p.Kept()
	}
	if err := s.Build(t.Context(), t.TempDir()); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, c := range s.Commands() {
		names = append(names, c.Name)
	}
	if diff := cmp.Diff([]string{"kinit", "tool"}, names); diff != "" {
		t.Errorf("Commands (-want +got):\n%s", diff)
	}
	return kept
}

// What changes in one program leaves the other as it is kept.
func TestSetKeepsApart(t *testing.T) {
	m := Maker{Dir: ownModule(t), Cache: t.TempDir()}
	tool, word := filepath.Join(m.Dir, "tools/tool/main.go"), filepath.Join(m.Dir, "pkg/word/word.go")
	write(t, tool, "package main\n\nfunc main() { println(\"tool\") }\n")
	alone := m.make(t, runtime.GOARCH)
	tests := []struct {
		name       string
		edit, from string
		want       map[string]bool
	}{
		{"one command more", "", "", map[string]bool{OwnProgram: true, OtherProgram: false}},
		{"the same again", "", "", map[string]bool{OwnProgram: true, OtherProgram: true}},
		{"other command edited", tool, "tool", map[string]bool{OwnProgram: true, OtherProgram: false}},
		{"own command edited", word, "one", map[string]bool{OwnProgram: false, OtherProgram: true}},
	}
	for _, tt := range tests {
		if tt.edit != "" {
			editQuietly(t, tt.edit, "\""+tt.from, "\"x"+tt.from)
		}
		if diff := cmp.Diff(tt.want, m.kept(t)); diff != "" {
			t.Errorf("%s: kept (-want +got):\n%s", tt.name, diff)
		}
	}
	if again := m.make(t, runtime.GOARCH); !again.kept || len(again.data) == 0 || string(again.data) == string(alone.data) {
		t.Error("kinit alone is not the program that was made beside the tool")
	}
}

// Two commands of one name are refused, in whichever program they are.
func TestSetTwoOfOneName(t *testing.T) {
	m := Maker{Dir: ownModule(t)}
	write(t, filepath.Join(m.Dir, "tools/kinit/main.go"), "package main\n\nfunc main() {}\n")
	_, err := m.Resolve(t.Context(), runtime.GOARCH, []Ask{{Name: "kinit", From: "own"}, {Name: Module + "/tools/kinit", From: "-cmd 2"}})
	if err == nil || !strings.Contains(err.Error(), "-cmd 2: two commands named kinit: ") {
		t.Errorf("Resolve = %v, want it refused", err)
	}
}

// The error is that of the program that cannot be compiled, not that the other
// was stopped for it.
func TestSetError(t *testing.T) {
	m := Maker{Dir: ownModule(t)}
	write(t, filepath.Join(m.Dir, "tools/tool/main.go"), "package main\n\nfunc main() { undefined() }\n")
	s, err := m.Resolve(t.Context(), runtime.GOARCH, []Ask{{Name: "kinit", From: "own"}, {Name: Module + "/tools/tool", From: "-cmd 2"}})
	if err == nil {
		err = s.Build(t.Context(), t.TempDir())
	}
	if err == nil || !strings.Contains(err.Error(), "undefined: undefined") {
		t.Errorf("Build = %v, want the mistake", err)
	}
}
