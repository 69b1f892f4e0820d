package cmdline

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParse(t *testing.T) {
	value := func(name, value string) Param { return Param{name, value, true} }
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
		if diff := cmp.Diff(want, Parse(in).All()); diff != "" {
			t.Errorf("Parse(%q) (-want +got):\n%s", in, diff)
		}
	}
}

func TestInit(t *testing.T) {
	for in, want := range map[string]struct{ before, init []string }{
		"a -- b c=d":          {[]string{"a"}, []string{"b", "c=d"}},
		"--":                  {nil, nil},
		"-- -- x":             {nil, []string{"--", "x"}},
		`-- "b c" d="e f"`:    {nil, []string{"b c", "d=e f"}},
		"a --=x b":            {[]string{"a", "--=x", "b"}, nil},
		"a --- b":             {[]string{"a", "---", "b"}, nil},
		"a -- kinit.break=x ": {[]string{"a"}, []string{"kinit.break=x"}},
	} {
		p := Parse(in)
		var before []string
		for _, param := range p.All() {
			before = append(before, param.String())
		}
		if diff := cmp.Diff(want.before, before); diff != "" {
			t.Errorf("Parse(%q).All() (-want +got):\n%s", in, diff)
		}
		if diff := cmp.Diff(want.init, p.Init()); diff != "" {
			t.Errorf("Parse(%q).Init() (-want +got):\n%s", in, diff)
		}
	}
}

func TestLookup(t *testing.T) {
	p := Parse("console=ttyS0 quiet kinit.end=halt console=hvc0 empty= kinit.end=reboot -- kinit.end=off")
	for name, want := range map[string]struct {
		value string
		ok    bool
	}{
		"console":   {"hvc0", true},
		"quiet":     {"", true},
		"empty":     {"", true},
		"kinit.end": {"reboot", true},
		"absent":    {"", false},
	} {
		if got, ok := p.Value(name); got != want.value || ok != want.ok {
			t.Errorf("Value(%q) = %q, %v, want %q, %v", name, got, ok, want.value, want.ok)
		}
	}
	if diff := cmp.Diff([]string{"ttyS0", "hvc0"}, p.Values("console")); diff != "" {
		t.Errorf("Values(console) (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"console", "quiet", "kinit.end", "empty"}, p.Names()); diff != "" {
		t.Errorf("Names() (-want +got):\n%s", diff)
	}
}

// FuzzParse holds that every byte of a parameter comes from the line, that
// unquoted parameters survive being written and read again, and that the
// look-ups agree with the list.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"a=1 b", `a="b c" "d e"`, "a -- b", "=a", `"`, "a\x00b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p := Parse(s)
		length := 0
		var plain []Param
		for _, param := range p.All() {
			length += len(param.String())
			if param.Name == "" && param.HasValue {
				t.Fatalf("Parse(%q) has a value without a name: %q", s, param.Value)
			}
			if text := param.String(); text != "" && !strings.ContainsAny(text, space+`"`) {
				plain = append(plain, param)
			}
			if _, ok := p.Value(param.Name); !ok {
				t.Fatalf("Parse(%q).Value(%q) is absent", s, param.Name)
			}
		}
		if length > len(s) {
			t.Fatalf("Parse(%q) has %d bytes, more than the line", s, length)
		}
		var words []string
		for _, param := range plain {
			words = append(words, param.String())
		}
		if diff := cmp.Diff(plain, Parse(strings.Join(words, " ")).All()); diff != "" {
			t.Fatalf("Parse of the written parameters of %q (-want +got):\n%s", s, diff)
		}
	})
}
