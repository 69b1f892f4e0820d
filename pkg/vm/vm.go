// Package vm describes one QEMU machine and runs it. The guest's console is
// the first serial port; beside it stand virtio consoles and ports, of which the
// second carries IDM, disks, and at most one network card.
//
// QEMU 7.2 or later, x86-64 only.
package vm

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// DefaultQEMU is the program that is run.
const DefaultQEMU = "qemu-system-x86_64"

// Machine types of QEMU.
const (
	MachineQ35     = "q35"     // a PC with PCI
	MachineMicroVM = "microvm" // virtio-mmio, no PCI
)

// Accelerators of QEMU.
const (
	AccelAuto = "auto" // KVM where a guest boots under it, else TCG
	AccelKVM  = "kvm"
	AccelTCG  = "tcg" // software emulation
)

// What the guest finds IDM on.
const (
	IDMHvc  = "hvc"  // /dev/hvc1, a virtio console: loses bytes under pressure
	IDMPort = "port" // /dev/vport0p1, a virtio serial port: loses none
	IDMNone = "none"
)

// What the workload's standard streams are.
const (
	StdioConsole  = "console"  // the kernel's console
	StdioTerminal = "terminal" // a terminal of its own, /dev/hvc0
	StdioPipes    = "pipes"    // no terminal and no input: two virtio ports
)

// Networks.
const (
	NetNone = "none"
	NetUser = "user" // QEMU's own: gateway 10.0.2.2/24 and fec0::2/64
)

// Config describes one machine. Kernel and Initramfs are needed; every other
// zero value means its default.
type Config struct {
	QEMU      string // program; default qemu-system-x86_64
	Machine   string // default MachineQ35
	Accel     string // default AccelAuto
	Kernel    string // bzImage
	Initramfs string
	Append    []string // kernel parameters after those of CommandLine

	MemoryMiB int // default 512
	CPUs      int // default 1
	Disks     []Disk
	Net       string    // default NetNone
	Forwards  []Forward // for NetUser
	IDM       string    // default IDMHvc
	Stdio     string    // default StdioConsole
	// Rows and Columns are the size of a StdioTerminal; 0 for none.
	Rows, Columns uint16
	// Alone has the files that stand for the descriptors which QEMU inherits
	// from Start, for a command line that needs no Start.
	Alone *Alone

	// TSCkHz is the speed of the time stamp counter for a microvm under TCG,
	// which has no other clock that is read reliably. Default: the host's.
	TSCkHz int
	// Icount makes guest time a count of instructions: the same boot gives the
	// same times. TCG only.
	Icount bool
	// QMP is where QEMU listens for commands of its machine protocol, a Unix
	// socket; default nowhere.
	QMP string
	// Timeout after which QEMU is killed; default two minutes, negative: never.
	Timeout time.Duration
}

// Alone is where a QEMU that nobody supervises has its lines.
type Alone struct {
	IDM    string // Unix socket on which QEMU listens
	Log    string // file that gets the kernel's and kinit's lines
	Output string // file that gets the workload's output, with StdioPipes
	Errors string // and its errors
}

// Disk is a raw disk image. The guest names them vda, vdb, ... in order.
type Disk struct {
	Path     string
	Serial   string // at most 20 bytes, the limit of virtio-blk
	Writable bool
	// Late leaves the i-th disk, from 0, to be plugged in over QMP: device_add
	// virtio-blk-pci with drive=disk<i>, bus=late<i>. MachineQ35 only.
	Late bool
}

// Forward leads a port of the host to one of the guest.
type Forward struct {
	HostPort, GuestPort int
	Protocol            string // "tcp" (default) or "udp"
	HostIP              string // default 127.0.0.1
}

// String is the forward as QEMU's hostfwd has it.
func (f Forward) String() string {
	protocol, ip := f.Protocol, f.HostIP
	if protocol == "" {
		protocol = "tcp"
	}
	if ip == "" {
		ip = "127.0.0.1"
	}
	return fmt.Sprintf("%s:%s:%d-:%d", protocol, ip, f.HostPort, f.GuestPort)
}

const (
	defaultMemoryMiB = 512
	defaultTimeout   = 2 * time.Minute
	maxDiskSerial    = 20 // VIRTIO_BLK_ID_BYTES
)

// withDefaults returns c with its zero values replaced.
func (c Config) withDefaults() Config {
	or := func(s *string, value string) {
		if *s == "" {
			*s = value
		}
	}
	or(&c.QEMU, DefaultQEMU)
	or(&c.Machine, MachineQ35)
	or(&c.Accel, AccelAuto)
	or(&c.Net, NetNone)
	or(&c.IDM, IDMHvc)
	or(&c.Stdio, StdioConsole)
	if c.MemoryMiB == 0 {
		c.MemoryMiB = defaultMemoryMiB
	}
	if c.CPUs == 0 {
		c.CPUs = 1
	}
	if c.Timeout == 0 {
		c.Timeout = defaultTimeout
	}
	return c
}

// Check returns an error that names the first field that no machine can have.
func (c Config) Check() error {
	c = c.withDefaults()
	if c.Kernel == "" {
		return errors.New("vm: no kernel given")
	}
	for _, f := range []struct {
		name, value string
		known       []string
	}{
		{"machine", c.Machine, []string{MachineQ35, MachineMicroVM}},
		{"accel", c.Accel, []string{AccelAuto, AccelKVM, AccelTCG}},
		{"net", c.Net, []string{NetNone, NetUser}},
		{"idm", c.IDM, []string{IDMHvc, IDMPort, IDMNone}},
		{"stdio", c.Stdio, []string{StdioConsole, StdioTerminal, StdioPipes}},
	} {
		if !slices.Contains(f.known, f.value) {
			return fmt.Errorf("vm: unknown %s %q (known: %s)", f.name, f.value, strings.Join(f.known, " "))
		}
	}
	if c.Icount && c.Accel == AccelKVM {
		return errors.New("vm: instruction counting needs accel tcg, not kvm")
	}
	for _, d := range c.Disks {
		if d.Late && c.Machine != MachineQ35 {
			return fmt.Errorf("vm: disk %s: a late disk needs machine %s, not %s", d.Path, MachineQ35, c.Machine)
		}
		if len(d.Serial) > maxDiskSerial {
			return fmt.Errorf("vm: disk %s: serial %q has %d bytes; virtio-blk takes at most %d",
				d.Path, d.Serial, len(d.Serial), maxDiskSerial)
		}
	}
	return nil
}
