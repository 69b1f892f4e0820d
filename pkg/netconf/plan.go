package netconf

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
)

// Step is one change, or the search for the link that the later ones change.
type Step struct {
	format string // of the command
	args   []any

	needsLink bool

	// One of these: what the step does, or what it asks of rtnetlink.
	apply  func(context.Context, *session) error
	change func(*session) change
}

// Command does the same in a shell, by iproute2 and ethtool. Where the link is
// found by MAC, the search sets $LINK for the later ones.
func (s Step) Command() string { return fmt.Sprintf(s.format, s.args...) }

// Plan returns the steps to c in their order. lo is first, so that it does
// not wait for the link.
func Plan(c Config) []Step {
	steps := []Step{{format: "ip link set lo up", change: setLoUp}}
	if !c.hasLink() {
		return steps
	}
	steps = append(steps, findStep(c))
	link := linkWord(c)
	add := func(s Step, format string, args ...any) {
		s.format, s.args, s.needsLink = format, args, true
		steps = append(steps, s)
	}
	if c.MTU != 0 {
		add(Step{change: setMTU(c.MTU)}, "ip link set dev %s mtu %d", link, c.MTU)
	}
	for _, o := range []offload{gso, tso} {
		add(Step{apply: setOffloadOff(o)}, "ethtool -K %s %s off", link, o.name)
	}
	if c.IPv6Conf != "" && slices.ContainsFunc(c.Addresses, func(p netip.Prefix) bool { return p.Addr().Is6() }) {
		add(Step{apply: refuseAdvertisements}, "echo 0 >%s/%s/accept_ra", c.IPv6Conf, link)
	}
	for _, p := range c.Addresses {
		add(Step{change: addAddress(p)}, "ip address add %s dev %s%s", p, link, addressOptions(p))
	}
	add(Step{change: setLinkUp}, "ip link set dev %s up", link)
	for _, gw := range c.Gateways {
		gw = gw.Unmap().WithZone("") // the link is the zone
		onlink := c.onlink(gw)
		add(Step{change: addDefaultRoute(gw, onlink)}, routeFormat(gw, onlink), gw, link)
	}
	return steps
}

func linkWord(c Config) string {
	if c.MAC != "" {
		return `"$LINK"`
	}
	return c.Link
}

func findStep(c Config) Step {
	if c.MAC == "" {
		return Step{apply: findLink, format: "ip link show dev %s", args: []any{c.Link}}
	}
	mac := c.MAC
	if parsed, err := parseMAC(mac); err == nil {
		mac = formatMAC(parsed)
	}
	const format = `LINK=$(ip -o link | awk -F'[:@ ]+' '/link\/ether %s/ {print $2; exit}')`
	return Step{apply: findLink, format: format, args: []any{mac}}
}

func addressOptions(p netip.Prefix) string {
	switch {
	case p.Addr().Is6():
		return " nodad"
	case hasBroadcast(p):
		return " broadcast +"
	default:
		return ""
	}
}

// routeFormat is of a gateway and a link.
func routeFormat(gw netip.Addr, onlink bool) string {
	family, suffix := "", ""
	if gw.Is6() {
		family = "-6 "
	}
	if onlink {
		suffix = " onlink"
	}
	return "ip " + family + "route add default via %s dev %s" + suffix
}
