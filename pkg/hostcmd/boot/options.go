package boot

import (
	"strings"
	"time"

	"github.com/kguest/kguest/pkg/hostcmd/launchflag"
	"github.com/kguest/kguest/pkg/hostcmd/verb"
	"github.com/kguest/kguest/pkg/vm"
)

// auto leaves a choice to boot.
const auto = "auto"

// options are boot's flags as given.
type options struct {
	kernel, initramfs string
	memoryMiB, cpus   int
	net               string
	accel, machine    string
	publish           []vm.Forward
	volumes           []vm.Disk
	tty               bool
	timeout           time.Duration
	name              string
	append            []string
	verbose           bool
	dryRun            bool
	xen, firecracker  bool
	launch            *launchflag.Flags

	target string // SOURCE or DIR
	socket string // of IDM, for a machine that somebody else starts
}

func newOptions() *options {
	return &options{memoryMiB: 256, cpus: 1, net: vm.NetUser, accel: auto, machine: auto}
}

func (o *options) define(f *verb.Flags) {
	f.String(&o.kernel, "kernel", "FILE|DIR", `The kernel, or a folder with an unpacked Debian linux-image package. The default is
this machine's, where it and its modules can be read, else the newest one in kguest/kernel in the user's cache, where .ci/kernel of
kguest's sources puts one.`)
	f.String(&o.initramfs, "initramfs", "FILE", `One that build made. By default it is built.`)
	f.Func("memory", "SIZE", `Of the machine, in MiB, or with M or G. The default is 256M.`, o.setMemory)
	f.Int(&o.cpus, "cpus", "N", `How many processors the machine has.`, 1)
	f.Choice(&o.accel, "accel", []string{auto, vm.AccelKVM, vm.AccelTCG}, `auto is KVM where a guest boots under it in time, which is
tried once after each start of this machine, and else tcg, QEMU's own emulation.`)
	f.Choice(&o.machine, "machine", []string{auto, vm.MachineQ35, vm.MachineMicroVM}, `QEMU's machine; auto is q35.`)
	f.Func("publish", "[IP:]PORT:PORT[/udp]", `Leads a port of this machine, on 127.0.0.1 unless IP says otherwise, to one of the guest.
May be given several times.`, o.addForward)
	f.Func("volume", "FILE[:ro]", `A raw disk of the guest: the first is /dev/vdc. The guest mounts it itself. May be given several times.`, o.addVolume)
	f.Bool(&o.tty, "t", `The command gets a terminal.`)
	f.Duration(&o.timeout, "timeout", "TIME", `Kills the machine after this time. The default is never.`)
	f.Func("name", "NAME", `Makes the guest known to exec, metrics, stop and ps.`, o.setName)
	f.List(&o.append, "append", "WORDS", `More parameters for the kernel. May be given several times.`)
	f.Bool(&o.verbose, "v", `The kernel's and kinit's lines on standard error. With -t the machine has one terminal for them and the
command, as kinit.break and kinit.rescue need it.`)
	f.Bool(&o.dryRun, "dry-run", `Prints the command that starts QEMU, for a shell, and starts nothing.`)
	f.Bool(&o.xen, "xen-config", `Prints a configuration for xl create, and starts nothing.`)
	f.Bool(&o.firecracker, "firecracker-config", `Prints a configuration for firecracker -config-file, and starts nothing.`)
	o.launch = launchflag.DefineNet(f, "user|none|KEY=VALUE,...", `QEMU's own network, which is the default, or none; or how the guest
is to set up its network: `, o.setNet)
}

func (o *options) setNet(value string) bool {
	if value != vm.NetUser && value != vm.NetNone {
		return false
	}
	o.net = value
	return true
}

// prints reports whether a configuration is asked for, and no machine.
func (o *options) prints() bool { return o.dryRun || o.xen || o.firecracker }

// shared reports whether the command and the kernel have one terminal.
func (o *options) shared() bool { return o.tty && o.verbose }

func (o *options) check(args verb.Args) error {
	switch {
	case len(args.Operands) == 0:
		return verb.Usagef("no image: give a SOURCE such as docker://REF or oci:DIR, or a DIR that pack made")
	case len(args.Operands) > 1:
		return verb.Usagef("unexpected argument %q; a command stands after --", args.Operands[1])
	case o.timeout < 0:
		return verb.Usagef("-timeout %v: want more than 0", o.timeout)
	case len(o.publish) > 0 && o.net == vm.NetNone:
		return verb.Usagef("-publish and -net none exclude each other")
	case o.dryRun && (o.xen || o.firecracker), o.xen && o.firecracker:
		return verb.Usagef("-dry-run, -xen-config and -firecracker-config exclude each other")
	case o.memoryMiB < leastMemoryMiB:
		return verb.Usagef("-memory: want at least %dM", leastMemoryMiB)
	}
	o.target = args.Operands[0]
	if err := o.checkHypervisor(); err != nil {
		return err
	}
	return o.checkAppend()
}

// checkAppend refuses a shell that nobody could type to.
func (o *options) checkAppend() error {
	for _, words := range o.append {
		for word := range strings.FieldsSeq(words) {
			shell := strings.HasPrefix(word, "kinit.break=") || word == "kinit.rescue=shell"
			if shell && !o.shared() && !o.prints() {
				return verb.Usagef("-append %s: its shell needs the machine's own terminal; give -t and -v too", word)
			}
		}
	}
	return nil
}

// leastMemoryMiB is what no kernel boots below.
const leastMemoryMiB = 32

// setMemory parses a number of MiB, or one with its unit.
func (o *options) setMemory(value string) error {
	if strings.Trim(value, "0123456789") == "" {
		value += "M"
	}
	bytes, err := launchflag.ParseSize(value)
	if err != nil {
		return err
	}
	o.memoryMiB = int(min(bytes>>20, 1<<30))
	return nil
}
