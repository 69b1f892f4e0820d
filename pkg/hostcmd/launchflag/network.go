package launchflag

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/kguest/kguest/pkg/launch"
	"github.com/kguest/kguest/pkg/nearest"
)

// netKeys are what -net knows.
func netKeys() []string {
	return []string{"link", "mac", "ip4", "gw4", "ip6", "gw6", "dns", "search", "mtu"}
}

func (l *Flags) network(value string) error {
	n := new(launch.Network)
	given := map[string]bool{}
	for item := range strings.SplitSeq(value, ",") {
		key, v, ok := strings.Cut(item, "=")
		if !ok || v == "" {
			return fmt.Errorf("%q: want KEY=VALUE, of %s", item, strings.Join(netKeys(), ", "))
		}
		if given[key] && key != "dns" && key != "search" {
			return fmt.Errorf("%s is given twice", key)
		}
		given[key] = true
		if err := setNetwork(n, key, v); err != nil {
			return fmt.Errorf("%s=%s: %w", key, v, err)
		}
	}
	if given["gw4"] && n.IPv4.Address == (netip.Prefix{}) || given["gw6"] && n.IPv6.Address == (netip.Prefix{}) {
		return errors.New("a gateway needs the address of its family: ip4 or ip6")
	}
	if n.Link == "" && n.MAC == "" {
		return errors.New("no link, such as link=eth0")
	}
	return l.set(func(c *launch.Config) { c.Network = n })
}

func setNetwork(n *launch.Network, key, value string) error {
	var err error
	switch key {
	case "link":
		n.Link = value
	case "mac":
		n.MAC = strings.ToLower(strings.ReplaceAll(value, "-", ":"))
	case "ip4":
		err = setPrefix(&n.IPv4, value)
	case "ip6":
		err = setPrefix(&n.IPv6, value)
	case "gw4":
		err = setGateway(&n.IPv4, value)
	case "gw6":
		err = setGateway(&n.IPv6, value)
	case "dns":
		var a netip.Addr
		a, err = parseAddr(value)
		n.Resolver.Nameservers = append(n.Resolver.Nameservers, a)
	case "search":
		n.Resolver.Search = append(n.Resolver.Search, value)
	case "mtu":
		if n.MTU, err = strconv.Atoi(value); err != nil || n.MTU == 0 {
			err = errors.New("want a number of bytes")
		}
	default:
		return errors.New("unknown; want one of " + strings.Join(netKeys(), ", ") + nearest.Hint(key, netKeys()))
	}
	return err
}

func setPrefix(ip **launch.IP, value string) error {
	p, err := netip.ParsePrefix(value)
	if err != nil {
		return errors.New("want an address with its prefix length, such as 10.0.0.2/24 or fd00::2/64")
	}
	if *ip == nil {
		*ip = new(launch.IP)
	}
	(*ip).Address = p
	return nil
}

func setGateway(ip **launch.IP, value string) error {
	a, err := parseAddr(value)
	if *ip == nil {
		*ip = new(launch.IP)
	}
	(*ip).Gateway = a
	return err
}

func parseAddr(value string) (netip.Addr, error) {
	a, err := netip.ParseAddr(value)
	if err != nil {
		return a, errors.New("want an IP address")
	}
	return a, nil
}
