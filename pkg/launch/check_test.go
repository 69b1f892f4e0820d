package launch

import (
	"fmt"
	"math"
	"net/netip"
	"strings"
	"testing"
)

func TestCheck(t *testing.T) {
	if err := new(Config).Check(); err != nil {
		t.Errorf("Check of an empty Config = %v, want nil", err)
	}
	nan := math.NaN()
	network := func(n Network) Config { n.Link = "eth0"; return Config{Network: &n} }
	ip := func(address string) *IP { return &IP{Address: netip.MustParsePrefix(address)} }
	via := func(address, gateway string) *IP {
		return &IP{netip.MustParsePrefix(address), netip.MustParseAddr(gateway)}
	}
	for _, test := range []struct {
		cfg  Config
		want string // empty: no error
	}{
		{Config{Env: map[string]string{"": "x"}}, `env: "": not a name of a variable: empty, or has = or a NUL`},
		{Config{Env: map[string]string{"A=B": "x"}}, `env: "A=B": not a name of a variable: empty, or has = or a NUL`},
		{Config{Env: map[string]string{"A\x00": "x"}}, `env: "A\x00": not a name of a variable: empty, or has = or a NUL`},
		{Config{Env: map[string]string{"A": "\x00"}}, `env.A: "\x00": has a NUL`},
		{Config{Env: map[string]string{"a b.c-d": "x\n=y"}}, ""},
		{Config{Run: []string{"a", "b\x00"}}, `run[1]: "b\x00": has a NUL`},
		{Config{Entrypoint: []string{"\x00"}}, `entrypoint[0]: "\x00": has a NUL`},
		{Config{User: "a b"}, `user: "a b": has a space or a control character`},
		{Config{WorkingDir: "/\x00"}, `workingDir: "/\x00": has a NUL`},
		{Config{WorkingDir: "/a b"}, ""},
		{Config{Stop: Stop{GraceSeconds: &nan}}, `stop.graceSeconds: NaN: not a number of seconds from 0 to 86400`},
		{Config{Resources: Resources{CPUMax: CPUMax{1, 1}}}, `resources.cpuMax: "1 1": not what cpu.max takes`},
		{Config{Rlimits: []Rlimit{{"RLIMIT_NOFILE", 1, 2}, {"RLIMIT_CORE", 1, 2}}}, ""},
		{Config{Rlimits: []Rlimit{{"RLIMIT_X", 1, 2}}}, `rlimits[0].type: "RLIMIT_X": not a resource limit, such as RLIMIT_NOFILE`},
		{Config{Rlimits: []Rlimit{{"RLIMIT_CORE", 2, 1}}}, `rlimits[0].soft: 2: above the hard limit 1`},
		{Config{Rlimits: []Rlimit{{"RLIMIT_CORE", 1, 1}, {"RLIMIT_CORE", 1, 1}}}, `rlimits[1].type: "RLIMIT_CORE": given twice`},
		{Config{Sysctls: map[string]string{"kernel.pid_max": "1"}}, ""},
		{Config{Sysctls: map[string]string{"../../etc/x": "1"}}, `sysctls: "../../etc/x": not a name, such as net.ipv4.ip_forward`},
		{Config{Sysctls: map[string]string{"net/../../x": "1"}}, `sysctls: "net/../../x": not a name, such as net.ipv4.ip_forward`},
		{Config{Sysctls: map[string]string{"/etc/x": "1"}}, `sysctls: "/etc/x": not a name, such as net.ipv4.ip_forward`},
		{Config{Sysctls: map[string]string{"net.": "1"}}, `sysctls: "net.": not a name, such as net.ipv4.ip_forward`},
		{Config{Sysctls: map[string]string{"": "1"}}, `sysctls: "": not a name, such as net.ipv4.ip_forward`},
		{Config{Sysctls: map[string]string{"a.b": "1\n2"}}, `sysctls.a.b: "1\n2": has a newline or a NUL`},
		{Config{Root: &Root{"erofs"}}, ""},
		{Config{Root: &Root{"Squashfs"}}, ""},
		{Config{Root: &Root{"Erofs"}}, ""},
		{Config{Root: &Root{"fat"}}, `root.format: "fat": not squashfs, erofs or ext4`},
		{Config{Network: &Network{}}, `network.link: missing`},
		{Config{Network: &Network{Link: "a/b"}}, `network.link: "a/b": not a name of a network interface (1 to 15 bytes, no slash, colon or space)`},
		{Config{Network: &Network{Link: ".."}}, `network.link: "..": not a name of a network interface (1 to 15 bytes, no slash, colon or space)`},
		{Config{Network: &Network{Link: "sixteen-bytes-xx"}}, `network.link: "sixteen-bytes-xx": not a name of a network interface (1 to 15 bytes, no slash, colon or space)`},
		{Config{Network: &Network{Link: "fifteen-bytes-x"}}, ""},
		{Config{Network: &Network{MAC: "52:54:00:12:34:56"}}, ""},
		{Config{Network: &Network{MAC: "52:54:00:12:34"}}, `network.mac: "52:54:00:12:34": not a hardware address, such as 52:54:00:12:34:56`},
		{Config{Network: &Network{MAC: "52:54:00:12:34:5"}}, `network.mac: "52:54:00:12:34:5": not a hardware address, such as 52:54:00:12:34:56`},
		{Config{Network: &Network{MAC: "52:54:00:12:34:+5"}}, `network.mac: "52:54:00:12:34:+5": not a hardware address, such as 52:54:00:12:34:56`},
		{network(Network{MTU: 67}), `network.mtu: 67: not a number of bytes from 68 to 65536`},
		{network(Network{MTU: 1279, IPv6: ip("fd00::2/64")}), `network.mtu: 1279: IPv6 needs 1280`},
		{network(Network{MTU: 1279, IPv4: ip("10.0.0.2/8")}), ""},
		{network(Network{IPv4: &IP{}}), `network.ipv4.address: missing`},
		{network(Network{IPv6: ip("10.0.0.2/24")}), `network.ipv6.address: "10.0.0.2/24": not an address of ipv6`},
		{network(Network{IPv6: ip("::ffff:10.0.0.2/120")}), `network.ipv6.address: "::ffff:10.0.0.2/120": not an address of ipv6`},
		{network(Network{IPv4: ip("fd00::2/64")}), `network.ipv4.address: "fd00::2/64": not an address of ipv4`},
		{network(Network{IPv4: ip("0.0.0.0/24")}), `network.ipv4.address: "0.0.0.0/24": not the address of a host`},
		{network(Network{IPv6: ip("ff02::1/64")}), `network.ipv6.address: "ff02::1/64": not the address of a host`},
		{network(Network{IPv4: via("10.0.0.2/24", "fe80::1")}), `network.ipv4.gateway: "fe80::1": not an address of ipv4`},
		{network(Network{IPv6: via("fd00::2/64", "10.0.0.1")}), `network.ipv6.gateway: "10.0.0.1": not an address of ipv6`},
		{network(Network{IPv4: via("10.0.0.2/24", "0.0.0.0")}), `network.ipv4.gateway: "0.0.0.0": not the address of a host`},
		{network(Network{IPv4: via("10.0.0.2/24", "192.0.2.1")}), ""},
		{network(Network{Resolver: Resolver{Nameservers: []netip.Addr{{}}}}), `network.resolver.nameservers[0]: "invalid IP": not the address of a host`},
		{network(Network{Resolver: Resolver{Search: []string{"a", "b\nnameserver 1.1.1.1"}}}), `network.resolver.search[1]: "b\nnameserver 1.1.1.1": empty, or has a space or a control character`},
		{network(Network{Resolver: Resolver{Options: []string{""}}}), `network.resolver.options[0]: "": empty, or has a space or a control character`},
	} {
		got := ""
		if err := test.cfg.Check(); err != nil {
			got = err.Error()
		}
		if got != test.want {
			t.Errorf("Check(%+v) = %s\nwant %s", test.cfg, got, test.want)
		}
	}
}

// TestCheckHostname has the cases of etcfiles, which writes what is taken here.
func TestCheckHostname(t *testing.T) {
	const sign = "has a space, a control character, a comment sign or a slash"
	for in, want := range map[string]string{
		"guest":                 "",
		"guest.example.com":     "",
		"gäste":                 "",
		strings.Repeat("a", 64): "",
		strings.Repeat("a", 65): "longer than 64 bytes",
		strings.Repeat("ä", 33): "longer than 64 bytes",
		"":                      "empty; leave it out to keep the machine's name",
		"a b":                   sign,
		"a\nb":                  sign,
		"a\x00b":                sign,
		"a\tb":                  sign,
		"a\x7fb":                sign,
		"a#b":                   sign,
		"a;b":                   sign,
		"a/b":                   sign,
	} {
		if want != "" {
			want = fmt.Sprintf("hostname: %q: %s", in, want)
		}
		got := ""
		if err := (&Config{Hostname: &in}).Check(); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("Check of hostname %q = %s, want %s", in, got, want)
		}
	}
}

// Every name is checked against <asm-generic/resource.h>.
func TestResource(t *testing.T) {
	for i, name := range []string{
		"CPU", "FSIZE", "DATA", "STACK", "CORE", "RSS", "NPROC", "NOFILE", "MEMLOCK", "AS",
		"LOCKS", "SIGPENDING", "MSGQUEUE", "NICE", "RTPRIO", "RTTIME",
	} {
		if got, ok := (Rlimit{Type: "RLIMIT_" + name}).Resource(); got != i || !ok {
			t.Errorf("Resource of %s = %d, %v, want %d", name, got, ok, i)
		}
	}
	if got, ok := (Rlimit{Type: "NOFILE"}).Resource(); ok {
		t.Errorf("Resource of NOFILE = %d, want none", got)
	}
}
