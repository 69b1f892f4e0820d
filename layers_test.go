package main

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/kguest/kguest"

// side tells where a package runs.
type side int

const (
	guest side = iota // and the host, where it wants to
	host
	testOnly
)

// A place is the layer of a package. It imports only what lies below it: of
// its own side, or, from the host's side, the guest's layers 0 and 1.
type place struct {
	side  side
	layer int
}

// places has every package of the module; dir/... stands for all below dir.
var places = map[string]place{
	"pkg/dirnames": {guest, -1},
	"pkg/inroot":   {guest, -1},
	"pkg/jsontok":  {guest, -1},
	"pkg/nearest":  {guest, -1},
	"pkg/rawfile":  {guest, -1},

	"pkg/stackroom": {guest, -1},
	"pkg/idm/wire":  {guest, -1},

	"pkg/shell/page": {guest, -1},

	"pkg/block":    {guest, 0},
	"pkg/cgroup":   {guest, 0},
	"pkg/cmdline":  {guest, 0},
	"pkg/console":  {guest, 0},
	"pkg/etcfiles": {guest, 0},
	"pkg/kmod":     {guest, 0},
	"pkg/launch":   {guest, 0},
	"pkg/mount":    {guest, 0},
	"pkg/netconf":  {guest, 0},
	"pkg/metrics":  {guest, 0},
	"pkg/ociproc":  {guest, 0},
	"pkg/xenstore": {guest, 0},

	"pkg/idm/idmpb": {guest, 0},
	"pkg/idm":       {guest, 1},
	"pkg/rootfs":    {guest, 1},
	"pkg/supervise": {guest, 1},
	"pkg/agent":     {guest, 2},
	"pkg/hook":      {guest, 2},
	"pkg/rescue":    {guest, 2},
	"pkg/boot":      {guest, 3},
	"pkg/guestcmd":  {guest, 4},
	"pkg/shell":     {guest, 4},
	"cmds/...":      {guest, 5},

	"initramfs/hostfile":        {host, -1},
	"initramfs/cpio":            {host, 0},
	"initramfs/compress":        {host, 0},
	"initramfs/elf":             {host, 0},
	"initramfs/inspect/archive": {host, 0},
	"initramfs/kconfig":         {host, 0},
	"initramfs/linker":          {host, 0},
	"initramfs/manifest":        {host, 0},
	"initramfs/pclntab":         {host, 0},
	"pkg/idm/idmpb/gen":         {host, 0},
	"pkg/idm/client":            {host, 0},
	"pkg/pack/flatten":          {host, 0},
	"pkg/pack/...":              {host, 1},
	"pkg/scratch":               {host, 0},
	"pkg/vm":                    {host, 0},
	"initramfs/...":             {host, 1},
	"pkg/idm/relay":             {host, 1},
	"pkg/pack":                  {host, 2},
	"initramfs":                 {host, 2},
	"pkg/hostcmd/verb":          {host, 3},
	"pkg/hostcmd/config":        {host, 4},
	"pkg/hostcmd/idm":           {host, 4},
	"pkg/hostcmd/launchflag":    {host, 4},
	"pkg/hostcmd/...":           {host, 5},
	"pkg/hostcmd":               {host, 6},
	"examples/...":              {host, 7},
	"bench/rig":                 {host, 7},
	"bench":                     {host, 8},
	".":                         {host, 7},

	"pkg/nstest": {testOnly, 0},
	"pkg/vmtest": {testOnly, 1},

	"pkg/hostcmd/verbtest": {testOnly, 0},
}

// placeOf returns the place of dir, a slash-separated folder of the module.
func placeOf(dir string) (place, bool) {
	if p, ok := places[dir]; ok {
		return p, true
	}
	for up := dir; up != "."; up = path.Dir(up) {
		if p, ok := places[path.Dir(up)+"/..."]; ok {
			return p, true
		}
	}
	return place{}, false
}

// violation says what is wrong with dir importing imported, "" for nothing.
// Both are folders of the module. A test may import what it likes.
func violation(dir, imported string, isTest bool) string {
	from, ok := placeOf(dir)
	if !ok {
		return fmt.Sprintf("%s has no place: give it one in layers_test.go", dir)
	}
	to, ok := placeOf(imported)
	if !ok {
		return fmt.Sprintf("%s imports %s, which has no place in layers_test.go", dir, imported)
	}
	below := from.side == to.side && to.layer < from.layer
	switch {
	case isTest || from.side == testOnly || below:
		return ""
	case from.side == host && to.side == guest && to.layer <= 1:
		return ""
	case dir == "pkg/hostcmd/manual" && imported == "pkg/guestcmd": // it prints their pages
		return ""
	case to.side == testOnly:
		return fmt.Sprintf("%s imports %s, which is for tests only", dir, imported)
	case from.side != to.side:
		return fmt.Sprintf("%s imports %s, which is of the other side", dir, imported)
	default:
		return fmt.Sprintf("%s (layer %d) imports %s (layer %d): only what lies below may be imported",
			dir, from.layer, imported, to.layer)
	}
}

// TestLayers reads the imports of every file. It does not run go list, whose
// result the test cache would keep past a bad import.
func TestLayers(t *testing.T) {
	files := 0
	err := filepath.WalkDir(".", func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := entry.Name()
		if entry.IsDir() && file != "." && (strings.HasPrefix(name, ".") || name == "testdata" || name == "build") {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(name, ".go") {
			return nil
		}
		files++
		checkFile(t, file)
		return nil
	})
	if err != nil || files < 10 {
		t.Errorf("read %d files: %v", files, err)
	}
}

func checkFile(t *testing.T, file string) {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
	if err != nil {
		t.Error(err)
		return
	}
	dir := filepath.ToSlash(filepath.Dir(file))
	for _, spec := range parsed.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			t.Errorf("%s: import %s: %v", file, spec.Path.Value, err)
			continue
		}
		folder, ok := strings.CutPrefix(imported, module+"/")
		if !ok {
			continue
		}
		if wrong := violation(dir, folder, strings.HasSuffix(file, "_test.go")); wrong != "" {
			t.Errorf("%s: %s", file, wrong)
		}
	}
}

func TestViolation(t *testing.T) {
	tests := []struct {
		from, to string
		isTest   bool
		want     string
	}{
		{"pkg/rootfs", "pkg/mount", false, ""},
		{"cmds/kinit", "pkg/guestcmd", false, ""},
		{".", "pkg/hostcmd", false, ""},
		{"pkg/hostcmd", "initramfs/cpio", false, ""},
		{"initramfs", "initramfs/cpio", false, ""},
		{"initramfs/modules", "pkg/kmod", false, ""},
		{"pkg/vmtest", "pkg/vm", false, ""},
		{"pkg/mount", "pkg/nstest", true, ""},
		{
			"pkg/mount", "pkg/block", false,
			"pkg/mount (layer 0) imports pkg/block (layer 0): only what lies below may be imported",
		},
		{
			"pkg/supervise", "pkg/boot", false,
			"pkg/supervise (layer 1) imports pkg/boot (layer 3): only what lies below may be imported",
		},
		{"pkg/boot", "pkg/vm", false, "pkg/boot imports pkg/vm, which is of the other side"},
		{"pkg/hostcmd", "pkg/boot", false, "pkg/hostcmd imports pkg/boot, which is of the other side"},
		{"pkg/mount", "pkg/nstest", false, "pkg/mount imports pkg/nstest, which is for tests only"},
		{"pkg/util", "pkg/mount", false, "pkg/util has no place: give it one in layers_test.go"},
		{"pkg/boot", "pkg/util", false, "pkg/boot imports pkg/util, which has no place in layers_test.go"},
	}
	for _, tt := range tests {
		if got := violation(tt.from, tt.to, tt.isTest); got != tt.want {
			t.Errorf("violation(%s, %s, %t) = %q, want %q", tt.from, tt.to, tt.isTest, got, tt.want)
		}
	}
}
