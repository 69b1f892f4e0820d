package boot

import (
	"context"
	"time"

	"github.com/kguest/kguest/pkg/etcfiles"
	"github.com/kguest/kguest/pkg/launch"
	"github.com/kguest/kguest/pkg/netconf"
)

// Network does what n says of the resolver and the link, below root and in the
// kernel. n may be nil: then there is only lo. See ConfigureNetwork.
func Network(ctx context.Context, root string, n *launch.Network, timeout time.Duration) []error {
	config, resolver := NetworkConfig(n)
	return ConfigureNetwork(ctx, root, resolver, config, timeout)
}

// ConfigureNetwork writes resolv.conf below root, brings lo up, and gives the
// link of c what c says, waiting for that link up to timeout. Each error is of
// one item, and the others went on.
func ConfigureNetwork(
	ctx context.Context, root string, r etcfiles.Resolver, c netconf.Config, timeout time.Duration,
) []error {
	var errs []error
	if err := etcfiles.ResolvConf(root, r); err != nil {
		errs = append(errs, err)
	}
	return append(errs, netconf.Apply(ctx, c, timeout)...)
}

// NetworkConfig returns what n says of the link and of resolv.conf; of nil, that
// there is none.
func NetworkConfig(n *launch.Network) (c netconf.Config, r etcfiles.Resolver) {
	if n == nil {
		return c, r
	}
	c = netconf.Config{Link: n.Link, MAC: n.MAC, MTU: n.MTU, IPv6Conf: IPv6ConfPath}
	for _, ip := range []*launch.IP{n.IPv4, n.IPv6} {
		if ip == nil {
			continue
		}
		c.Addresses = append(c.Addresses, ip.Address)
		if ip.Gateway.IsValid() {
			c.Gateways = append(c.Gateways, ip.Gateway)
		}
	}
	return c, etcfiles.Resolver(n.Resolver)
}
