package netconf

import (
	"cmp"
	"net"
	"net/netip"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/kguest/kguest/pkg/nstest"
)

// TestReadAgainstLibrary has the netlink library read the same network.
func TestReadAgainstLibrary(t *testing.T) {
	nstest.Run(t, nstest.Net, func(t *testing.T) {
		addVeth(t, "eth0", "eth1")
		setMAC(t, "eth0", mac1)
		for _, a := range []netlink.Addr{
			{IPNet: network(t, "10.0.0.2/24")},
			{IPNet: network(t, "10.0.0.3/24"), Label: "eth0:x"},
			{IPNet: network(t, "10.1.0.2/32"), Peer: network(t, "10.1.0.9/24")},
			{IPNet: network(t, "fd00::2/64"), Flags: unix.IFA_F_NODAD},
			{IPNet: network(t, "fd01::2/128"), Peer: network(t, "fd01::9/64"), Flags: unix.IFA_F_NODAD},
		} {
			if err := netlink.AddrAdd(linkNamed(t, "eth0"), &a); err != nil {
				t.Fatalf("add %s: %v", a, err)
			}
		}
		for _, name := range []string{"eth0", "eth1"} {
			if err := netlink.LinkSetUp(linkNamed(t, name)); err != nil {
				t.Fatal(err)
			}
		}
		index := linkNamed(t, "eth0").Attrs().Index
		hops := func(gateways ...string) []*netlink.NexthopInfo {
			var all []*netlink.NexthopInfo
			for _, g := range gateways {
				all = append(all, &netlink.NexthopInfo{LinkIndex: index, Gw: net.ParseIP(g)})
			}
			return all
		}
		for _, r := range []netlink.Route{
			{LinkIndex: index, Gw: net.ParseIP("10.0.0.1"), Src: net.ParseIP("10.0.0.3"), Priority: 7},
			{LinkIndex: index, Gw: net.ParseIP("fd00::1"), Priority: 1 << 30},
			{LinkIndex: index, Gw: net.ParseIP("172.16.0.1"), Dst: network(t, "172.17.0.0/16"), Flags: int(netlink.FLAG_ONLINK)},
			{Dst: network(t, "172.18.0.0/16"), MultiPath: hops("10.0.0.8", "10.0.0.9")},
			{Dst: network(t, "fd02::/48"), MultiPath: hops("fd00::8", "fd00::9")},
			{Dst: network(t, "172.19.0.0/16"), Type: unix.RTN_BLACKHOLE},
			{Dst: network(t, "fd03::/48"), Type: unix.RTN_UNREACHABLE},
			{LinkIndex: index, Dst: network(t, "172.20.0.0/16"), Table: 100},
		} {
			if err := netlink.RouteAdd(&r); err != nil {
				t.Fatalf("add %s: %v", r, err)
			}
		}
		equal := gocmp.Options{gocmp.Comparer(equalPrefixes), gocmp.Comparer(equalAddrs)}
		want, got, after := libraryState(t), read(t), libraryState(t)
		for !gocmp.Equal(want, after, equal) { // the kernel is still bringing the links up
			want, got, after = after, read(t), libraryState(t)
		}
		if diff := gocmp.Diff(want, got, equal); diff != "" {
			t.Errorf("Read (-library +ours):\n%s", diff)
		}
		if n := len(want.Routes); n < 12 {
			t.Errorf("%d routes, want 12 or more: the test would show little", n)
		}
	})
}

func equalAddrs(a, b netip.Addr) bool { return a == b }

func network(t *testing.T, s string) *net.IPNet {
	t.Helper()
	ip, n, err := net.ParseCIDR(s)
	if err != nil {
		t.Fatal(err)
	}
	n.IP = ip
	return n
}

func libraryState(t *testing.T) State {
	t.Helper()
	var state State
	s, err := openSocket()
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	links, err := netlink.LinkList()
	if err != nil {
		t.Fatal(err)
	}
	names := make(map[int]string)
	for _, l := range links {
		attrs := l.Attrs()
		names[attrs.Index] = attrs.Name
		link := LinkState{
			Name: attrs.Name, State: attrs.OperState.String(), Up: attrs.Flags&net.FlagUp != 0,
			MAC: attrs.HardwareAddr.String(), MTU: attrs.MTU,
			GSO: readOffload(s, attrs.Name, gso), TSO: readOffload(s, attrs.Name, tso), Addresses: []netip.Prefix{},
		}
		for _, a := range addressesOf(t, attrs.Name) {
			link.Addresses = append(link.Addresses, prefixOf(a.IPNet))
		}
		slices.SortStableFunc(link.Addresses, func(a, b netip.Prefix) int {
			return cmp.Compare(a.Addr().BitLen(), b.Addr().BitLen())
		})
		state.Links = append(state.Links, link)
	}
	for _, family := range []int{unix.AF_INET, unix.AF_INET6} {
		for _, r := range libraryRoutes(t, family) {
			state.Routes = append(state.Routes, libraryRouteStates(r, names)...)
		}
	}
	return state
}

func libraryRoutes(t *testing.T, family int) []netlink.Route {
	t.Helper()
	routes, err := netlink.RouteListFiltered(family, &netlink.Route{}, 0)
	if err != nil {
		t.Fatal(err)
	}
	return routes
}

func libraryRouteStates(r netlink.Route, names map[int]string) []RouteState {
	hops := r.MultiPath
	if len(hops) == 0 {
		hops = []*netlink.NexthopInfo{{LinkIndex: r.LinkIndex, Gw: r.Gw, Flags: r.Flags}}
	}
	var states []RouteState
	for _, h := range hops {
		states = append(states, RouteState{
			Destination: prefixOf(r.Dst), Gateway: optional(addrOf(h.Gw)), Link: names[h.LinkIndex],
			Source: optional(addrOf(r.Src)), Metric: r.Priority, Onlink: h.Flags&int(netlink.FLAG_ONLINK) != 0,
		})
	}
	return states
}

func addrOf(ip net.IP) netip.Addr {
	a, _ := netip.AddrFromSlice(ip)
	return a.Unmap()
}

func prefixOf(n *net.IPNet) netip.Prefix {
	bits, _ := n.Mask.Size()
	return netip.PrefixFrom(addrOf(n.IP), bits)
}

// TestApplyAgainstLibrary has the library make the same addresses and routes,
// and compares all that the kernel tells of them.
func TestApplyAgainstLibrary(t *testing.T) {
	nstest.Run(t, nstest.Net, func(t *testing.T) {
		addVeth(t, "eth0", "peer0")
		config := Config{
			Link: "eth0", MTU: 1400,
			Addresses: prefixes("10.0.0.2/24", "10.0.1.5/30", "10.0.2.2/31", "10.0.3.2/32", "10.16.0.2/12", "fd00::2/64", "fd01::2/128"),
			Gateways:  addrs("10.9.9.9", "fd00::1"),
		}
		apply(t, config)
		gotAddresses, gotRoutes := configured(t, config)

		eth0 := linkNamed(t, "eth0")
		if eth0.Attrs().MTU != 1400 || eth0.Attrs().Flags&net.FlagUp == 0 {
			t.Errorf("eth0 = %+v, want up with MTU 1400", eth0.Attrs())
		}
		for _, a := range addressesOf(t, "eth0") {
			if err := netlink.AddrDel(eth0, &a); err != nil {
				t.Fatal(err)
			}
		}
		setDown(t, "eth0")
		for _, p := range config.Addresses {
			a := netlink.Addr{IPNet: network(t, p.String())}
			if p.Addr().Is6() {
				a.Flags = unix.IFA_F_NODAD
			}
			if err := netlink.AddrAdd(eth0, &a); err != nil {
				t.Fatal(err)
			}
		}
		if err := netlink.LinkSetUp(eth0); err != nil {
			t.Fatal(err)
		}
		for i, gw := range config.Gateways {
			r := netlink.Route{LinkIndex: eth0.Attrs().Index, Gw: gw.AsSlice()}
			if i == 0 {
				r.Flags = int(netlink.FLAG_ONLINK)
			}
			if err := netlink.RouteAdd(&r); err != nil {
				t.Fatal(err)
			}
		}
		wantAddresses, wantRoutes := configured(t, config)
		if len(wantAddresses) != len(config.Addresses) || len(wantRoutes) != len(config.Gateways) {
			t.Fatalf("the library made %v and %v", wantAddresses, wantRoutes)
		}
		if diff := gocmp.Diff(wantAddresses, gotAddresses); diff != "" {
			t.Errorf("addresses (-library +ours):\n%s", diff)
		}
		if diff := gocmp.Diff(wantRoutes, gotRoutes); diff != "" {
			t.Errorf("routes (-library +ours):\n%s", diff)
		}
	})
}

// addrFields and routeFields have not the library's Equal, which passes over most.
type (
	addrFields  netlink.Addr
	routeFields netlink.Route
)

// configured returns what the library reads of c's addresses and default routes.
func configured(t *testing.T, c Config) (addresses []addrFields, routes []routeFields) {
	t.Helper()
	for _, a := range addressesOf(t, c.Link) {
		if slices.Contains(c.Addresses, prefixOf(a.IPNet)) {
			addresses = append(addresses, addrFields(a))
		}
	}
	for _, family := range []int{unix.AF_INET, unix.AF_INET6} {
		for _, r := range libraryRoutes(t, family) {
			if slices.Contains(c.Gateways, addrOf(r.Gw)) {
				r.Flags &= int(netlink.FLAG_ONLINK) // others follow the carrier
				routes = append(routes, routeFields(r))
			}
		}
	}
	return addresses, routes
}
