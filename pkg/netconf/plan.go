package netconf

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
)

// Step is one change, or the search for the link that the later ones change.
type Step struct {
	// Command does the same in a shell, by iproute2 and ethtool. Where the
	// link is found by MAC, the search sets $LINK for the later ones.
	Command string

	needsLink bool

	// One of these: what the step does, or what it asks of rtnetlink.
	apply  func(context.Context, *session) error
	change func(*session) change
}

// Plan returns the steps to c in their order. lo is first, so that it does
// not wait for the link.
func Plan(c Config) []Step {
	steps := []Step{{Command: "ip link set lo up", change: setLoUp}}
	if !c.hasLink() {
		return steps
	}
	steps = append(steps, Step{Command: findCommand(c), apply: findLink})
	link := linkWord(c)
	add := func(s Step, format string, args ...any) {
		s.Command, s.needsLink = fmt.Sprintf(format, args...), true
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
		add(Step{change: addDefaultRoute(gw, onlink)}, "%s", routeCommand(gw, link, onlink))
	}
	return steps
}

func linkWord(c Config) string {
	if c.MAC != "" {
		return `"$LINK"`
	}
	return c.Link
}

func findCommand(c Config) string {
	if c.MAC == "" {
		return "ip link show dev " + c.Link
	}
	mac := c.MAC
	if parsed, err := parseMAC(mac); err == nil {
		mac = formatMAC(parsed)
	}
	return fmt.Sprintf(`LINK=$(ip -o link | awk -F'[:@ ]+' '/link\/ether %s/ {print $2; exit}')`, mac)
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

func routeCommand(gw netip.Addr, link string, onlink bool) string {
	family, suffix := "", ""
	if gw.Is6() {
		family = "-6 "
	}
	if onlink {
		suffix = " onlink"
	}
	return fmt.Sprintf("ip %sroute add default via %s dev %s%s", family, gw, link, suffix)
}
