package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kguest/kguest/bench/rig"
)

func TestTable(t *testing.T) {
	var tab table
	tab.row("what", "n", "why")
	tab.row("é", "1000", "")
	tab.row("e", "-", "so")
	want := "| what |    n | why |\n| ---- | ---: | --- |\n| é    | 1000 |     |\n| e    |    - | so  |\n"
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
		Stages:  []Stage{{"mounts", 1, 10, 0}, {"modules", 0, 25, 0}, {"idm", 0, 0, 0}, {"run", 0, 35, 0}},
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

func TestWeigh(t *testing.T) {
	got := weigh([]Symbol{{"boot.Run", 100, "boot"}, {"type:.eq.a", 700, "type:"}, {"boot.boot", 900, "boot"}})
	want := Program{
		Symbols: []Symbol{{"boot.boot", 900, "boot"}, {"type:.eq.a", 700, "type:"}, {"boot.Run", 100, "boot"}},
		Groups:  []Symbol{{Name: "boot", Bytes: 1000}, {Name: "type:", Bytes: 700}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("weigh: -want +got\n%s", diff)
	}
}

// TestSymbolsOf: kinit's parts are no more than its file, and most of it but for
// what debuggers read.
func TestSymbolsOf(t *testing.T) {
	file := filepath.Join(t.TempDir(), "program")
	if _, err := command(t.Context(), "go", "build", "-o", file, kinitPath); err != nil {
		t.Fatal(err)
	}
	symbols, err := symbolsOf(file)
	if err != nil {
		t.Fatal(err)
	}
	names, sum := map[string]bool{}, int64(0)
	for _, s := range symbols {
		names[s.Name] = true
		sum += s.Bytes
	}
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	if sum > info.Size() || sum < info.Size()/3 {
		t.Errorf("the symbols have %d bytes, the file %d", sum, info.Size())
	}
	if names["runtime.mheap_"] || !names["main.main"] || !names["rest of .gopclntab"] {
		t.Errorf("want main.main, .gopclntab, and not runtime.mheap_, which is not in the file")
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

// TestAddScript: a stage that the script does not have, and a line of the kernel's
// between, take nothing from the next.
func TestAddScript(t *testing.T) {
	r := Result{Stages: []Stage{{Name: "mounts"}, {Name: "idm"}, {Name: "run"}}}
	r.addScript(&rig.Boot{Log: []rig.LogLine{
		{At: 5, Text: "Run /init as init process"},
		{At: 15, Text: "bench: step mounts"},
		{At: 20, Text: "a module"},
		{At: 40, Text: "bench: workload"},
	}})
	want := []Stage{{Name: "mounts", Script: 10}, {Name: "idm"}, {Name: "run", Script: 25}}
	if diff := cmp.Diff(want, r.Stages); diff != "" {
		t.Errorf("stages (-want +got):\n%s", diff)
	}
}

// TestPage: every part of the page has its figures.
func TestPage(t *testing.T) {
	r := sample()
	r.Stages, r.Modules = []Stage{{"mounts", 1, 2, 3}}, []Module{{"erofs", 5e6, false}}
	r.Packages, r.Growth = []Package{{"os", 19e3, 432}}, []Growth{{"orphans", 10, 1e6, 3}}
	r.Program.Groups, r.Program.Symbols = []Symbol{{Name: "os", Bytes: 7000}}, []Symbol{{"os.Open", 70, "os"}}
	got := page(r)
	for _, want := range []string{
		"2.000", "| erofs ", "5.00", "| os ", "432", "| orphans ", "`os.Open`", "handOverOverC", "## Stages", "busybox script",
		"## With a kernel that has its drivers built in", "1.500",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("the page has no %q:\n%s", want, got)
		}
	}
	if strings.Contains(got, "%!") {
		t.Errorf("the page has a wrong verb:\n%s", got)
	}
}
