package boot

import (
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vishvananda/netlink"

	"github.com/kguest/kguest/pkg/launch"
	"github.com/kguest/kguest/pkg/netconf"
	"github.com/kguest/kguest/pkg/nstest"
)

func testNetwork() *launch.Network {
	return &launch.Network{
		Link: "eth0",
		IPv4: &launch.IP{Address: netip.MustParsePrefix("10.0.0.2/24"), Gateway: netip.MustParseAddr("10.0.0.1")},
		IPv6: &launch.IP{Address: netip.MustParsePrefix("fd00::2/64")},
		Resolver: launch.Resolver{
			Nameservers: []netip.Addr{netip.MustParseAddr("10.0.0.1")}, Search: []string{"example.com"},
		},
	}
}

func TestNetwork(t *testing.T) {
	nstest.Run(t, nstest.Net, func(t *testing.T) {
		addVeth(t)
		root := t.TempDir()
		for range 2 {
			for _, err := range Network(t.Context(), root, testNetwork(), 0) {
				t.Errorf("Network: %v", err)
			}
			content, err := os.ReadFile(filepath.Join(root, "etc/resolv.conf"))
			if want := "nameserver 10.0.0.1\nsearch example.com\n"; err != nil || string(content) != want {
				t.Errorf("resolv.conf = %q, %v, want %q", content, err, want)
			}
			checkAddresses(t, "eth0", testNetwork().IPv4.Address, testNetwork().IPv6.Address)
		}
	})
}

func TestNetworkNil(t *testing.T) {
	nstest.Run(t, nstest.Net, func(t *testing.T) {
		addVeth(t)
		root := t.TempDir()
		for _, err := range Network(t.Context(), root, nil, 0) {
			t.Errorf("Network(nil): %v", err)
		}
		up := make(map[string]bool)
		for _, link := range networkLinks(t) {
			up[link.Name] = link.Up
		}
		if diff := cmp.Diff(map[string]bool{"lo": true, "eth0": false, "peer0": false}, up); diff != "" {
			t.Errorf("links that are up (-want +got):\n%s", diff)
		}
		if entries, err := os.ReadDir(root); err != nil || len(entries) > 0 {
			t.Errorf("root after Network(nil) = %v, %v, want nothing", entries, err)
		}
	})
}

// TestNetworkGoesOn: a resolv.conf that cannot be written stops no link, and a
// link that is missing stops no resolv.conf.
func TestNetworkGoesOn(t *testing.T) {
	nstest.Run(t, nstest.Net, func(t *testing.T) {
		addVeth(t)
		root := t.TempDir()
		if err := os.MkdirAll(filepath.Join(root, "etc/resolv.conf"), 0o755); err != nil {
			t.Fatal(err)
		}
		errs := Network(t.Context(), root, testNetwork(), 0)
		if len(errs) != 1 || !strings.HasPrefix(errs[0].Error(), "write /etc/resolv.conf below "+root) {
			t.Errorf("Network with a directory as resolv.conf = %q, want one error of it", errs)
		}
		checkAddresses(t, "eth0", testNetwork().IPv4.Address, testNetwork().IPv6.Address)

		missing := testNetwork()
		missing.Link = "eth9"
		root = t.TempDir()
		errs = Network(t.Context(), root, missing, 0)
		if len(errs) != 1 || !strings.HasPrefix(errs[0].Error(), "find link eth9: no such link") {
			t.Errorf("Network without its link = %q, want one error of it", errs)
		}
		if _, err := os.Stat(filepath.Join(root, "etc/resolv.conf")); err != nil {
			t.Error(err)
		}
	})
}

func addVeth(t *testing.T) {
	t.Helper()
	veth := &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "eth0"}, PeerName: "peer0"}
	if err := netlink.LinkAdd(veth); err != nil {
		t.Fatal(err)
	}
}

func networkLinks(t *testing.T) []netconf.LinkState {
	t.Helper()
	state, err := netconf.Read()
	if err != nil {
		t.Fatal(err)
	}
	return state.Links
}

func checkAddresses(t *testing.T, name string, want ...netip.Prefix) {
	t.Helper()
	links := networkLinks(t)
	i := slices.IndexFunc(links, func(l netconf.LinkState) bool { return l.Name == name })
	if i < 0 {
		t.Fatalf("links = %+v, want %s among them", links, name)
	}
	if !slices.Equal(links[i].Addresses, want) {
		t.Errorf("addresses of %s = %v, want %v", name, links[i].Addresses, want)
	}
}
