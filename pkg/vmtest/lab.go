package vmtest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/kguest/kguest/pkg/vm"
)

// Lab has what every boot needs, made once.
type Lab struct {
	repo      string // root of the module
	kernel    string
	initramfs string
	accel     map[string]string // by machine

	debian func() (string, error)                // folder with image.squashfs and config.json
	build  func(flags ...string) (string, error) // returns an initramfs
}

// NewLab fetches the kernel and builds the initramfs, in dir. repo is the root
// of the module.
func NewLab(ctx context.Context, repo, dir string) (*Lab, error) {
	l := &Lab{repo: repo, initramfs: filepath.Join(dir, "initramfs.cpio"), accel: map[string]string{}}
	dirOfKernel, err := l.script(ctx, "kernel")
	if err != nil {
		return nil, err
	}
	kernel, err := vm.FindKernel(dirOfKernel)
	if err != nil {
		return nil, err
	}
	l.kernel = kernel.Image
	for _, machine := range []string{vm.MachineQ35, vm.MachineMicroVM} {
		l.accel[machine] = vm.ChooseAccel(ctx, vm.Config{Kernel: l.kernel, Machine: machine})
	}
	l.debian = sync.OnceValues(func() (string, error) { return l.script(ctx, "debian-image") })
	l.build = builder(dir, kernel.Modules)
	return l, buildInitramfs(ctx, l.initramfs, kernel.Modules, nil)
}

// script runs a script of .ci and returns the folder that it prints.
func (l *Lab) script(ctx context.Context, name string) (string, error) {
	cmd := exec.CommandContext(ctx, filepath.Join(l.repo, ".ci", name))
	var words bytes.Buffer
	cmd.Stderr = &words
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf(".ci/%s: %w: %s", name, err, bytes.TrimSpace(words.Bytes()))
	}
	return string(bytes.TrimSpace(out)), nil
}

// Prepare makes the disks of s in dir and returns its machine.
func (l *Lab) Prepare(ctx context.Context, s *Scenario, machine, dir string) (vm.Config, error) {
	c := vm.Config{
		Machine: machine, Accel: l.accel[machine], Kernel: l.kernel, Initramfs: l.initramfs,
		Append: append(logWords(s), s.Append...), Net: s.Net, IDM: s.IDM,
	}
	var err error
	if c.Initramfs, err = l.initramfsFor(ctx, s, dir); err != nil {
		return c, err
	}
	switch {
	case s.First != "":
		c.Append = append(c.Append, "rdinit=/"+filepath.Base(s.First))
	case s.Init != "":
		c.Append = append(c.Append, "rdinit=/bin/gosh", "--", "/script")
	}
	if slices.ContainsFunc(s.Typed, func(t Typed) bool { return t.QMP }) {
		c.QMP = filepath.Join(dir, "qmp")
	}
	for i, d := range s.Disks {
		path := filepath.Join(dir, fmt.Sprintf("disk%d-%s", i, d.Kind))
		if d.Kind == "image" && s.Base == baseDebian {
			folder, err := l.debian()
			if err != nil {
				return c, err
			}
			path = filepath.Join(folder, "image.squashfs")
		} else if err := l.makeDisk(ctx, s, d, path); err != nil {
			return c, err
		}
		c.Disks = append(c.Disks, vm.Disk{Path: path, Serial: d.Serial, Writable: d.Writable, Late: d.Late})
	}
	return c, nil
}

// logWords has the kernel quiet and kinit not, unless s says another thing.
func logWords(s *Scenario) []string {
	if slices.Contains(s.Append, "quiet") || slices.Contains(s.Append, "debug") {
		return nil
	}
	return []string{"quiet", "kinit.log=warn"}
}

// The configurations of a scenario that has none of its own.
const (
	defaultConfig = `{
  "architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": []},
  "config": {"Entrypoint": ["/bin/sh"], "Cmd": ["-c", "@script"]}
}
`
	defaultLaunch = `{"hostname": null, "network": null, "env": {}, "run": null}`
	debianLaunch  = `{"hostname": null, "network": null, "env": {}, "run": ["-c", "@script"]}`
)

// prelude is what a script can call.
const prelude = `report() {
	echo "` + reportMark + `$1"
	shift
	"$@" 2>&1 || echo "(status $?)"
	echo "` + reportMark + reportEnd + `"
}
`

// configs returns the two files of the config disk.
func (l *Lab) configs(s *Scenario) (image, launch []byte, err error) {
	imageText, launchText := defaultConfig, defaultLaunch
	if s.Base == baseDebian {
		folder, err := l.debian()
		if err != nil {
			return nil, nil, err
		}
		made, err := os.ReadFile(filepath.Join(folder, "config.json"))
		if err != nil {
			return nil, nil, err
		}
		imageText, launchText = string(made), debianLaunch
	}
	if s.ConfigJSON != "" {
		imageText = s.ConfigJSON
	}
	if s.LaunchJSON != "" {
		launchText = s.LaunchJSON
	}
	script, err := json.Marshal(prelude + s.Script)
	if err != nil {
		return nil, nil, err
	}
	fill := func(text string) []byte { return []byte(strings.ReplaceAll(text, `"@script"`, string(script))) }
	return fill(imageText), fill(launchText), nil
}
