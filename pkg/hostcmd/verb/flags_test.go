package verb

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// all is one flag of each kind.
type all struct {
	Text, Choice, Checked string
	On                    bool
	N                     int
	Time                  time.Duration
	List                  []string
	Values                []Value
}

func (a *all) define(f *Flags) {
	f.String(&a.Text, "text", "FILE", "d")
	f.Choice(&a.Choice, "choice", []string{"one", "two"}, "d")
	f.Checked(&a.Checked, "checked", "X", nil, "d", func(s string) error {
		if s != "x" {
			return errors.New("want x")
		}
		return nil
	})
	f.Bool(&a.On, "on", "d")
	f.Int(&a.N, "n", "N", "d", 1)
	f.Duration(&a.Time, "time", "TIME", "d")
	f.List(&a.List, "list", "L", "d")
	f.Values(&a.Values, "v", "V", "d")
	f.Func("func", "a|b", "d", func(string) error { return nil })
}

func TestParse(t *testing.T) {
	tests := []struct {
		args string
		want all
		rest Args
	}{
		{"", all{}, Args{}},
		{"-text a x -on y --n=5", all{Text: "a", On: true, N: 5}, Args{Operands: []string{"x", "y"}}},
		{"x -- -on --", all{}, Args{Operands: []string{"x"}, Command: []string{"-on", "--"}}},
		{"--", all{}, Args{Command: []string{}}},
		{"-text -- x", all{Text: "--"}, Args{Operands: []string{"x"}}},
		{"-text=-- -- x", all{Text: "--"}, Args{Command: []string{"x"}}},
		{"-text -on", all{Text: "-on"}, Args{}},
		{"-text= -", all{}, Args{Operands: []string{"-"}}},
		{"-on=false -on", all{On: true}, Args{}},
		{"-on -on=false", all{}, Args{}},
		{"-text a=b -text=c=d", all{Text: "c=d"}, Args{}},
		{"-list a -list b -v c -v=d", all{List: []string{"a", "b"}, Values: []Value{{Text: "c", At: "-v"}, {Text: "d", At: "-v"}}}, Args{}},
		{"-choice two -checked x -time 1m30s -func b", all{Choice: "two", Checked: "x", Time: 90 * time.Second}, Args{}},
	}
	for _, tt := range tests {
		var got all
		f := NewFlags()
		got.define(f)
		rest, err := f.Parse(strings.Fields(tt.args))
		if diff := cmp.Diff(tt.want, got) + cmp.Diff(tt.rest, rest); err != nil || diff != "" {
			t.Errorf("Parse(%s) = %v (-want +got):\n%s", tt.args, err, diff)
		}
	}
}

func TestParseCommandFollows(t *testing.T) {
	var got all
	f := NewFlags()
	got.define(f)
	f.CommandFollows()
	rest, err := f.Parse([]string{"-on", "ls", "-on", "--", "x"})
	if diff := cmp.Diff(Args{Command: []string{"ls", "-on", "--", "x"}}, rest); err != nil || diff != "" {
		t.Errorf("Parse = %v (-want +got):\n%s", err, diff)
	}
}

func TestParseErrors(t *testing.T) {
	tests := []struct{ args, want string }{
		{"-texd a", "unknown flag -texd; did you mean -text?"},
		{"-zzz", "unknown flag -zzz"},
		{"---text a", "unknown flag --text; did you mean -text?"},
		{"-text", "no value after -text; want -text FILE"},
		{"-choice tow", `-choice "tow": want one, two; did you mean "two"?`},
		{"-checked y", `-checked "y": want x`},
		{"-on=1", `-on "1": want true or false`},
		{"-n 0", `-n "0": want a number of at least 1`},
		{"-n x", `-n "x": want a number of at least 1`},
		{"-time 5", `-time "5": want a time with its unit, such as 1.5s or 2m`},
	}
	for _, tt := range tests {
		f := NewFlags()
		new(all).define(f)
		_, err := f.Parse(strings.Fields(tt.args))
		var usage *UsageError
		if !errors.As(err, &usage) || err.Error() != tt.want {
			t.Errorf("Parse(%s) = %v, want a usage error %q", tt.args, err, tt.want)
		}
	}
	for _, help := range []string{"-h", "x -help", "-on --help"} {
		f := NewFlags()
		new(all).define(f)
		if _, err := f.Parse(strings.Fields(help)); !errors.Is(err, errHelp) {
			t.Errorf("Parse(%s) = %v, want that for help", help, err)
		}
	}
}

func TestGive(t *testing.T) {
	var got all
	f := NewFlags()
	got.define(f)
	if err := f.Give("text", Value{Text: "a", At: "c.yaml:1: text"}); err != nil || got.Text != "a" {
		t.Errorf("Give(text) = %v, text %q", err, got.Text)
	}
	if _, err := f.Parse([]string{"-text", "b"}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]Value{{Text: "a", At: "c.yaml:1: text"}, {Text: "b", At: "-text"}}, f.Given("text")); diff != "" {
		t.Errorf("Given(text) (-want +got):\n%s", diff)
	}
	if err := f.Give("n", Value{Text: "0", At: "c.yaml:2: n"}); err == nil || f.Given("n") != nil {
		t.Errorf("Give(n, 0) = %v, given %v, want an error and nothing", err, f.Given("n"))
	}
	if err := f.Give("gone", Value{}); err == nil {
		t.Error("Give(gone) = nil, want an error")
	}
}

func TestBelow(t *testing.T) {
	tests := []struct{ arg, dir, text, want string }{
		{"FILE", "conf", "a", "conf/a"},
		{"FILE", "conf/", "./a/../b", "conf/a/../b"},
		{"FILE", ".", "a", "a"},
		{"FILE", "conf", "/a", "/a"},
		{"FILE", "/", "a", "/a"},
		{"FILE", "conf", "", ""},
		{"DIR", "conf", "../a", "conf/../a"},
		{"NAME", "conf", "a", "a"},
		{"HOST:GUEST[:MODE]", "conf", "a:/b:0644", "conf/a:/b:0644"},
		{"HOST:GUEST[:MODE]", "conf", "/a:/b", "/a:/b"},
		{"STAGE=FILE", "conf", "root=a=b", "root=conf/a=b"},
		{"STAGE=FILE", "conf", "root=/a", "root=/a"},
		{"COMMAND", "conf", "ls", "ls"},
		{"COMMAND", "conf", "example.com/ls", "example.com/ls"},
		{"COMMAND", "conf", "./ls", "./conf/ls"},
		{"COMMAND", "conf", "../ls", "./conf/../ls"},
		{"COMMAND", "/conf", "./ls", "/conf/ls"},
		{"PROGRAM[:GUEST]", "conf", "strace", "strace"},
		{"PROGRAM[:GUEST]", "conf", "strace:/bin/strace", "strace:/bin/strace"},
		{"PROGRAM[:GUEST]", "conf", "bin/strace:/bin/strace", "conf/bin/strace:/bin/strace"},
	}
	for _, tt := range tests {
		if got := (Flag{Arg: tt.arg}).Below(tt.dir, tt.text); got != tt.want {
			t.Errorf("%s: Below(%s, %s) = %s, want %s", tt.arg, tt.dir, tt.text, got, tt.want)
		}
	}
}

func TestNamed(t *testing.T) {
	tests := []struct{ arg, text, want string }{
		{"FILE", "/conf/a", "a"},
		{"DIR", "../a/", "a"},
		{"NAME", "conf/a", "conf/a"},
		{"HOST:GUEST[:MODE]", "/a/b:c:/d/e:0644", "b:c:/d/e:0644"},
		{"STAGE=FILE", "root=/a/b=c", "root=b=c"},
		{"COMMAND", "example.com/ls", "example.com/ls"},
		{"COMMAND", "./cmds/ls", "ls"},
		{"COMMAND", "/src/cmds/ls", "ls"},
		{"PROGRAM[:GUEST]", "/usr/bin/strace:/bin/strace", "strace:/bin/strace"},
	}
	for _, tt := range tests {
		if got := (Flag{Arg: tt.arg}).Named(tt.text); got != tt.want {
			t.Errorf("%s: Named(%s) = %s, want %s", tt.arg, tt.text, got, tt.want)
		}
	}
}

func ExampleVerb_Page() {
	v := Verb{
		Name: "paint", Usage: []string{"[flags] WALL"}, About: "Paints a wall.",
		Define: func(f *Flags) Run {
			color := "white"
			f.Choice(&color, "color", []string{"white", "blue"}, "Of the paint.")
			return nil
		},
		Notes: "It dries.", Examples: []string{"paint -color blue north"},
	}
	fmt.Print(v.Page())
	// Output:
	// Paints a wall.
	//
	// Usage:
	//
	// 	mkinitramfs paint [flags] WALL
	//
	// Flags:
	//
	// 	-color white|blue
	// 		Of the paint.
	//
	// It dries.
	//
	// Examples:
	//
	// 	mkinitramfs paint -color blue north
}
