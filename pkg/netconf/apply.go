package netconf

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"github.com/vishvananda/netlink"
)

// session is what the steps of one Apply share.
type session struct {
	handle  *netlink.Handle
	config  Config
	timeout time.Duration
	link    netlink.Link // nil until it is found
}

func (s *session) name() string { return s.link.Attrs().Name }

// Apply takes every step of Plan(c) and returns the error of each that failed,
// in their order. The link may take until timeout, or the end of ctx, to
// appear; without it the steps that need it are left out. What is already as c
// wants it is success.
func Apply(ctx context.Context, c Config, timeout time.Duration) []error {
	handle, err := netlink.NewHandle(netlinkRoute)
	if err != nil {
		return []error{fmt.Errorf("open rtnetlink socket: %w", err)}
	}
	defer handle.Close()
	s := &session{handle: handle, config: c, timeout: timeout}
	var errs []error
	for _, step := range Plan(c) {
		if step.needsLink && s.link == nil {
			continue
		}
		if err := step.apply(ctx, s); err != nil {
			errs = append(errs, err)
		}
	}
	return errs
}

func setLoUp(_ context.Context, s *session) error {
	lo, err := s.handle.LinkByName("lo")
	if err == nil {
		err = s.handle.LinkSetUp(lo)
	}
	if err != nil {
		return fmt.Errorf("set link lo up: %w", err)
	}
	return nil
}

func setLinkUp(_ context.Context, s *session) error {
	if err := s.handle.LinkSetUp(s.link); err != nil {
		return fmt.Errorf("set link %s up: %w", s.name(), err)
	}
	return nil
}

func setMTU(mtu int) func(context.Context, *session) error {
	return func(_ context.Context, s *session) error {
		if err := s.handle.LinkSetMTU(s.link, mtu); err != nil {
			return fmt.Errorf("set mtu %d of %s: %w", mtu, s.name(), err)
		}
		return nil
	}
}

func setOffloadOff(o offload) func(context.Context, *session) error {
	return func(_ context.Context, s *session) error {
		err := disableOffload(s.name(), o)
		if err == nil {
			return nil
		}
		if on, readErr := offloadOn(s.name(), o); isOffAlready(err, on, readErr) {
			return nil
		}
		return fmt.Errorf("set %s of %s off: %w", o.name, s.name(), err)
	}
}

// isOffAlready reports whether set is the refusal of a link that lacks the
// feature, and so will not even switch it off.
func isOffAlready(set error, on bool, read error) bool {
	return errors.Is(set, errors.ErrUnsupported) && read == nil && !on
}

// refuseAdvertisements has the link ignore routers. A kernel without IPv6 has no
// such file: what it lacks, the address says.
func refuseAdvertisements(_ context.Context, s *session) error {
	f, err := os.OpenFile(filepath.Join(s.config.IPv6Conf, s.name(), "accept_ra"), os.O_WRONLY, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		_, err = f.WriteString("0")
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		return fmt.Errorf("refuse router advertisements on %s: %w", s.name(), err)
	}
	return nil
}

func addAddress(p netip.Prefix) func(context.Context, *session) error {
	return func(_ context.Context, s *session) error {
		addr := &netlink.Addr{IPNet: &net.IPNet{
			IP:   p.Addr().AsSlice(),
			Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen()),
		}}
		if p.Addr().Is6() {
			addr.Flags = flagNoDAD
		}
		err := s.handle.AddrAdd(s.link, addr)
		if errors.Is(err, fs.ErrExist) {
			err = s.checkAddress(p, err)
		}
		if err != nil {
			return fmt.Errorf("add address %s to %s: %w%s", p, s.name(), err, addressHint(p, s.name(), err))
		}
		return nil
	}
}

// checkAddress returns nil if the address that is already there has p's
// network too: IPv6 refuses another length of prefix just as the same one.
func (s *session) checkAddress(p netip.Prefix, exists error) error {
	addrs, err := listUnchanged(func() ([]netlink.Addr, error) { return s.handle.AddrList(s.link, familyOf(p.Addr())) })
	if err != nil {
		return fmt.Errorf("%w; list addresses: %w", exists, err)
	}
	for _, a := range addrs {
		there := prefixOf(a.IPNet)
		if there == p {
			return nil
		}
		if there.Addr() == p.Addr() {
			exists = fmt.Errorf("%w (as %s)", exists, there)
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
