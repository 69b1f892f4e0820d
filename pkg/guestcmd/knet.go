package guestcmd

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/kguest/kguest/pkg/boot"
	"github.com/kguest/kguest/pkg/launch"
	"github.com/kguest/kguest/pkg/mount"
	"github.com/kguest/kguest/pkg/netconf"
)

const knetPage = `Knet configures the network of a guest, as the boot does.

Synopsis:

	knet -config launch.json [-root DIR] [-timeout DURATION] [-n]
	knet -link NAME|-mac MAC [-address CIDR]... [-gateway IP]... [-nameserver IP]...
	     [-search DOMAIN]... [-mtu BYTES] [-root DIR] [-timeout DURATION] [-n]
	knet -show [-json]

Description:

Knet writes /etc/resolv.conf, brings lo up, waits for the link, sets its MTU,
switches its GSO and TSO off, adds its addresses, brings it up and adds the
default routes, in this order. What is so already is success. An item that
fails is reported, and the others go on; without the link, those that need it
are left out.

Options:

	-address CIDR       an address of the link and the length of its network; repeatable
	-config FILE        take everything of the network from this launch.json
	-gateway IP         gateway of the default route, one of each family; it need
	                    not be in the network of an address
	-json               with -show: print JSON
	-link NAME          name of the link; with -mac, only preferred
	-mac MAC            find the link by its address
	-mtu BYTES          MTU of the link
	-n                  print the commands that would do the same; change nothing
	-nameserver IP      name server for resolv.conf, which without one is not
	                    touched; repeatable
	-root DIR           where /etc is (default /)
	-search DOMAIN      search domain for resolv.conf; repeatable
	-show               print links, addresses and routes
	-timeout DURATION   how long to wait for the link (default: that of kinit.timeout=,
	                    or 10s)

Exit status:

0: everything is as asked. 1: something failed, a line on standard error for
each. 2: wrong usage.

Examples:

	knet -config /config/launch.json -root /newroot
	knet -link eth0 -address 10.0.0.2/24 -gateway 10.0.0.1 -nameserver 10.0.0.1
	knet -show
`

// Knet is the command knet.
var Knet = Command{Name: "knet", Page: knetPage, Run: runKnet}

func runKnet(ctx context.Context, env *Env) error {
	opts, err := parseKnet(env.Args, params(env))
	if err != nil {
		return err
	}
	switch {
	case opts.show:
		return knetShow(env.Stdout, opts.json)
	case opts.config != "":
		if err := opts.readConfig(env); err != nil {
			return err
		}
	}
	if opts.dryRun {
		return knetPrint(env, opts)
	}
	return errors.Join(boot.ConfigureNetwork(ctx, opts.root, opts.resolver, opts.link, opts.timeout)...)
}

// readConfig takes the link and the resolver from the file, and prints its warnings.
func (o *knetOptions) readConfig(env *Env) error {
	config, warnings, err := launch.Read(o.config)
	env.warn(warnings...)
	if err != nil {
		return err
	}
	o.link, o.resolver = boot.NetworkConfig(config.Network)
	return nil
}

// knetPrint prints a shell script that would do the same.
func knetPrint(env *Env, o *knetOptions) error {
	if len(o.resolver.Nameservers) > 0 {
		content, err := o.resolver.Content()
		if err != nil {
			return err
		}
		path := mount.Quote(filepath.Join(o.root, "etc/resolv.conf"))
		fmt.Fprintf(env.Stdout, "rm -f %s\ncat >%s <<'EOF'\n%sEOF\n", path, path, content)
	}
	for _, step := range netconf.Plan(o.link) {
		fmt.Fprintln(env.Stdout, step.Command())
	}
	return nil
}
