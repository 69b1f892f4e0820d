package netconf

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"github.com/vishvananda/netlink"
)

func addDefaultRoute(gw netip.Addr, onlink bool) func(context.Context, *session) error {
	return func(_ context.Context, s *session) error {
		route := &netlink.Route{LinkIndex: s.link.Attrs().Index, Gw: gw.AsSlice()}
		if onlink {
			route.Flags = int(netlink.FLAG_ONLINK)
		}
		err := s.handle.RouteAdd(route)
		if errors.Is(err, fs.ErrExist) {
			err = s.checkDefaultRoute(gw, err)
		}
		if err != nil {
			return fmt.Errorf("add default route via %s dev %s: %w", gw, s.name(), err)
		}
		return nil
	}
}

// checkDefaultRoute returns nil if the default route that is already there goes
// by gw, and otherwise exists with the routes there are.
func (s *session) checkDefaultRoute(gw netip.Addr, exists error) error {
	routes, err := listUnchanged(func() ([]netlink.Route, error) {
		return s.handle.RouteListFiltered(familyOf(gw), &netlink.Route{}, 0) // nil panics
	})
	if err != nil {
		return fmt.Errorf("%w; list routes: %w", exists, err)
	}
	var there []string
	for _, r := range routes {
		if !isDefault(r) {
			continue
		}
		if r.LinkIndex == s.link.Attrs().Index && addrOf(r.Gw) == gw {
			return nil
		}
		there = append(there, fmt.Sprintf("via %s dev %s", addrOf(r.Gw), s.nameOf(r.LinkIndex)))
	}
	return fmt.Errorf("%w (there is one %s)", exists, strings.Join(there, ", "))
}

func (s *session) nameOf(index int) string {
	link, err := s.handle.LinkByIndex(index)
	if err != nil {
		return strconv.Itoa(index)
	}
	return link.Attrs().Name
}

func isDefault(r netlink.Route) bool {
	if r.Dst == nil {
		return true
	}
	ones, _ := r.Dst.Mask.Size()
	return ones == 0
}

func familyOf(a netip.Addr) int {
	if a.Is4() {
		return netlink.FAMILY_V4
	}
	return netlink.FAMILY_V6
}

// addrOf is the zero Addr where ip is empty.
func addrOf(ip net.IP) netip.Addr {
	a, _ := netip.AddrFromSlice(ip)
	return a
}

func prefixOf(n *net.IPNet) netip.Prefix {
	ones, _ := n.Mask.Size()
	return netip.PrefixFrom(addrOf(n.IP), ones)
}

// listUnchanged calls list until nothing changed while the kernel wrote its
// answer, but not for ever.
func listUnchanged[T any](list func() ([]T, error)) ([]T, error) {
	const attempts = 10
	var items []T
	var err error
	for range attempts {
		items, err = list()
		if !errors.Is(err, netlink.ErrDumpInterrupted) {
			break
		}
	}
	return items, err
}
