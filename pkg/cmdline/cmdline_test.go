package cmdline

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParse(t *testing.T) {
	value := func(name, value string) Param { return Param{name, value} }
	flag := func(name string) Param { return Param{Name: name} }
	for in, want := range map[string][]Param{
		"":                             nil,
		" \t\n":                        nil,
		"quiet":                        {flag("quiet")},
		"quiet\n":                      {flag("quiet")},
		"  ro   a=1\tb=2 ":             {flag("ro"), value("a", "1"), value("b", "2")},
		"a=":                           {value("a", "")},
		"a=b=c":                        {value("a", "b=c")},
		"=a":                           {flag("=a")},
		"=a=b":                         {value("=a", "b")},
		"=":                            {flag("=")},
		`a="b c" d`:                    {value("a", "b c"), flag("d")},
		`"a=b c" d`:                    {value("a", "b c"), flag("d")},
		`"a b" d`:                      {flag("a b"), flag("d")},
		`a=b"c d"e`:                    {value("a", `b"c d"e`)},
		`a="b c`:                       {value("a", "b c")},
		`a="`:                          {value("a", "")},
		`a=""`:                         {value("a", "")},
		`""`:                           {flag("")},
		`"`:                            {flag("")},
		`a"b c"=d`:                     {value(`a"b c"`, "d")},
		`a=\"b c\"`:                    {value("a", `\"b c\"`)},
		"a=1 a=2":                      {value("a", "1"), value("a", "2")},
		"a='b c'":                      {value("a", "'b"), flag("c'")},
		"a=é\u00a0b":                   {value("a", "é\u00a0b")},
		"a=1\x00b=2":                   {value("a", "1")},
		`dyndbg="file x +p; line 3-5"`: {value("dyndbg", "file x +p; line 3-5")},
	} {
		if diff := cmp.Diff(want, Parse(in)); diff != "" {
			t.Errorf("Parse(%q) (-want +got):\n%s", in, diff)
		}
	}
}

func TestParseLeavesInit(t *testing.T) {
	for in, want := range map[string][]Param{
		"a -- b c=d":          {{Name: "a"}},
		"--":                  nil,
		"-- -- x":             nil,
		"a --=x b":            {{Name: "a"}, {"--", "x"}, {Name: "b"}},
		"a --= b":             {{Name: "a"}, {Name: "--"}, {Name: "b"}},
		"a --- b":             {{Name: "a"}, {Name: "---"}, {Name: "b"}},
		"a -- kinit.break=x ": {{Name: "a"}},
	} {
		if diff := cmp.Diff(want, Parse(in)); diff != "" {
			t.Errorf("Parse(%q) (-want +got):\n%s", in, diff)
		}
	}
}

// FuzzParse holds that every byte of a parameter comes from the line, and that
// unquoted parameters survive being written and read again.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"a=1 b", `a="b c" "d e"`, "a -- b", "--=", "=a", `"`, "a\x00b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		length := 0
		var plain []Param
		var words []string
		for _, p := range Parse(s) {
			length += len(p.Name) + len(p.Value)
			if p.Name == "" && p.Value != "" {
				t.Fatalf("Parse(%q) has a value without a name: %q", s, p.Value)
			}
			if p.Name != "" && !strings.ContainsAny(p.Name+p.Value, " \t\n\v\f\r\"") {
				plain = append(plain, p)
				words = append(words, p.Name+"="+p.Value)
			}
		}
		if length > len(s) {
			t.Fatalf("Parse(%q) has %d bytes, more than the line", s, length)
		}
		if diff := cmp.Diff(plain, Parse(strings.Join(words, " "))); diff != "" {
			t.Fatalf("Parse of the written parameters of %q (-want +got):\n%s", s, diff)
		}
	})
}
