package netconf

import (
	"errors"
	"slices"
	"syscall"
)

// Of linux/if_link.h and linux/rtnetlink.h; package syscall has them not.
const (
	linkAttrExtMask = 29     // IFLA_EXT_MASK
	linkAttrAltName = 53     // IFLA_ALT_IFNAME
	skipStatistics  = 1 << 3 // RTEXT_FILTER_SKIP_STATS
)

// link is a network link as the kernel describes it.
type link struct {
	index uint32
	flags uint32 // IFF_UP, ...
	name  string
	mac   []byte // of the length of its kind; nil where it is zero or there is none
	mtu   uint32 // bytes
	state operState
}

// operState is the kernel's operational state (linux/if.h).
type operState uint8

// String is RFC 2863's name of ifOperStatus, in words with hyphens.
func (s operState) String() string {
	switch s {
	case 1:
		return "not-present"
	case 2:
		return "down"
	case 3:
		return "lower-layer-down"
	case 4:
		return "testing"
	case 5:
		return "dormant"
	case 6:
		return "up"
	default:
		return "unknown"
	}
}

// linkHeader is struct ifinfomsg of rtnetlink(7), for any kind of link.
func linkHeader(index, flags, change uint32) []byte {
	h := native.AppendUint32(make([]byte, 4, linkHeaderSize), index)
	h = native.AppendUint32(h, flags)
	return native.AppendUint32(h, change)
}

const linkHeaderSize = 16

func decodeLink(body []byte) (link, error) {
	header, attributes, err := splitBody(body, linkHeaderSize)
	if err != nil {
		return link{}, err
	}
	l := link{index: native.Uint32(header[4:]), flags: native.Uint32(header[8:])}
	err = eachAttribute(attributes, func(kind uint16, value []byte) (err error) {
		switch kind {
		case syscall.IFLA_IFNAME:
			l.name = decodeString(value)
		case syscall.IFLA_ADDRESS:
			if slices.ContainsFunc(value, func(b byte) bool { return b != 0 }) {
				l.mac = slices.Clone(value)
			}
		case syscall.IFLA_MTU:
			l.mtu, err = decodeUint32(value)
		case syscall.IFLA_OPERSTATE:
			if len(value) != 1 {
				return errors.New("is not one byte")
			}
			l.state = operState(value[0])
		}
		return err
	})
	if err != nil {
		return link{}, err
	}
	return l, nil
}

func getLink(index uint32) request {
	return newRequest(syscall.RTM_GETLINK, 0, linkHeader(index, 0, 0)...).attrUint32(linkAttrExtMask, skipStatistics)
}

func listLinks(c *conn) ([]link, error) { return list(c, getLink(0), decodeLink) }

func linkByIndex(c *conn, index uint32) (*link, error) { return askLink(c, getLink(index)) }

// linkByName returns nil without an error where there is no such link.
func linkByName(c *conn, name string) (*link, error) {
	kind := uint16(syscall.IFLA_IFNAME)
	if len(name) >= syscall.IFNAMSIZ {
		kind = linkAttrAltName
	}
	found, err := askLink(c, getLink(0).attrString(kind, name))
	if errors.Is(err, syscall.ENODEV) {
		return nil, nil
	}
	return found, err
}

func askLink(c *conn, r request) (*link, error) {
	var found *link
	err := c.ask(r, func(body []byte) error {
		l, err := decodeLink(body)
		found = &l
		return err
	})
	if err == nil && found == nil {
		err = errors.New("netlink: an answer without a link")
	}
	if err != nil {
		return nil, err
	}
	return found, nil
}

func linkUp(index uint32) request {
	return newRequest(syscall.RTM_SETLINK, 0, linkHeader(index, syscall.IFF_UP, syscall.IFF_UP)...)
}

func linkMTU(index, mtu uint32) request {
	return newRequest(syscall.RTM_SETLINK, 0, linkHeader(index, 0, 0)...).attrUint32(syscall.IFLA_MTU, mtu)
}
