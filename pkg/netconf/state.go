package netconf

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"

	"github.com/vishvananda/netlink"
)

// State is the network as the kernel has it now.
type State struct {
	Links  []LinkState  `json:"links"`  // in the kernel's order
	Routes []RouteState `json:"routes"` // of the main tables, IPv4 first
}

// LinkState is one link. GSO and TSO are nil where they cannot be read.
type LinkState struct {
	Name      string         `json:"name"`
	State     string         `json:"state"` // up, down, unknown, ...: RFC 2863, section 3.1.14
	Up        bool           `json:"up"`    // set up by someone, whether or not there is a carrier
	MAC       string         `json:"mac"`   // "" where the link has none
	MTU       int            `json:"mtu"`   // bytes
	GSO       *bool          `json:"gso"`
	TSO       *bool          `json:"tso"`
	Addresses []netip.Prefix `json:"addresses"`
}

// RouteState is one next hop of a route.
type RouteState struct {
	Destination netip.Prefix `json:"destination"`
	Gateway     *netip.Addr  `json:"gateway"` // nil where the link itself reaches the destination
	Link        string       `json:"link"`
	Source      *netip.Addr  `json:"source"` // nil where the kernel chooses
	Metric      int          `json:"metric"`
	Onlink      bool         `json:"onlink"`
}

// Read returns the state, and with an error as much of it as could be read.
func Read() (State, error) {
	handle, err := netlink.NewHandle(netlinkRoute)
	if err != nil {
		return State{}, fmt.Errorf("open rtnetlink socket: %w", err)
	}
	defer handle.Close()
	links, err := listUnchanged(handle.LinkList)
	if err != nil {
		return State{}, fmt.Errorf("list links: %w", err)
	}
	state := State{Links: make([]LinkState, len(links)), Routes: []RouteState{}}
	names := make(map[int]string, len(links))
	var errs []error
	for i, link := range links {
		names[link.Attrs().Index] = link.Attrs().Name
		state.Links[i], err = readLink(handle, link)
		errs = append(errs, err)
	}
	for _, family := range []int{netlink.FAMILY_V4, netlink.FAMILY_V6} {
		routes, err := listUnchanged(func() ([]netlink.Route, error) {
			return handle.RouteListFiltered(family, &netlink.Route{}, 0) // nil panics
		})
		if err != nil {
			errs = append(errs, fmt.Errorf("list routes: %w", err))
			continue
		}
		state.Routes = append(state.Routes, routeStates(routes, names)...)
	}
	return state, errors.Join(errs...)
}

func readLink(handle *netlink.Handle, link netlink.Link) (LinkState, error) {
	attrs := link.Attrs()
	state := LinkState{
		Name:      attrs.Name,
		State:     attrs.OperState.String(),
		Up:        attrs.Flags&net.FlagUp != 0,
		MAC:       attrs.HardwareAddr.String(),
		MTU:       attrs.MTU,
		GSO:       readOffload(attrs.Name, gso),
		TSO:       readOffload(attrs.Name, tso),
		Addresses: []netip.Prefix{},
	}
	addrs, err := listUnchanged(func() ([]netlink.Addr, error) { return handle.AddrList(link, netlink.FAMILY_ALL) })
	if err != nil {
		return state, fmt.Errorf("list addresses of %s: %w", attrs.Name, err)
	}
	for _, a := range addrs {
		state.Addresses = append(state.Addresses, prefixOf(a.IPNet))
	}
	slices.SortStableFunc(state.Addresses, func(a, b netip.Prefix) int {
		return cmp.Compare(a.Addr().BitLen(), b.Addr().BitLen())
	})
	return state, nil
}

func readOffload(link string, o offload) *bool {
	on, err := offloadOn(link, o)
	if err != nil {
		return nil
	}
	return &on
}

func routeStates(routes []netlink.Route, names map[int]string) []RouteState {
	var states []RouteState
	for _, r := range routes {
		state := RouteState{Source: optional(addrOf(r.Src)), Metric: r.Priority}
		state.Destination = netip.PrefixFrom(netip.IPv6Unspecified(), 0)
		if r.Family == netlink.FAMILY_V4 {
			state.Destination = netip.PrefixFrom(netip.IPv4Unspecified(), 0)
		}
		if !isDefault(r) {
			state.Destination = prefixOf(r.Dst)
		}
		for _, hop := range hops(r) {
			state.Gateway = optional(addrOf(hop.Gw))
			state.Link = names[hop.LinkIndex]
			state.Onlink = hop.Flags&int(netlink.FLAG_ONLINK) != 0
			states = append(states, state)
		}
	}
	return states
}

func hops(r netlink.Route) []*netlink.NexthopInfo {
	if len(r.MultiPath) > 0 {
		return r.MultiPath
	}
	return []*netlink.NexthopInfo{{LinkIndex: r.LinkIndex, Gw: r.Gw, Flags: r.Flags}}
}

func optional(a netip.Addr) *netip.Addr {
	if !a.IsValid() {
		return nil
	}
	return &a
}
