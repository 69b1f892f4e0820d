// Package boot has the verbs that run an image as a microVM, and reach it then.
package boot

import (
	"context"
	"fmt"
	"io"
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
		return o.printFirecracker(s.Stdout, config)
	}
	return o.runMachine(ctx, s, config)
}

// machineOf makes all that the machine needs. clean removes what is of no use
// after it.
func (o *options) machineOf(ctx context.Context, s verb.Streams, progress func(string), command []string) (c vm.Config, clean func(), err error) {
	m := maker{options: o, Streams: s, progress: progress, command: command}
	if err := m.findFolders(); err != nil {
		return c, nil, err
	}
	defer func() {
		if err != nil {
			_ = m.work.Remove() // the error is what counts
		}
	}()
	if c, err = m.machine(ctx); err != nil {
		return c, nil, err
	}
	if o.prints() {
		c, err = m.keep(c)
		return c, func() {}, err
	}
	if c.Accel == auto {
		progress("trying KVM")
		c.Accel = vm.RememberAccel(ctx, c, m.cache)
	}
	return c, func() { _ = m.work.Remove() }, nil // nothing is lost with it
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

// maxFolderName leaves a socket's path room below a folder of that name.
const maxFolderName = 24

// folderName is a file name that tells source to a person.
func folderName(source string) string {
	name := strings.Map(func(r rune) rune {
		if oddInName(r) {
			return '-'
		}
		return r
	}, source)
	return strings.Trim(name[max(0, len(name)-maxFolderName):], "-.")
}

// warn writes a warning of one line.
func warn(w io.Writer, line string) {
	fmt.Fprintf(w, "%s: warning: %s\n", verb.Program, strings.ReplaceAll(line, "\n", `\n`))
}
