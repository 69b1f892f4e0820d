package build

import (
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/kguest/kguest/initramfs"
	"github.com/kguest/kguest/pkg/hostcmd/verb"
	"github.com/kguest/kguest/pkg/nearest"
)

// The guest's paths of what changes its boot (package hook of the guest).
const (
	hookRoot = "/etc/kinit"
	noShell  = hookRoot + "/no-shell"
)

// stages are those of the boot that a script may replace, in order; a test
// holds them to pkg/boot, which a program of the host does not import.
func replaceable() []string {
	return []string{"mounts", "console", "modules", "idm", "images", "config", "root", "hostname", "network"}
}

// preceded are the stages that a script may run before.
func preceded() []string { return append(replaceable(), "switch") }

// gone is why there are no scripts at the last stages.
const gone = "the initramfs is gone by then"

// hookFile returns the file of a -hook WHEN-STAGE[/NAME]=FILE.
func hookFile(v verb.Value) (initramfs.File, error) {
	where, file, ok := strings.Cut(v.Text, "=")
	if !ok || file == "" {
		return initramfs.File{}, errors.New("want before-STAGE=FILE or after-STAGE=FILE")
	}
	where, name, named := strings.Cut(where, "/")
	if !named {
		name = filepath.Base(file)
	}
	switch {
	case name == "" || strings.Contains(name, "/") || name == ".." || name == ".":
		return initramfs.File{}, fmt.Errorf("%q is no name of a file; give one", name)
	case strings.HasPrefix(name, "."):
		return initramfs.File{}, fmt.Errorf("the boot leaves out %q, as its name begins with a dot; give it another: %s/NAME=%s", name, where, file)
	}
	if err := checkHook(where); err != nil {
		return initramfs.File{}, err
	}
	return script(v, file, path.Join(hookRoot, where+".d", name)), nil
}

func checkHook(where string) error {
	when, stage, _ := strings.Cut(where, "-")
	var have []string
	switch when {
	case "before":
		have = preceded()
	case "after":
		have = replaceable()
	default:
		return fmt.Errorf("%q: want before-STAGE or after-STAGE%s", where, nearest.Hint(when, []string{"before", "after"}))
	}
	if slices.Contains(have, stage) {
		return nil
	}
	if stage == "switch" || stage == "run" {
		return fmt.Errorf("nothing can be run %s stage %s: %s", when, stage, gone)
	}
	return noStage(stage, have)
}

func noStage(name string, have []string) error {
	return fmt.Errorf("no stage %q%s; there are %s", name, nearest.Hint(name, have), strings.Join(have, ", "))
}

// stageFile returns the file of a -stage STAGE=FILE.
func stageFile(v verb.Value) (initramfs.File, error) {
	stage, file, ok := strings.Cut(v.Text, "=")
	switch {
	case !ok || file == "":
		return initramfs.File{}, errors.New("want STAGE=FILE")
	case stage == "switch" || stage == "run":
		return initramfs.File{}, fmt.Errorf("only the first process itself can do stage %s; run a script before switch instead: -hook before-switch=%s", stage, file)
	case !slices.Contains(replaceable(), stage):
		return initramfs.File{}, noStage(stage, replaceable())
	}
	return script(v, file, hookRoot+"/"+stage), nil
}

// script is an executable of the boot's, whatever its bits are here.
func script(v verb.Value, host, guest string) initramfs.File {
	mode := uint32(0o755)
	return initramfs.File{Host: host, Guest: guest, Mode: &mode, Runs: true, From: v.From()}
}
