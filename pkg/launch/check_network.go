package launch

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

const (
	minMTU     = 68   // bytes, IPv4 (RFC 791)
	minMTUIPv6 = 1280 // bytes, RFC 8200; below it the kernel takes IPv6 off the link
	maxMTU     = 65536
)

// Check returns the first thing in n that could not be acted on, naming the
// field by its path in launch.json, and its value.
func (n *Network) Check() error {
	return first(
		n.checkLink,
		n.checkMTU,
		func() error { return n.IPv4.check("network.ipv4", netip.Addr.Is4) },
		func() error { return n.IPv6.check("network.ipv6", isIPv6) },
		n.Resolver.check,
	)
}

func (n *Network) checkLink() error {
	switch {
	case n.Link == "" && n.MAC == "":
		return missing("network", "link")
	case n.Link != "" && !validLink(n.Link):
		return wrong("network.link", n.Link, "not a name of a network interface (1 to 15 bytes, no slash, colon or space)")
	case n.MAC != "" && !validMAC(n.MAC):
		return wrong("network.mac", n.MAC, "not a hardware address, such as 52:54:00:12:34:56")
	}
	return nil
}

// validLink is dev_valid_name of the kernel's net/core/dev.c.
func validLink(name string) bool {
	const ifNameSize = 16 // IFNAMSIZ, with the NUL
	return name != "." && name != ".." && len(name) < ifNameSize &&
		!strings.ContainsAny(name, "/:") && !hasSpaceOrControl(name)
}

func validMAC(mac string) bool {
	const octets = 6
	parts := strings.Split(mac, ":")
	for _, part := range parts {
		if _, err := strconv.ParseUint(part, 16, 8); err != nil || len(part) != 2 {
			return false
		}
	}
	return len(parts) == octets
}

func (n *Network) checkMTU() error {
	switch {
	case n.MTU == 0:
		return nil
	case n.MTU < minMTU || n.MTU > maxMTU:
		return wrong("network.mtu", n.MTU, fmt.Sprintf("not a number of bytes from %d to %d", minMTU, maxMTU))
	case n.IPv6 != nil && n.MTU < minMTUIPv6:
		return wrong("network.mtu", n.MTU, fmt.Sprintf("IPv6 needs %d", minMTUIPv6))
	}
	return nil
}

func isIPv6(a netip.Addr) bool {
	return a.Is6() && !a.Is4In6()
}

func (ip *IP) check(path string, ofFamily func(netip.Addr) bool) error {
	if ip == nil {
		return nil
	}
	family := path[len("network."):]
	host := ip.Address.Addr()
	switch {
	case !ip.Address.IsValid():
		return missing(path, "address")
	case !ofFamily(host):
		return wrong(path+".address", ip.Address.String(), "not an address of "+family)
	case host.IsUnspecified() || host.IsMulticast():
		return wrong(path+".address", ip.Address.String(), "not the address of a host")
	case !ip.Gateway.IsValid():
		return nil
	case !ofFamily(ip.Gateway):
		return wrong(path+".gateway", ip.Gateway.String(), "not an address of "+family)
	case ip.Gateway.IsUnspecified() || ip.Gateway.IsMulticast():
		return wrong(path+".gateway", ip.Gateway.String(), "not the address of a host")
	}
	return nil
}

func (r *Resolver) check() error {
	for i, a := range r.Nameservers {
		if !a.IsValid() || a.IsMulticast() {
			return wrong("network.resolver.nameservers["+strconv.Itoa(i)+"]", a.String(), "not the address of a host")
		}
	}
	if err := checkWords("network.resolver.search", r.Search); err != nil {
		return err
	}
	return checkWords("network.resolver.options", r.Options)
}

// checkWords holds what resolv.conf(5) divides by white space.
func checkWords(path string, words []string) error {
	for i, word := range words {
		if word == "" || hasSpaceOrControl(word) {
			return wrong(path+"["+strconv.Itoa(i)+"]", word, "empty, or has a space or a control character")
		}
	}
	return nil
}
