// Package netconf configures one network link of a machine, and its loopback,
// by rtnetlink(7) and the ethtool ioctl of netdevice(7).
package netconf

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// Config is what a link shall have. The zero value is a machine with only lo.
type Config struct {
	Link      string         // name; with MAC, only a preference among links of that address
	MAC       string         // EUI-48 by which the link is found; "" to find it by name
	MTU       int            // bytes; 0 leaves it
	Addresses []netip.Prefix // each an address of the link and the length of its network
	Gateways  []netip.Addr   // of the default routes, at most one of each family

	// IPv6Conf is where the kernel has its settings of each link,
	// /proc/sys/net/ipv6/conf. Where it is given, a link with an IPv6 address
	// takes no other address or route from router advertisements.
	IPv6Conf string
}

// minMTU6 is the least MTU of a link that has IPv6, in bytes (RFC 8200, section 5).
const minMTU6 = 1280

// Check returns everything in c that no machine could have, joined. Apply
// does not need it: there a bad item fails alone.
func (c Config) Check() error {
	var errs []error
	if !c.hasLink() && (c.MTU != 0 || len(c.Addresses) > 0 || len(c.Gateways) > 0) {
		errs = append(errs, errors.New("no link is named to have the MTU, addresses and gateways"))
	}
	if c.Link != "" && !validName(c.Link) {
		errs = append(errs, fmt.Errorf("link %q: is no name of a link (1 to 15 bytes, no space, slash or colon)", c.Link))
	}
	if c.MAC != "" {
		if _, err := parseMAC(c.MAC); err != nil {
			errs = append(errs, err)
		}
	}
	if c.MTU < 0 {
		errs = append(errs, fmt.Errorf("mtu %d: is negative", c.MTU))
	}
	errs = append(errs, c.checkAddresses(), c.checkGateways())
	return errors.Join(errs...)
}

func (c Config) checkAddresses() error {
	var errs []error
	for _, p := range c.Addresses {
		switch {
		case !p.IsValid():
			errs = append(errs, errors.New("address: is not set"))
		case p.Addr().IsUnspecified() || p.Addr().IsMulticast():
			errs = append(errs, fmt.Errorf("address %s: is not of one machine", p))
		case p.Addr().Is6() && c.MTU > 0 && c.MTU < minMTU6:
			errs = append(errs, fmt.Errorf("mtu %d: IPv6 (address %s) needs %d or more", c.MTU, p, minMTU6))
		}
	}
	return errors.Join(errs...)
}

func (c Config) checkGateways() error {
	var errs []error
	var first4, first6 netip.Addr
	for _, gw := range c.Gateways {
		first := &first4
		if gw.Is6() {
			first = &first6
		}
		switch {
		case !gw.IsValid():
			errs = append(errs, errors.New("gateway: is not set"))
		case gw.IsUnspecified() || gw.IsMulticast() || gw.IsLoopback():
			errs = append(errs, fmt.Errorf("gateway %s: is not of another machine", gw))
		case slices.ContainsFunc(c.Addresses, func(p netip.Prefix) bool { return p.Addr() == gw.WithZone("") }):
			errs = append(errs, fmt.Errorf("gateway %s: is the machine itself", gw))
		case first.IsValid():
			errs = append(errs, fmt.Errorf("gateway %s: there is already %s of its family", gw, *first))
		default:
			*first = gw
		}
	}
	return errors.Join(errs...)
}

// validName is dev_valid_name of the kernel's net/core/dev.c.
func validName(name string) bool {
	const size = 16 // IFNAMSIZ, with the NUL
	return name != "." && name != ".." && len(name) < size && !strings.ContainsFunc(name, func(r rune) bool {
		return r <= ' ' || r == 0x7f || r == '/' || r == ':'
	})
}

func (c Config) hasLink() bool { return c.Link != "" || c.MAC != "" }

// onlink reports whether gw is in no network of c's addresses, so that the
// kernel must be told that the link reaches it. Link-local ones always are reached.
func (c Config) onlink(gw netip.Addr) bool {
	if gw.Is6() && gw.IsLinkLocalUnicast() {
		return false
	}
	for _, p := range c.Addresses {
		if p.Contains(gw) {
			return false
		}
	}
	return true
}
