// Package launch decodes launch.json, in which the host says how this one
// machine is to run the image: host name, network, environment, command and
// limits. Its first fields are krata's; the others are additions, all optional.
package launch

import "net/netip"

// Config is one launch.json. A field that is absent or null in the file has
// the zero value here.
type Config struct {
	// Hostname is nil when the machine keeps the name it has.
	Hostname *string
	// Network is nil when no link is to be configured.
	Network *Network
	// Env overlays the environment of the image.
	Env map[string]string
	// Run replaces the image's Cmd; nil: absent.
	Run []string
	// Entrypoint replaces the image's Entrypoint; nil: absent, empty: none.
	Entrypoint []string
	// User replaces the image's User, in the same forms; empty: absent.
	User string
	// WorkingDir replaces the image's WorkingDir; empty: absent.
	WorkingDir string
	Stop       Stop
	Resources  Resources
	// Rlimits holds at most one entry for a type.
	Rlimits []Rlimit
	// Sysctls is keyed by dotted name, such as net.ipv4.ip_forward.
	Sysctls map[string]string
	// Root is krata's description of the image disk. The guest reads the file
	// system from the superblock, so that it is checked and not used.
	Root *Root
}

// Network is one link and what it is to carry.
type Network struct {
	// Link is the interface's name; may be empty where MAC is given.
	Link string
	// MAC finds the link by address: lower case, colons; empty: find it by name.
	MAC string
	// MTU is in bytes; 0: leave it.
	MTU int
	// IPv4 and IPv6 are nil where the family is not wanted.
	IPv4, IPv6 *IP
	Resolver   Resolver
}

// IP is the configuration of one address family.
type IP struct {
	// Address keeps its host bits: 10.0.0.2/24.
	Address netip.Prefix
	// Gateway is of Address's family, may have a zone, and is the zero Addr
	// where there is none.
	Gateway netip.Addr
}

// Resolver is what goes in resolv.conf(5).
type Resolver struct {
	Nameservers     []netip.Addr
	Search, Options []string
}

// Stop says how the workload is asked to end.
type Stop struct {
	// Signal is a name or a number, which is not checked here; empty: the
	// image's StopSignal.
	Signal string
	// GraceSeconds is the time from that signal to SIGKILL; nil: the default.
	GraceSeconds *float64
}

// Resources are the limits of the workload's cgroup. Zero: no limit.
type Resources struct {
	// MemoryMax is in bytes. The file has a number, or a string such as
	// "512M": K, M, G and T are powers of 1024, "max" is no limit.
	MemoryMax uint64
	// PidsMax is a number of tasks.
	PidsMax uint64
	CPUMax  CPUMax
}

// CPUMax is the content of cpu.max, in microseconds of CPU time in each period;
// zero: no limit. The file has a number of CPUs (1.5), or the kernel's own
// words ("150000 100000").
type CPUMax struct {
	QuotaMicros, PeriodMicros uint64
}

// Unlimited is the value of an rlimit that does not bound (RLIM_INFINITY).
const Unlimited = ^uint64(0)

// Rlimit is one resource limit of the workload, see getrlimit(2).
type Rlimit struct {
	// Type is the kernel's name in upper case: RLIMIT_NOFILE.
	Type       string
	Soft, Hard uint64
}

// Root is krata's description of the image disk.
type Root struct {
	// Format is squashfs, erofs or ext4; empty: absent.
	Format string
}
