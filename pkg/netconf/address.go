package netconf

import (
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"slices"
	"syscall"
)

// address is an address of a link.
type address struct {
	link   uint32 // index
	prefix netip.Prefix
}

const addressHeaderSize = 8 // struct ifaddrmsg of rtnetlink(7)

func decodeAddress(body []byte) (address, error) {
	header, attributes, err := splitBody(body, addressHeaderSize)
	if err != nil {
		return address{}, err
	}
	family, bits := header[0], int(header[1])
	a := address{link: native.Uint32(header[4:])}
	if family != syscall.AF_INET && family != syscall.AF_INET6 {
		return a, nil
	}
	var local, peer netip.Addr
	err = eachAttribute(attributes, func(kind uint16, value []byte) (err error) {
		switch kind {
		case syscall.IFA_LOCAL:
			local, err = decodeAddr(family, value)
		case syscall.IFA_ADDRESS:
			peer, err = decodeAddr(family, value)
		}
		return err
	})
	if err != nil {
		return address{}, err
	}
	if a.prefix = localPrefix(local, peer, bits); !a.prefix.IsValid() {
		return address{}, fmt.Errorf("netlink message: address %s of a network of %d bits", a.prefix.Addr(), bits)
	}
	return a, nil
}

// localPrefix is the machine's own address. The peer is the other end where
// both are there and differ; then the network of bits is the peer's. IPv6 has
// the local address in the peer's place where there is no peer.
func localPrefix(local, peer netip.Addr, bits int) netip.Prefix {
	switch {
	case !local.IsValid() || local == peer:
		return netip.PrefixFrom(peer, bits)
	default:
		return netip.PrefixFrom(local, local.BitLen())
	}
}

// listAddresses returns the IPv4 and IPv6 addresses of all links.
func listAddresses(c *conn) ([]address, error) {
	all, err := list(c, newRequest(syscall.RTM_GETADDR, 0, make([]byte, addressHeaderSize)...), decodeAddress)
	return slices.DeleteFunc(all, func(a address) bool { return !a.prefix.IsValid() }), err
}

// newAddress has the zero Prefix refused by the kernel.
func newAddress(index uint32, p netip.Prefix) request {
	flags := byte(0)
	if p.Addr().Is6() {
		flags = syscall.IFA_F_NODAD // usable at once, not tentative for a second or more
	}
	bits := byte(max(p.Bits(), 0)) //nolint:gosec // at most 128
	header := []byte{familyOf(p.Addr()), bits, flags, syscall.RT_SCOPE_UNIVERSE}
	ip := p.Addr().AsSlice()
	r := newRequest(syscall.RTM_NEWADDR, syscall.NLM_F_CREATE|syscall.NLM_F_EXCL, native.AppendUint32(header, index)...)
	r = r.attr(syscall.IFA_LOCAL, ip).attr(syscall.IFA_ADDRESS, ip)
	if hasBroadcast(p) {
		r = r.attr(syscall.IFA_BROADCAST, broadcast(p))
	}
	return r
}

// hasBroadcast reports whether p's network is large enough (RFC 3021).
func hasBroadcast(p netip.Prefix) bool { return p.IsValid() && p.Addr().Is4() && p.Bits() < 31 }

func broadcast(p netip.Prefix) []byte {
	ip := p.Addr().As4()
	for bit := p.Bits(); bit < 32; bit++ {
		ip[bit/8] |= 0x80 >> (bit % 8)
	}
	return ip[:]
}

func addAddress(p netip.Prefix) func(*session) change {
	return func(s *session) change {
		return change{request: newAddress(s.link.index, p), explain: func(err error) error { return s.explainAddress(p, err) }}
	}
}

func (s *session) explainAddress(p netip.Prefix, err error) error {
	if errors.Is(err, fs.ErrExist) {
		err = s.checkAddress(p, withoutReason(err))
	}
	if err == nil {
		return nil
	}
	hint := addressHint(p, s.link.name, err)
	if hint != "" {
		err = withoutReason(err)
	}
	return fmt.Errorf("add address %s to %s: %w%s", p, s.link.name, err, hint)
}

// checkAddress returns nil if the address that is already there has p's
// network too: IPv6 refuses another length of prefix just as the same one.
func (s *session) checkAddress(p netip.Prefix, exists error) error {
	addresses, err := s.listAddresses()
	if err != nil {
		return fmt.Errorf("%w; list addresses: %w", exists, err)
	}
	for _, a := range addresses {
		if a.link != s.link.index {
			continue
		}
		if a.prefix == p {
			return nil
		}
		if a.prefix.Addr() == p.Addr() {
			exists = fmt.Errorf("%w (as %s)", exists, a.prefix)
		}
	}
	return exists
}

// addressHint says why the kernel has no IPv6 on the link, where that is it.
func addressHint(p netip.Prefix, link string, err error) string {
	switch {
	case !p.Addr().Is6():
		return ""
	case errors.Is(err, errors.ErrUnsupported):
		return " (the kernel has no IPv6)"
	case errors.Is(err, fs.ErrPermission) && !isNotPermitted(err):
		return fmt.Sprintf(" (IPv6 is disabled there: sysctl net.ipv6.conf.%s.disable_ipv6)", link)
	default:
		return ""
	}
}
