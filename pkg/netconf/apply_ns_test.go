package netconf

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/kguest/kguest/pkg/nstest"
)

// TestReachPeer sends datagrams to an address that only the default route reaches.
func TestReachPeer(t *testing.T) {
	for _, tt := range []struct {
		name       string
		config     Config
		peer       []netip.Prefix
		peerRoutes []string
	}{
		{
			name: "both",
			config: Config{
				Addresses: prefixes("10.0.0.2/24", "fd00::2/64"), Gateways: addrs("10.0.0.1", "fd00::1"),
			},
			peer: prefixes("10.0.0.1/24", "fd00::1/64"),
		},
		{
			name:   "IPv4",
			config: Config{MTU: 1000, Addresses: prefixes("10.0.0.2/30"), Gateways: addrs("10.0.0.1")},
			peer:   prefixes("10.0.0.1/30"),
		},
		{
			name:   "IPv6",
			config: Config{Addresses: prefixes("fd00::2/64"), Gateways: addrs("fd00::1")},
			peer:   prefixes("fd00::1/64"),
		},
		{
			name: "on-link gateways",
			config: Config{
				Addresses: prefixes("10.0.0.2/32", "fd00::2/128"), Gateways: addrs("10.9.9.9", "fd99::9"),
			},
			peer:       prefixes("10.9.9.9/32", "fd99::9/128"),
			peerRoutes: []string{"10.0.0.2/32", "fd00::2/128"},
		},
		{
			name:       "link-local gateway",
			config:     Config{Addresses: prefixes("fd00::2/128"), Gateways: addrs("fe80::1")},
			peer:       prefixes("fe80::1/64"),
			peerRoutes: []string{"fd00::2/128"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			nstest.Run(t, nstest.Net, func(t *testing.T) {
				p := newPeer(t, "eth0")
				p.configure(t, tt.peer, tt.peerRoutes...)
				tt.config.Link = "eth0"
				apply(t, tt.config)
				for _, address := range tt.config.Addresses {
					beyond := netip.MustParseAddr("192.0.2.1")
					if address.Addr().Is6() {
						beyond = netip.MustParseAddr("2001:db8::1")
					}
					reach(t, p.echo(t, beyond), address.Addr())
				}
			})
		})
	}
}

// TestApplyTwice looks at what the kernel has, after a first and a second time.
func TestApplyTwice(t *testing.T) {
	nstest.Run(t, nstest.Net, func(t *testing.T) {
		addVeth(t, "eth0", "peer0")
		config := Config{
			Link: "eth0", MTU: 1400,
			Addresses: prefixes("10.0.0.2/24", "10.0.1.2/32", "fd00::2/64"),
			Gateways:  addrs("10.0.0.1", "fe80::1"),
		}
		before := find(read(t).Links, "eth0")
		for name, on := range map[string]*bool{"gso": before.GSO, "tso": before.TSO} {
			if on == nil || !*on {
				t.Fatalf("%s before = %v, want on: the test would show nothing", name, on)
			}
		}
		want := LinkState{
			Name: "eth0", Up: true, MTU: 1400, GSO: new(bool), TSO: new(bool),
			Addresses: config.Addresses, State: "lower-layer-down",
			MAC: linkNamed(t, "eth0").Attrs().HardwareAddr.String(),
		}
		for range 2 {
			apply(t, config)
			state := read(t)
			got := *find(state.Links, "eth0")
			if diff := cmp.Diff(want, got, cmp.Comparer(equalPrefixes)); diff != "" {
				t.Errorf("eth0 (-want +got):\n%s", diff)
			}
			if lo := find(state.Links, "lo"); !lo.Up {
				t.Error("lo is down, want up")
			}
			wantRoutes := []string{"10.0.0.1 eth0 false", "fe80::1 eth0 false"}
			if diff := cmp.Diff(wantRoutes, defaults(state)); diff != "" {
				t.Errorf("default routes (-want +got):\n%s", diff)
			}
		}
		for _, a := range addressesOf(t, "eth0") {
			if a.IP.To4() == nil && a.Flags&unix.IFA_F_NODAD == 0 {
				t.Errorf("flags of %s = %#x, want IFA_F_NODAD (%#x)", a.IPNet, a.Flags, unix.IFA_F_NODAD)
			}
			if a.Label == "eth0" && a.IP.String() == "10.0.0.2" && a.Broadcast.String() != "10.0.0.255" {
				t.Errorf("broadcast of %s = %s, want 10.0.0.255", a.IPNet, a.Broadcast)
			}
		}
	})
}

func TestOnlinkFlag(t *testing.T) {
	nstest.Run(t, nstest.Net, func(t *testing.T) {
		newPeer(t, "eth0").configure(t, nil)
		apply(t, Config{Link: "eth0", Addresses: prefixes("10.0.0.2/32", "fd00::2/128"), Gateways: addrs("10.9.9.9", "fd99::9")})
		want := []string{"10.9.9.9 eth0 true", "fd99::9 eth0 true"}
		if diff := cmp.Diff(want, defaults(read(t))); diff != "" {
			t.Errorf("default routes (-want +got):\n%s", diff)
		}
	})
}

func apply(t *testing.T, c Config) {
	t.Helper()
	for _, err := range Apply(t.Context(), c, 0) {
		t.Errorf("Apply(%+v): %v", c, err)
	}
}

func read(t *testing.T) State {
	t.Helper()
	state, err := Read()
	if err != nil {
		t.Fatal(err)
	}
	return state
}

func defaults(state State) []string {
	var all []string
	for _, r := range state.Routes {
		if r.Destination.Bits() == 0 && r.Gateway != nil {
			all = append(all, fmt.Sprintf("%s %s %v", r.Gateway, r.Link, r.Onlink))
		}
	}
	return all
}

func find(links []LinkState, name string) *LinkState {
	for i := range links {
		if links[i].Name == name {
			return &links[i]
		}
	}
	return &LinkState{}
}

func equalPrefixes(a, b netip.Prefix) bool { return a == b }

func addressesOf(t *testing.T, name string) []netlink.Addr {
	t.Helper()
	list, err := netlink.AddrList(linkNamed(t, name), netlink.FAMILY_ALL)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func addAddr(t *testing.T, link, address string) {
	t.Helper()
	addr, err := netlink.ParseAddr(address)
	if err != nil {
		t.Fatal(err)
	}
	if err := netlink.AddrAdd(linkNamed(t, link), addr); err != nil {
		t.Fatal(err)
	}
}
