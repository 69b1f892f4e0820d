package netconf

import (
	"errors"
	"fmt"
	"net/netip"
	"syscall"
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
	c, err := openConn()
	if err != nil {
		return State{}, err
	}
	defer c.close()
	links, err := listLinks(c)
	if err != nil {
		return State{}, fmt.Errorf("list links: %w", err)
	}
	addresses, err := listAddresses(c)
	if err != nil {
		err = fmt.Errorf("list addresses: %w", err)
	}
	errs := []error{err}
	state := State{Links: make([]LinkState, len(links)), Routes: []RouteState{}}
	names := make(map[uint32]string, len(links))
	for i, l := range links {
		names[l.index] = l.name
		state.Links[i] = linkState(c.socket, l, addresses)
	}
	for _, family := range []uint8{syscall.AF_INET, syscall.AF_INET6} {
		routes, err := listRoutes(c, family)
		if err != nil {
			errs = append(errs, fmt.Errorf("list routes: %w", err))
			continue
		}
		for _, r := range routes {
			state.Routes = append(state.Routes, routeStates(r, names)...)
		}
	}
	return state, errors.Join(errs...)
}

// linkState reads the offloads, and takes its own of the addresses.
func linkState(s socket, l link, addresses []address) LinkState {
	state := LinkState{
		Name:      l.name,
		State:     l.state.String(),
		Up:        l.flags&syscall.IFF_UP != 0,
		MAC:       formatMAC(l.mac),
		MTU:       int(l.mtu),
		GSO:       readOffload(s, l.name, gso),
		TSO:       readOffload(s, l.name, tso),
		Addresses: []netip.Prefix{},
	}
	for _, four := range []bool{true, false} {
		for _, a := range addresses {
			if a.link == l.index && a.prefix.Addr().Is4() == four {
				state.Addresses = append(state.Addresses, a.prefix)
			}
		}
	}
	return state
}

func readOffload(s socket, link string, o offload) *bool {
	on, err := s.offloadOn(link, o)
	if err != nil {
		return nil
	}
	return &on
}

func routeStates(r route, names map[uint32]string) []RouteState {
	states := make([]RouteState, len(r.hops))
	for i, h := range r.hops {
		states[i] = RouteState{
			Destination: r.destination,
			Gateway:     optional(h.gateway),
			Link:        names[h.link],
			Source:      optional(r.source),
			Metric:      int(r.metric),
			Onlink:      h.onlink,
		}
	}
	return states
}

func optional(a netip.Addr) *netip.Addr {
	if !a.IsValid() {
		return nil
	}
	return &a
}
