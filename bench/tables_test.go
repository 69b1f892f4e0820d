package main

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kguest/kguest/bench/rig"
)

func TestTable(t *testing.T) {
	var tab table
	tab.row("what", "n")
	tab.row("é", "1000")
	want := "| what |    n |\n| ---- | ---: |\n| é    | 1000 |\n"
	if got := tab.String(); got != want {
		t.Errorf("table = \n%s, want\n%s", got, want)
	}
}

func TestParseStages(t *testing.T) {
	got, err := parseStages("kinit: mounts: done took=622.047µs\nkinit: net: warning: x\nkinit: run: done took=6ms\n", 1_000_000)
	want := []Stage{{Name: "mounts", Kguest: 622047}, {Name: "run", Kguest: 377953}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("parseStages: %v, -want +got\n%s", err, diff)
	}
	for in, want := range map[string]string{
		"silence":                      "read stages: kinit said nothing of them",
		"kinit: run: done took=soon\n": `read stage run: time: invalid duration "soon"`,
	} {
		if _, err := parseStages(in, 0); err == nil || err.Error() != want {
			t.Errorf("parseStages(%q) = %v, want %s", in, err, want)
		}
	}
}

func TestAddMarks(t *testing.T) {
	r := Result{Stages: []Stage{{Name: "mounts", Kguest: 1}, {Name: "modules"}, {Name: "idm"}, {Name: "run"}}}
	line := func(at time.Duration, text string) rig.LogLine { return rig.LogLine{At: at, Text: text} }
	r.addMarks([]rig.LogLine{
		line(100, "Run /init as init process"), line(110, "bench: step mounts"), line(130, "bench: module /a/virtio-blk.ko"),
		line(160, "bench: module /a/erofs.ko"), line(165, "bench: step modules"), line(200, "bench: workload"),
	}, []string{"virtio_blk"})
	want := Result{
		Stages:  []Stage{{"mounts", 1, 10}, {"modules", 0, 25}, {"idm", 0, 0}, {"run", 0, 35}},
		Modules: []Module{{"virtio_blk", 20, true}, {"erofs", 30, false}},
	}
	if diff := cmp.Diff(want, r); diff != "" {
		t.Errorf("addMarks: -want +got\n%s", diff)
	}
}

func TestGrown(t *testing.T) {
	var r Result
	r.grown("a", 10, 100)
	r.grown("a", 20, 150)
	r.grown("b", 30, 1)
	want := []Growth{{"a", 10, 100, 0}, {"a", 20, 150, 5}, {"b", 30, 1, 0}}
	if diff := cmp.Diff(want, r.Growth); diff != "" {
		t.Errorf("grown: -want +got\n%s", diff)
	}
}

func TestParseSymbols(t *testing.T) {
	nm := "  4a0000      900 T github.com/kguest/kguest/pkg/boot.(*Machine).boot\n" +
		"  4a0000      300 T slices.SortFunc[go.shape.[]github.com/x/y.Z]\n" +
		"  4a0000     5000 B runtime.mheap_\n" +
		"  4a0000      700 R type:.eq.a\n" +
		"  4a0000        0 T runtime.text\n" +
		"         U getpid\n" +
		"  4a0000      100 T github.com/kguest/kguest/pkg/boot.Run\n"
	got := parseSymbols([]byte(nm))
	want := Program{
		Symbols: []Symbol{
			{"github.com/kguest/kguest/pkg/boot.(*Machine).boot", 900, "github.com/kguest/kguest/pkg/boot"},
			{"type:.eq.a", 700, "type:"},
			{"slices.SortFunc[go.shape.[]github.com/x/y.Z]", 300, "slices"},
			{"github.com/kguest/kguest/pkg/boot.Run", 100, "github.com/kguest/kguest/pkg/boot"},
		},
		Groups: []Symbol{
			{Name: "github.com/kguest/kguest/pkg/boot", Bytes: 1000}, {Name: "type:", Bytes: 700}, {Name: "slices", Bytes: 300},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("parseSymbols: -want +got\n%s", diff)
	}
}

func TestGroupOf(t *testing.T) {
	for in, want := range map[string]string{
		"runtime.pclntab":                         "runtime",
		"internal/runtime/maps.(*Iter).Next":      "runtime",
		"type:*map[string]int":                    "type:",
		"go:itab.*os.File,io.Writer":              "go:itab.",
		"vendor/golang.org/x/net/dns.Parse":       "golang.org/x/net/dns",
		"gopkg.in/yaml%2ev3.(*T).f":               "gopkg.in/yaml%2ev3",
		"os.(*File).Read-fm":                      "os",
		"github.com/a/b.(*T[github.com/c/d.E]).f": "github.com/a/b",
		"_rt0_amd64_linux":                        "the linker",
	} {
		if got := groupOf(in); got != want {
			t.Errorf("groupOf(%s) = %s, want %s", in, got, want)
		}
	}
}

func TestParseOptions(t *testing.T) {
	got, err := parseOptions([]string{"-kernel", "k", "-growth", "-json", "j"})
	if want := (options{kernel: "k", json: "j", growth: true}); err != nil || got != want {
		t.Errorf("parseOptions = %+v, %v, want %+v", got, err, want)
	}
	for _, args := range [][]string{{}, {"-kernel", "k", "more"}, {"-no"}} {
		if _, err := parseOptions(args); err == nil {
			t.Errorf("parseOptions(%q) has no error", args)
		}
	}
}

// TestPage: every part of the page has its figures.
func TestPage(t *testing.T) {
	r := sample()
	r.Stages, r.Modules = []Stage{{"mounts", 1, 2}}, []Module{{"erofs", 5e6, false}}
	r.Packages, r.Growth = []Package{{"os", 19e3, 432}}, []Growth{{"orphans", 10, 1e6, 3}}
	r.Program.Groups, r.Program.Symbols = []Symbol{{Name: "os", Bytes: 7000}}, []Symbol{{"os.Open", 70, "os"}}
	got := page(r)
	for _, want := range []string{
		"2.000", "| erofs ", "5.00", "| os ", "432", "| orphans ", "`os.Open`", "handOverOverC", "## Stages", "busybox script",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("the page has no %q:\n%s", want, got)
		}
	}
	if strings.Contains(got, "%!") {
		t.Errorf("the page has a wrong verb:\n%s", got)
	}
}
