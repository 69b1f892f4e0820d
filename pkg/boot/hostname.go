package boot

import (
	"fmt"
	"net/netip"

	"github.com/kguest/kguest/pkg/etcfiles"
	"github.com/kguest/kguest/pkg/launch"
)

// SetHostname names the machine as launch.json says, in the kernel and in the
// files below root. Each error is of one of them.
func SetHostname(root string, config launch.Config) []error {
	if config.Hostname == nil {
		return nil
	}
	var errs []error
	for _, set := range []func(name string) error{
		setHostname,
		func(name string) error { return etcfiles.Hostname(root, name) },
		func(name string) error { return etcfiles.Hosts(root, name, ownAddress(config.Network)) },
	} {
		if err := set(*config.Hostname); err != nil {
			errs = append(errs, fmt.Errorf("set hostname: %w", err))
		}
	}
	return errs
}

// ownAddress is the address that the host's name is to resolve to: the zero
// Addr where the machine has none of its own.
func ownAddress(n *launch.Network) netip.Addr {
	switch {
	case n == nil:
		return netip.Addr{}
	case n.IPv4 != nil:
		return n.IPv4.Address.Addr()
	case n.IPv6 != nil:
		return n.IPv6.Address.Addr()
	}
	return netip.Addr{}
}
