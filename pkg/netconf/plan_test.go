package netconf

import (
	"errors"
	"net/netip"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPlan(t *testing.T) {
	for _, tt := range []struct {
		name string
		in   Config
		want []string
	}{
		{name: "zero", want: []string{"ip link set lo up"}},
		{
			name: "both families",
			in: Config{
				Link: "eth0", MTU: 1400,
				Addresses: prefixes("10.0.0.2/24", "fd00::2/64"),
				Gateways:  addrs("10.0.0.1", "fd00::1"),
			},
			want: []string{
				"ip link set lo up",
				"ip link show dev eth0",
				"ip link set dev eth0 mtu 1400",
				"ethtool -K eth0 gso off",
				"ethtool -K eth0 tso off",
				"ip address add 10.0.0.2/24 dev eth0 broadcast +",
				"ip address add fd00::2/64 dev eth0 nodad",
				"ip link set dev eth0 up",
				"ip route add default via 10.0.0.1 dev eth0",
				"ip -6 route add default via fd00::1 dev eth0",
			},
		},
		{
			name: "gateways outside the networks",
			in: Config{
				Link:      "eth0",
				Addresses: prefixes("10.0.0.2/32", "10.1.0.2/31", "fd00::2/128"),
				Gateways:  addrs("10.0.0.1", "fd00::1"),
			},
			want: []string{
				"ip link set lo up",
				"ip link show dev eth0",
				"ethtool -K eth0 gso off",
				"ethtool -K eth0 tso off",
				"ip address add 10.0.0.2/32 dev eth0",
				"ip address add 10.1.0.2/31 dev eth0",
				"ip address add fd00::2/128 dev eth0 nodad",
				"ip link set dev eth0 up",
				"ip route add default via 10.0.0.1 dev eth0 onlink",
				"ip -6 route add default via fd00::1 dev eth0 onlink",
			},
		},
		{
			name: "IPv4-mapped gateway",
			in:   Config{Link: "eth0", Addresses: prefixes("10.0.0.2/24"), Gateways: addrs("::ffff:10.0.0.1")},
			want: []string{
				"ip link set lo up",
				"ip link show dev eth0",
				"ethtool -K eth0 gso off",
				"ethtool -K eth0 tso off",
				"ip address add 10.0.0.2/24 dev eth0 broadcast +",
				"ip link set dev eth0 up",
				"ip route add default via 10.0.0.1 dev eth0",
			},
		},
		{
			name: "link-local gateway, link by MAC",
			in:   Config{Link: "eth0", MAC: "52-54-00-AB-CD-EF", Gateways: addrs("fe80::1%eth0")},
			want: []string{
				"ip link set lo up",
				`LINK=$(ip -o link | awk -F'[:@ ]+' '/link\/ether 52:54:00:ab:cd:ef/ {print $2; exit}')`,
				`ethtool -K "$LINK" gso off`,
				`ethtool -K "$LINK" tso off`,
				`ip link set dev "$LINK" up`,
				`ip -6 route add default via fe80::1 dev "$LINK"`,
			},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for _, step := range Plan(tt.in) {
				got = append(got, step.Command())
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("Plan(%+v) (-want +got):\n%s", tt.in, diff)
			}
		})
	}
}

func TestCheck(t *testing.T) {
	for _, tt := range []struct {
		name string
		in   Config
		want string // all of it; "" for no error
	}{
		{name: "zero"},
		{name: "by MAC", in: Config{MAC: "52:54:00:12:34:56", MTU: 1280, Addresses: prefixes("fd00::2/64"), Gateways: addrs("fe80::1")}},
		{name: "small MTU without IPv6", in: Config{Link: "eth0", MTU: 576, Addresses: prefixes("10.0.0.2/24")}},
		{name: "no link", in: Config{MTU: 1500}, want: "no link is named to have the MTU, addresses and gateways"},
		{name: "name", in: Config{Link: "eth/0"}, want: `link "eth/0": is no name of a link (1 to 15 bytes, no space, slash or colon)`},
		{name: "long name", in: Config{Link: "sixteen-bytes-eh"}, want: `link "sixteen-bytes-eh": is no name of a link (1 to 15 bytes, no space, slash or colon)`},
		{name: "MAC", in: Config{MAC: "52:54"}, want: `mac "52:54": is not six bytes in hexadecimal, as 52:54:00:12:34:56`},
		{name: "EUI-64", in: Config{MAC: "02:00:5e:10:00:00:00:01"}, want: `mac "02:00:5e:10:00:00:00:01": is not six bytes in hexadecimal, as 52:54:00:12:34:56`},
		{name: "negative MTU", in: Config{Link: "eth0", MTU: -1}, want: "mtu -1: is negative"},
		{name: "small MTU", in: Config{Link: "eth0", MTU: 1279, Addresses: prefixes("fd00::2/64")}, want: "mtu 1279: IPv6 (address fd00::2/64) needs 1280 or more"},
		{name: "multicast", in: Config{Link: "eth0", Addresses: prefixes("224.0.0.1/24")}, want: "address 224.0.0.1/24: is not of one machine"},
		{name: "no address", in: Config{Link: "eth0", Addresses: make([]netip.Prefix, 1)}, want: "address: is not set"},
		{name: "no gateway", in: Config{Link: "eth0", Gateways: make([]netip.Addr, 1)}, want: "gateway: is not set"},
		{name: "loopback gateway", in: Config{Link: "eth0", Gateways: addrs("127.0.0.1")}, want: "gateway 127.0.0.1: is not of another machine"},
		{name: "own gateway", in: Config{Link: "eth0", Addresses: prefixes("10.0.0.2/24"), Gateways: addrs("10.0.0.2")}, want: "gateway 10.0.0.2: is the machine itself"},
		{name: "two gateways", in: Config{Link: "eth0", Gateways: addrs("10.0.0.1", "fd00::1", "10.0.0.3")}, want: "gateway 10.0.0.3: there is already 10.0.0.1 of its family"},
		{
			name: "everything at once", in: Config{MTU: -1, Gateways: addrs("::")},
			want: "no link is named to have the MTU, addresses and gateways\nmtu -1: is negative\ngateway ::: is not of another machine",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := ""
			if err := tt.in.Check(); err != nil {
				got = err.Error()
			}
			if got != tt.want {
				t.Errorf("Check(%+v) = %q, want %q", tt.in, got, tt.want)
			}
		})
	}
}

func TestIsOffAlready(t *testing.T) {
	for _, tt := range []struct {
		name      string
		set, read error
		on, want  bool
	}{
		{name: "no such feature", set: syscall.EOPNOTSUPP, want: true},
		{name: "fixed on", set: syscall.EOPNOTSUPP, on: true},
		{name: "not even readable", set: syscall.EOPNOTSUPP, read: syscall.EOPNOTSUPP},
		{name: "not allowed", set: syscall.EPERM},
	} {
		if got := isOffAlready(tt.set, tt.on, tt.read); got != tt.want {
			t.Errorf("isOffAlready(%v, %v, %v) = %v, want %v", tt.set, tt.on, tt.read, got, tt.want)
		}
	}
}

func TestAddressHint(t *testing.T) {
	for _, tt := range []struct {
		address string
		err     error
		want    string // a part; "" for nothing
	}{
		{"fd00::2/64", syscall.EACCES, "IPv6 is disabled"},
		{"fd00::2/64", syscall.EOPNOTSUPP, "no IPv6"},
		{"fd00::2/64", syscall.EPERM, ""},
		{"fd00::2/64", errors.New("other"), ""},
		{"10.0.0.2/24", syscall.EACCES, ""},
	} {
		got := addressHint(netip.MustParsePrefix(tt.address), "eth0", tt.err)
		if !strings.Contains(got, tt.want) || (tt.want == "") != (got == "") {
			t.Errorf("addressHint(%s, eth0, %v) = %q, want %q in it", tt.address, tt.err, got, tt.want)
		}
	}
}

func prefixes(list ...string) []netip.Prefix {
	var out []netip.Prefix
	for _, s := range list {
		out = append(out, netip.MustParsePrefix(s))
	}
	return out
}

func addrs(list ...string) []netip.Addr {
	var out []netip.Addr
	for _, s := range list {
		out = append(out, netip.MustParseAddr(s))
	}
	return out
}
