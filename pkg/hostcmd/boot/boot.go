// Package boot has the verbs that run an image as a microVM, and reach it then.
package boot

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/kguest/kguest/pkg/hostcmd/verb"
	"github.com/kguest/kguest/pkg/vm"
)

// Statuses of a run that did not end by itself.
const (
	statusTimeout = 124
	statusNoBoot  = 125
	statusKilled  = 137
)

func (o *options) run(ctx context.Context, s verb.Streams, args verb.Args) error {
	if err := o.check(args); err != nil {
		return err
	}
	progress := verb.Progress(s.Stderr)
	config, clean, err := o.machineOf(ctx, s, progress, args.Command)
	progress("")
	if err != nil {
		return err
	}
	defer clean()
	switch {
	case o.dryRun:
		return o.printQEMU(s.Stdout, config)
	case o.xen:
		return o.printXen(s.Stdout, config)
	case o.firecracker:
		return o.printFirecracker(ctx, s, config)
	}
	return o.runMachine(ctx, s, config)
}

// machineOf makes all that the machine needs. clean removes what is of no use
// after it.
func (o *options) machineOf(ctx context.Context, s verb.Streams, progress func(string), command []string) (c vm.Config, clean func(), err error) {
	cache, err := cacheFolder()
	if err != nil {
		return c, nil, err
	}
	kernel, err := findKernel(o.kernel, filepath.Join(cache, "kernel"))
	if err != nil {
		return c, nil, err
	}
	c = o.config(kernel)
	dir, clean, err := o.workFolder(cache)
	if err != nil {
		return c, nil, err
	}
	o.work = dir
	if err := o.fill(ctx, s, progress, &c, kernel, dir, cache, command); err != nil {
		clean()
		return c, nil, err
	}
	if c.Accel == auto && !o.xen && !o.firecracker {
		progress("trying KVM")
		c.Accel = vm.RememberAccel(ctx, c, cache)
	}
	return c, clean, nil
}

// fill makes the initramfs and the disks of c in dir.
func (o *options) fill(ctx context.Context, s verb.Streams, progress func(string), c *vm.Config, k kernel, dir, cache string, command []string) error {
	image, conf, err := o.disks(ctx, s, progress, dir, command)
	if err != nil {
		return err
	}
	c.Disks = append([]vm.Disk{{Path: image}, {Path: conf}}, o.volumes...)
	c.Initramfs, err = o.findInitramfs(ctx, progress, k, dir, cache)
	return err
}

// config returns the machine without its initramfs and disks.
func (o *options) config(k kernel) vm.Config {
	c := vm.Config{
		Kernel: k.image, Machine: o.machine, Accel: o.accel, MemoryMiB: o.memoryMiB, CPUs: o.cpus,
		Net: o.net, Forwards: o.publish, IDM: vm.IDMPort, Timeout: o.timeout, Stdio: vm.StdioPipes,
	}
	if c.Machine == auto {
		c.Machine = vm.MachineQ35
	}
	if c.Timeout == 0 {
		c.Timeout = -1
	}
	switch {
	case o.shared():
		c.Stdio = vm.StdioConsole
	case o.tty:
		c.Stdio = vm.StdioTerminal
	}
	c.Append = []string{"kinit.idm=/dev/vport0p1"}
	if o.verbose {
		c.Append = append(c.Append, "kinit.log=info")
	} else {
		c.Append = append(c.Append, "quiet", "kinit.log=warn")
	}
	for _, words := range o.append {
		c.Append = append(c.Append, strings.Fields(words)...)
	}
	return c
}

// cacheFolder is kguest's folder in the user's cache.
func cacheFolder() (string, error) {
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find the user's cache: %w; set XDG_CACHE_HOME or HOME", err)
	}
	dir = filepath.Join(dir, "kguest")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("make the user's cache: %w", err)
	}
	return dir, nil
}

// workFolder makes a folder for the disks: one that clean removes, or, where
// what is printed names them, one that stays.
func (o *options) workFolder(cache string) (dir string, clean func(), err error) {
	if o.prints() {
		dir = filepath.Join(cache, "boot", folderName(o.target))
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return "", nil, fmt.Errorf("make folder for the disks: %w", err)
		}
		return dir, func() {}, nil
	}
	if dir, err = os.MkdirTemp("", verb.Program+"-"); err != nil {
		return "", nil, fmt.Errorf("make folder for the disks: %w; set TMPDIR to a folder that has space and can be written", err)
	}
	return dir, func() { _ = os.RemoveAll(dir) }, nil // nothing is lost with it
}

// folderName is a file name that tells source to a person.
func folderName(source string) string {
	name := strings.Map(func(r rune) rune {
		if oddInName(r) {
			return '-'
		}
		return r
	}, source)
	return strings.Trim(name[max(0, len(name)-maxName):], "-.")
}

// warn writes a warning of one line.
func warn(w io.Writer, line string) {
	fmt.Fprintf(w, "%s: warning: %s\n", verb.Program, strings.ReplaceAll(line, "\n", `\n`))
}
