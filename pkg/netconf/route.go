package netconf

import (
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// route is a route of the kernel's, of any table.
type route struct {
	family, table uint8
	flags         uint32       // RTM_F_CLONED, RTNH_F_ONLINK
	destination   netip.Prefix // 0.0.0.0/0 or ::/0 of a default route; invalid of another family than IPv4 and IPv6
	source        netip.Addr   // the zero Addr where the kernel chooses
	metric        uint32
	hops          []hop // one at least
}

// hop is where a route goes on.
type hop struct {
	link    uint32     // index; 0 for none
	gateway netip.Addr // the zero Addr where the link itself reaches the destination
	onlink  bool
}

const (
	routeHeaderSize = 12 // struct rtmsg of rtnetlink(7)
	hopHeaderSize   = 8  // struct rtnexthop
)

func decodeRoute(body []byte) (route, error) {
	header, attributes, err := splitBody(body, routeHeaderSize)
	if err != nil {
		return route{}, err
	}
	r := route{family: header[0], table: header[4], flags: native.Uint32(header[8:])}
	switch r.family {
	case syscall.AF_INET:
		r.destination = netip.PrefixFrom(netip.IPv4Unspecified(), int(header[1]))
	case syscall.AF_INET6:
		r.destination = netip.PrefixFrom(netip.IPv6Unspecified(), int(header[1]))
	default:
		return r, nil
	}
	if !r.destination.IsValid() {
		return route{}, fmt.Errorf("netlink message: route to a network of %d bits", header[1])
	}
	single := hop{onlink: r.flags&syscall.RTNH_F_ONLINK != 0}
	err = eachAttribute(attributes, func(kind uint16, value []byte) error {
		return errors.Join(r.decode(kind, value), single.decode(r.family, kind, value))
	})
	if err != nil {
		return route{}, err
	}
	if len(r.hops) == 0 {
		r.hops = []hop{single}
	}
	return r, nil
}

// decode takes an attribute of the route itself; others are passed over.
func (r *route) decode(kind uint16, value []byte) (err error) {
	switch kind {
	case syscall.RTA_DST:
		var a netip.Addr
		a, err = decodeAddr(r.family, value)
		r.destination = netip.PrefixFrom(a, r.destination.Bits())
	case syscall.RTA_PREFSRC:
		r.source, err = decodeAddr(r.family, value)
	case syscall.RTA_PRIORITY:
		r.metric, err = decodeUint32(value)
	case syscall.RTA_MULTIPATH:
		r.hops, err = decodeHops(r.family, value)
	}
	return err
}

// decode takes an attribute of the hop; others are passed over.
func (h *hop) decode(family uint8, kind uint16, value []byte) (err error) {
	switch kind {
	case syscall.RTA_OIF:
		h.link, err = decodeUint32(value)
	case syscall.RTA_GATEWAY:
		h.gateway, err = decodeAddr(family, value)
	}
	return err
}

// decodeHops takes the value of RTA_MULTIPATH: a header for each hop, with its
// length, and its attributes.
func decodeHops(family uint8, data []byte) ([]hop, error) {
	var hops []hop
	for len(data) > 0 {
		if len(data) < hopHeaderSize {
			return nil, fmt.Errorf("next hop: %d bytes are no header", len(data))
		}
		size := int(native.Uint16(data))
		if size < hopHeaderSize || size > len(data) {
			return nil, fmt.Errorf("next hop: says that it has %d bytes, of %d", size, len(data))
		}
		h := hop{link: native.Uint32(data[4:]), onlink: data[2]&syscall.RTNH_F_ONLINK != 0}
		err := eachAttribute(data[hopHeaderSize:size], func(kind uint16, value []byte) error {
			return h.decode(family, kind, value)
		})
		if err != nil {
			return nil, err
		}
		hops = append(hops, h)
		data = data[min(aligned(size), len(data)):]
	}
	return hops, nil
}

// listRoutes returns the routes of the family's main table. A kernel without
// IPv6 lists the others' where it is asked for IPv6's.
func listRoutes(c *conn, family uint8) ([]route, error) {
	header := make([]byte, routeHeaderSize)
	header[0] = family
	all, err := list(c, newRequest(syscall.RTM_GETROUTE, 0, header...), decodeRoute)
	return slices.DeleteFunc(all, func(r route) bool { return !r.isConfigured(family) }), err
}

// isConfigured reports whether r is of the family's main table, and no
// exception that the kernel learned of one destination.
func (r route) isConfigured(family uint8) bool {
	return r.family == family && r.table == syscall.RT_TABLE_MAIN && r.flags&syscall.RTM_F_CLONED == 0
}

// newDefaultRoute has the zero Addr refused by the kernel.
func newDefaultRoute(index uint32, gw netip.Addr, onlink bool) request {
	header := []byte{
		familyOf(gw), 0, 0, 0, // lengths of destination and source, type of service
		syscall.RT_TABLE_MAIN, syscall.RTPROT_BOOT, syscall.RT_SCOPE_UNIVERSE, syscall.RTN_UNICAST,
	}
	flags := uint32(0)
	if onlink {
		flags = syscall.RTNH_F_ONLINK
	}
	header = native.AppendUint32(header, flags)
	return newRequest(syscall.RTM_NEWROUTE, syscall.NLM_F_CREATE|syscall.NLM_F_EXCL, header...).
		attr(syscall.RTA_GATEWAY, gw.AsSlice()).attrUint32(syscall.RTA_OIF, index)
}

func addDefaultRoute(gw netip.Addr, onlink bool) func(*session) change {
	return func(s *session) change {
		return change{request: newDefaultRoute(s.link.index, gw, onlink), explain: func(err error) error {
			if errors.Is(err, fs.ErrExist) {
				err = s.checkDefaultRoute(gw, withoutReason(err))
			}
			if err == nil {
				return nil
			}
			return fmt.Errorf("add default route via %s dev %s: %w", gw, s.link.name, err)
		}}
	}
}

// checkDefaultRoute returns nil if the default route that is already there goes
// by gw, and otherwise exists with the routes there are.
func (s *session) checkDefaultRoute(gw netip.Addr, exists error) error {
	routes, err := listRoutes(s.conn, familyOf(gw))
	if err != nil {
		return fmt.Errorf("%w; list routes: %w", exists, err)
	}
	var there []string
	for _, r := range routes {
		if r.destination.Bits() != 0 {
			continue
		}
		for _, h := range r.hops {
			if len(r.hops) == 1 && h.link == s.link.index && h.gateway == gw {
				return nil
			}
			there = append(there, s.describe(h))
		}
	}
	return fmt.Errorf("%w (there is one %s)", exists, strings.Join(there, ", "))
}

// describe is h in the words of ip-route(8).
func (s *session) describe(h hop) string {
	if !h.gateway.IsValid() {
		return "dev " + s.nameOf(h.link)
	}
	return fmt.Sprintf("via %s dev %s", h.gateway, s.nameOf(h.link))
}

func (s *session) nameOf(index uint32) string {
	l, err := linkByIndex(s.conn, index)
	if err != nil {
		return strconv.FormatUint(uint64(index), 10)
	}
	return l.name
}
