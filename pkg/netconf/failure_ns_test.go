package netconf

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/vishvananda/netlink"

	"github.com/kguest/kguest/pkg/nstest"
)

// TestEachFailureAlone has one item fail; everything else of the same
// configuration must be there afterwards.
func TestEachFailureAlone(t *testing.T) {
	for _, tt := range []struct {
		name   string
		before func(t *testing.T)
		change func(*Config)
		want   []string // the errors; the last part of each may be missing
		absent []string // of everything
	}{
		{
			name:   "MTU",
			change: func(c *Config) { c.MTU = 70000 },
			want:   []string{"set mtu 70000 of eth0: invalid argument"},
			absent: []string{"mtu 1400"},
		},
		{
			name: "address",
			change: func(c *Config) {
				c.Addresses = append(make([]netip.Prefix, 1), c.Addresses...)
			},
			want: []string{"add address invalid Prefix to eth0: numerical result out of range"},
		},
		{
			name:   "IPv6 disabled",
			before: disableIPv6,
			want: []string{
				"add address fd00::2/64 to eth0: permission denied (IPv6 is disabled there: sysctl net.ipv6.conf.eth0.disable_ipv6)",
				"add default route via fd00::1 dev eth0: ",
			},
			absent: []string{"fd00::2/64", "via fd00::1"},
		},
		{
			name:   "address with another prefix",
			before: func(t *testing.T) { addAddr(t, "eth0", "fd00::2/128") },
			want: []string{
				"add address fd00::2/64 to eth0: file exists (as fd00::2/128)",
				"add default route via fd00::1 dev eth0: ",
			},
			absent: []string{"fd00::2/64", "via fd00::1"},
		},
		{
			name: "gateway is the broadcast address",
			change: func(c *Config) {
				c.Gateways = addrs("10.0.0.255", "fd00::1")
			},
			want:   []string{"add default route via 10.0.0.255 dev eth0: invalid argument"},
			absent: []string{"via 10.0.0.1"},
		},
		{
			name:   "default route by another gateway",
			before: func(t *testing.T) { addOtherDefaultRoute(t, "10.0.0.9", "eth0") },
			want:   []string{"add default route via 10.0.0.1 dev eth0: file exists (there is one via 10.0.0.9 dev eth0)"},
			absent: []string{"via 10.0.0.1"},
		},
		{
			name:   "default route by another link",
			before: func(t *testing.T) { addOtherDefaultRoute(t, "10.0.0.1", "other0") },
			want:   []string{"add default route via 10.0.0.1 dev eth0: file exists (there is one via 10.0.0.1 dev other0)"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			nstest.Run(t, nstest.Net, func(t *testing.T) {
				addVeth(t, "eth0", "peer0")
				if tt.before != nil {
					tt.before(t)
				}
				config := Config{
					Link: "eth0", MTU: 1400,
					Addresses: prefixes("10.0.0.2/24", "fd00::2/64"), Gateways: addrs("10.0.0.1", "fd00::1"),
				}
				if tt.change != nil {
					tt.change(&config)
				}
				checkErrors(t, Apply(t.Context(), config, 0), tt.want)
				got := words(read(t))
				for _, item := range []string{
					"lo up", "eth0 up", "mtu 1400", "gso off", "tso off", "10.0.0.2/24", "fd00::2/64", "via 10.0.0.1", "via fd00::1",
				} {
					if has := slices.Contains(got, item); has == slices.Contains(tt.absent, item) {
						t.Errorf("%q is there = %v, want %v; all: %q", item, has, !has, got)
					}
				}
			})
		})
	}
}

func TestNotPermitted(t *testing.T) {
	nstest.Run(t, nstest.Net, func(t *testing.T) {
		addVeth(t, "eth0", "peer0")
		dropCapabilities(t)
		errs := Apply(t.Context(), Config{Link: "eth0", MTU: 1400, Addresses: prefixes("fd00::2/64"), Gateways: addrs("fd00::1")}, 0)
		checkErrors(t, errs, []string{
			"set link lo up: operation not permitted",
			"set mtu 1400 of eth0: operation not permitted",
			"set gso of eth0 off: operation not permitted",
			"set tso of eth0 off: operation not permitted",
			"add address fd00::2/64 to eth0: operation not permitted",
			"set link eth0 up: operation not permitted",
			"add default route via fd00::1 dev eth0: operation not permitted",
		})
	})
}

// checkErrors compares each error with the text that it begins with.
func checkErrors(t *testing.T, got []error, want []string) {
	t.Helper()
	for i, err := range got {
		if i >= len(want) || !strings.HasPrefix(err.Error(), want[i]) {
			t.Errorf("error %d = %q, want those of %q", i, err, want)
		}
	}
	if len(got) < len(want) {
		t.Errorf("errors = %q, want %q", got, want)
	}
}

// words says what is there, an item each.
func words(state State) []string {
	var all []string
	for _, l := range state.Links {
		if l.Up {
			all = append(all, l.Name+" up")
		}
		if l.Name != "eth0" {
			continue
		}
		all = append(all, fmt.Sprintf("mtu %d", l.MTU))
		if l.GSO != nil && !*l.GSO {
			all = append(all, "gso off")
		}
		if l.TSO != nil && !*l.TSO {
			all = append(all, "tso off")
		}
		for _, a := range l.Addresses {
			all = append(all, a.String())
		}
	}
	for _, r := range state.Routes {
		if r.Gateway != nil {
			all = append(all, "via "+r.Gateway.String())
		}
	}
	return all
}

func disableIPv6(t *testing.T) {
	t.Helper()
	if err := os.WriteFile("/proc/sys/net/ipv6/conf/eth0/disable_ipv6", []byte("1"), 0); err != nil {
		t.Fatal(err)
	}
}

func addOtherDefaultRoute(t *testing.T, gateway, name string) {
	t.Helper()
	addVeth(t, "other0", "other1")
	addAddr(t, name, "10.5.0.2/24")
	link := linkNamed(t, name)
	if err := netlink.LinkSetUp(link); err != nil {
		t.Fatal(err)
	}
	route := &netlink.Route{
		LinkIndex: link.Attrs().Index, Gw: net.ParseIP(gateway), Flags: int(netlink.FLAG_ONLINK),
	}
	if err := netlink.RouteAdd(route); err != nil {
		t.Fatal(err)
	}
}
