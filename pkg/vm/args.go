package vm

import (
	"fmt"
	"strconv"
	"strings"
)

// The descriptors on which QEMU inherits its ends.
const (
	idmFD    = 3 + iota // IDM
	logFD               // the kernel's console, where it is not the workload's
	errorsFD            // the workload's errors, where they are apart
)

// CommandLine returns the kernel's command line for c.
func CommandLine(c Config) string {
	c = c.withDefaults()
	words := []string{
		"console=ttyS0",
		"panic=-1",            // a panic reboots at once, which ends QEMU
		"cryptomgr.notests",   // self tests cost more than the rest of the boot
		"random.trust_cpu=on", // no wait for entropy
		"no_timer_check",      // emulated, it fails on a busy host, with a panic
	}
	if c.Machine == MachineMicroVM {
		words = append(words, "reboot=t") // it has no keyboard controller to reset by
		if c.Accel == AccelTCG && c.TSCkHz > 0 {
			words = append(words, "tsc_early_khz="+strconv.Itoa(c.TSCkHz))
		}
	}
	switch c.Stdio {
	case StdioTerminal:
		terminal := "kinit.terminal=/dev/hvc0"
		if c.Rows > 0 && c.Columns > 0 {
			terminal += fmt.Sprintf(",%dx%d", c.Rows, c.Columns)
		}
		words = append(words, terminal)
	case StdioPipes:
		words = append(words, "kinit.output=/dev/vport0p2,/dev/vport0p3")
	}
	if c.Icount {
		words = append(words, "idle=poll") // a halted guest would jump to its next timer
	}
	return strings.Join(append(words, c.Append...), " ")
}

// Args returns QEMU's arguments for c, without the program's name. Accel must
// be settled: AccelAuto counts as TCG.
func Args(c Config) []string {
	c = c.withDefaults()
	if c.Accel == AccelAuto {
		c.Accel = AccelTCG
	}
	args := []string{
		"-nodefaults", "-no-user-config", "-no-reboot", "-display", "none",
		"-machine", machine(c), "-accel", c.Accel, "-cpu", "max",
		"-m", strconv.Itoa(c.MemoryMiB), "-smp", strconv.Itoa(c.CPUs),
		"-kernel", c.Kernel, "-append", CommandLine(c),
	}
	args = append(args, serialArgs(c)...)
	if c.Initramfs != "" {
		args = append(args, "-initrd", c.Initramfs)
	}
	if c.QMP != "" {
		args = append(args, "-qmp", "unix:"+escape(c.QMP)+",server=on,wait=off")
	}
	if c.Icount {
		args = append(args, "-icount", "shift=0,sleep=off", "-seed", "1", "-rtc", "base=2024-01-01,clock=vm")
	}
	if c.Machine == MachineMicroVM {
		args = append(args, "-global", "virtio-mmio.force-legacy=false")
	}
	b := &bus{mmio: c.Machine == MachineMicroVM, slot: firstSlot}
	// The consoles come first: a port is named after the number of its device.
	args = append(args, consoleArgs(b, c)...)
	for i, d := range c.Disks {
		args = append(args, diskArgs(b, i, d)...)
	}
	return append(args, netArgs(b, c)...)
}

func machine(c Config) string {
	if c.Machine == MachineMicroVM {
		return "microvm,pit=on,pic=on,rtc=on"
	}
	return c.Machine
}

// bus names virtio devices: PCI ones, or virtio-mmio ones with their slot.
type bus struct {
	mmio bool
	slot int
}

// firstSlot and those below it: the kernel probes virtio-mmio slots from the
// highest down, and the disks must get their letters in order.
const firstSlot = 7

func (b *bus) device(kind string) string {
	if !b.mmio {
		return kind + "-pci"
	}
	b.slot--
	return fmt.Sprintf("%s-device,bus=virtio-mmio-bus.%d", kind, b.slot+1)
}

func diskArgs(b *bus, i int, d Disk) []string {
	readOnly := "on"
	if d.Writable {
		readOnly = "off"
	}
	drive := fmt.Sprintf("if=none,id=disk%d,format=raw,readonly=%s,file=%s", i, readOnly, escape(d.Path))
	if d.Late {
		return []string{"-drive", drive, "-device", fmt.Sprintf("pcie-root-port,id=late%d,chassis=%d", i, i+1)}
	}
	device := fmt.Sprintf("%s,drive=disk%d", b.device("virtio-blk"), i)
	if d.Serial != "" {
		device += ",serial=" + escape(d.Serial)
	}
	return []string{"-drive", drive, "-device", device}
}

// serialArgs makes the serial port, which is the kernel's console, and the way of
// the workload's output.
func serialArgs(c Config) []string {
	console := "stdio,id=console,signal=off"
	if c.Stdio == StdioConsole {
		return []string{"-chardev", console, "-serial", "chardev:console"}
	}
	log := fmt.Sprintf("socket,id=log,fd=%d", logFD)
	if c.Alone != nil {
		log = file("log", c.Alone.Log)
		if c.Stdio == StdioPipes { // at the end of standard input QEMU would close its output
			console = file("console", c.Alone.Output)
		}
	}
	return []string{"-chardev", console, "-chardev", log, "-serial", "chardev:log"}
}

// file is a chardev that writes a file.
func file(id, path string) string {
	return "file,id=" + id + ",path=" + escape(path) + ",append=on"
}

// consoleArgs makes hvc0 and, on further ports of the same device, IDM and the
// workload's streams.
func consoleArgs(b *bus, c Config) []string {
	args := []string{"-device", b.device("virtio-serial")}
	if c.Stdio == StdioTerminal {
		args = append(args, "-device", "virtconsole,nr=0,chardev=console")
	} else {
		args = append(args, "-chardev", "null,id=hvc0", "-device", "virtconsole,nr=0,chardev=hvc0")
	}
	args = append(args, idmArgs(c)...)
	if c.Stdio != StdioPipes {
		return args
	}
	errs := fmt.Sprintf("socket,id=errors,fd=%d", errorsFD)
	if c.Alone != nil {
		errs = file("errors", c.Alone.Errors)
	}
	return append(args, "-device", "virtserialport,nr=2,chardev=console,name=output",
		"-chardev", errs, "-device", "virtserialport,nr=3,chardev=errors,name=errors")
}

func idmArgs(c Config) []string {
	if c.IDM == IDMNone {
		return nil
	}
	socket := fmt.Sprintf("socket,id=idm,fd=%d", idmFD)
	if c.Alone != nil {
		socket = "socket,id=idm,path=" + escape(c.Alone.IDM) + ",server=on,wait=off"
	}
	device := "virtconsole,nr=1,chardev=idm"
	if c.IDM == IDMPort {
		device = "virtserialport,nr=1,chardev=idm,name=idm"
	}
	return []string{"-chardev", socket, "-device", device}
}

func netArgs(b *bus, c Config) []string {
	if c.Net == NetNone {
		return nil
	}
	netdev := []string{"user,id=net0"}
	for _, f := range c.Forwards {
		netdev = append(netdev, "hostfwd="+f.String())
	}
	device := b.device("virtio-net") + ",netdev=net0,mac=52:54:00:12:34:56"
	if !b.mmio {
		device += ",romfile=" // else QEMU wants the boot ROM of another package
	}
	return []string{"-netdev", strings.Join(netdev, ","), "-device", device}
}

// escape doubles the commas of an option's value, as QEMU reads them.
func escape(s string) string { return strings.ReplaceAll(s, ",", ",,") }
