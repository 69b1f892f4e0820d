package hook

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseEnv(t *testing.T) {
	tests := []struct {
		in   string
		want []Var
	}{
		{"", nil},
		{"# note\n\nA=1\n", []Var{{Name: "A", Value: "1"}}},
		{"A= \"x\" y=z ", []Var{{Name: "A", Value: ` "x" y=z `}}},
		{"A=\n_b2=2\n", []Var{{Name: "A"}, {Name: "_b2", Value: "2"}}},
		{"export A=1\nB=2\n", []Var{{"A", "1", true}, {"B", "2", false}}},
		{"export A=1\nB=2\nA=3\nexport B=4\n", []Var{{"A", "3", true}, {"B", "4", true}}},
	}
	for _, tt := range tests {
		got, err := ParseEnv("env", []byte(tt.in))
		if diff := cmp.Diff(tt.want, got); diff != "" || err != nil {
			t.Errorf("ParseEnv(%q): %v (-want +got):\n%s", tt.in, err, diff)
		}
	}
}

func TestParseEnvErrors(t *testing.T) {
	const (
		form = "give NAME=VALUE, or export NAME=VALUE for the workload too"
		name = "a name has letters, digits and _, and does not begin with a digit"
	)
	tests := []struct{ in, want string }{
		{"A=1\nB\n", `env:2: "B": ` + form},
		{"export A\n", `env:1: "export A": ` + form},
		{"# x\n\n=1", `env:3: "=1": ` + name},
		{"1A=1", `env:1: "1A=1": ` + name},
		{"A B=1", `env:1: "A B=1": ` + name},
		{" A=1", `env:1: " A=1": ` + name},
		{"export  A=1", `env:1: "export  A=1": ` + name},
		{"KINIT_ROOT=/", `env:1: "KINIT_ROOT=/": names that begin with KINIT_ are kinit's own`},
		{"A=\x00", `env:1: "A=\x00": a value cannot have a NUL`},
	}
	for _, tt := range tests {
		got, err := ParseEnv("env", []byte(tt.in))
		if err == nil || err.Error() != tt.want || got != nil {
			t.Errorf("ParseEnv(%q) = %v, %v, want %s", tt.in, got, err, tt.want)
		}
	}
}

func TestReadEnv(t *testing.T) {
	dir := t.TempDir()
	if got, err := ReadEnv(filepath.Join(dir, "none")); got != nil || err != nil {
		t.Errorf("ReadEnv of no file = %v, %v, want nothing", got, err)
	}
	if _, err := ReadEnv(dir); err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("ReadEnv of a folder = %v", err)
	}
	big := filepath.Join(dir, "big")
	must(t, os.WriteFile(big, make([]byte, maxEnvSize+1), 0o600))
	if _, err := ReadEnv(big); err == nil || !strings.Contains(err.Error(), "over the limit") {
		t.Errorf("ReadEnv of a big file = %v", err)
	}
}

// FuzzParseEnv: what is parsed can be written and is then parsed again.
func FuzzParseEnv(f *testing.F) {
	f.Add([]byte("A=1\nexport B=x y\n# c\n\nA=2\n"))
	f.Add([]byte("export =\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		vars, err := ParseEnv("env", data)
		if err != nil {
			if vars != nil || !strings.HasPrefix(err.Error(), "env:") {
				t.Fatalf("ParseEnv(%q) = %v, %v", data, vars, err)
			}
			return
		}
		var b strings.Builder
		for _, v := range vars {
			if v.Exported {
				b.WriteString("export ")
			}
			b.WriteString(v.Name + "=" + v.Value + "\n")
		}
		again, err := ParseEnv("env", []byte(b.String()))
		if diff := cmp.Diff(vars, again); diff != "" || err != nil {
			t.Fatalf("ParseEnv(%q) written and parsed again: %v (-want +got):\n%s", data, err, diff)
		}
	})
}
