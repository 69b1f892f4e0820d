package boot

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/kguest/kguest/pkg/etcfiles"
	"github.com/kguest/kguest/pkg/launch"
	"github.com/kguest/kguest/pkg/netconf"
)

func TestNetworkConfig(t *testing.T) {
	address4, address6 := netip.MustParsePrefix("10.0.0.2/24"), netip.MustParsePrefix("fd00::2/64")
	gateway4, gateway6 := netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("fe80::1%eth0")
	ipv4, ipv6 := &launch.IP{Address: address4, Gateway: gateway4}, &launch.IP{Address: address6, Gateway: gateway6}
	resolver := launch.Resolver{Nameservers: []netip.Addr{gateway4}, Search: []string{"example.com"}, Options: []string{"ndots:2"}}
	for _, tt := range []struct {
		name     string
		in       *launch.Network
		want     netconf.Config
		resolver etcfiles.Resolver
	}{
		{name: "nil"},
		{
			name: "both",
			in:   &launch.Network{Link: "eth0", MAC: "52:54:00:12:34:56", MTU: 1400, IPv4: ipv4, IPv6: ipv6, Resolver: resolver},
			want: netconf.Config{
				Link: "eth0", MAC: "52:54:00:12:34:56", MTU: 1400, IPv6Conf: IPv6ConfPath,
				Addresses: []netip.Prefix{address4, address6}, Gateways: []netip.Addr{gateway4, gateway6},
			},
			resolver: etcfiles.Resolver(resolver),
		},
		{
			name: "IPv4",
			in:   &launch.Network{Link: "eth0", IPv4: ipv4},
			want: netconf.Config{
				Link: "eth0", Addresses: []netip.Prefix{address4}, Gateways: []netip.Addr{gateway4}, IPv6Conf: IPv6ConfPath,
			},
		},
		{
			name: "IPv6 without gateway",
			in:   &launch.Network{Link: "eth0", IPv6: &launch.IP{Address: address6}},
			want: netconf.Config{Link: "eth0", Addresses: []netip.Prefix{address6}, IPv6Conf: IPv6ConfPath},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, resolver := NetworkConfig(tt.in)
			byValue := cmpopts.EquateComparable(netip.Prefix{}, netip.Addr{})
			if diff := cmp.Diff(tt.want, got, byValue); diff != "" {
				t.Errorf("NetworkConfig(%+v) (-want +got):\n%s", tt.in, diff)
			}
			if diff := cmp.Diff(tt.resolver, resolver, byValue); diff != "" {
				t.Errorf("resolver of NetworkConfig(%+v) (-want +got):\n%s", tt.in, diff)
			}
		})
	}
}
