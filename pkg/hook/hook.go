// Package hook runs the scripts that change a boot without compiling it anew.
// They are executables of any kind below one directory, /etc/kinit:
//
//	before-STAGE.d/*  in the order of their names, before the stage
//	STAGE             in place of the stage
//	after-STAGE.d/*   in the order of their names, after the stage
//	env               the variables that they hand on; see ParseEnv
//
// A name in a .d directory that begins with a dot is left out, and one that ends
// in .optional may fail.
package hook

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/kguest/kguest/pkg/dirnames"
)

// When is the time of a script with respect to its stage.
type When string

// The times.
const (
	Before  When = "before"
	Instead When = "instead"
	After   When = "after"
)

// Script is one executable.
type Script struct {
	Stage string
	When  When
	Path  string
}

// Name is the script's in a report: "network/before/10-routes", or the stage's
// own name where it takes the stage's place.
func (s Script) Name() string {
	if s.When == Instead {
		return s.Stage
	}
	return s.Stage + "/" + string(s.When) + "/" + filepath.Base(s.Path)
}

// Optional reports a script that may fail.
func (s Script) Optional() bool { return strings.HasSuffix(s.Path, ".optional") }

// List returns the scripts of a stage for one time, in order; of Instead there
// is one at most.
func List(dir, stage string, when When) ([]Script, error) {
	if when == Instead {
		path := filepath.Join(dir, stage)
		if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
		return []Script{{Stage: stage, When: when, Path: path}}, nil
	}
	folder := filepath.Join(dir, string(when)+"-"+stage+".d")
	names, err := dirnames.Read(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list scripts: %w", err)
	}
	var scripts []Script
	for _, name := range names {
		if strings.HasPrefix(name, ".") {
			continue
		}
		scripts = append(scripts, Script{Stage: stage, When: when, Path: filepath.Join(folder, name)})
	}
	return scripts, nil
}

// Stage is a stage of a boot as scripts may see it.
type Stage struct {
	Name     string
	Replaced bool // a script may take its place
	Followed bool // scripts may run after it
	Preceded bool // scripts may run before it
}

// Present reports whether there is a directory of scripts at all.
func Present(dir string) bool {
	_, err := os.Stat(dir)
	return err == nil
}

// Strays returns an error for each name in dir that no stage goes by: what it
// was meant for does not happen. known are other names that have a meaning.
func Strays(dir string, stages []Stage, known ...string) []error {
	names, err := dirnames.Read(dir)
	if err != nil {
		return []error{fmt.Errorf("list scripts: %w", err)}
	}
	for _, s := range stages {
		if s.Replaced {
			known = append(known, s.Name)
		}
		if s.Preceded {
			known = append(known, "before-"+s.Name+".d")
		}
		if s.Followed {
			known = append(known, "after-"+s.Name+".d")
		}
	}
	var errs []error
	for _, name := range names {
		if !slices.Contains(known, name) && !strings.HasPrefix(name, ".") {
			errs = append(errs, fmt.Errorf("%s: %s", filepath.Join(dir, name), strayReason(name, stages)))
		}
	}
	return errs
}

func strayReason(name string, stages []Stage) string {
	bare := strings.TrimSuffix(strings.TrimPrefix(strings.TrimPrefix(name, "before-"), "after-"), ".d")
	i := slices.IndexFunc(stages, func(s Stage) bool { return s.Name == bare })
	switch {
	case i < 0:
		return "no stage has this name, so it is not run"
	case strings.HasPrefix(name, "before-"), strings.HasPrefix(name, "after-") && stages[i].Followed:
		return "not run: scripts before and after a stage are in before-" + bare + ".d and after-" + bare + ".d"
	case strings.HasPrefix(name, "after-"):
		return "not run: the initramfs is gone by then"
	default:
		return "not run: only the first process itself can do this stage"
	}
}
