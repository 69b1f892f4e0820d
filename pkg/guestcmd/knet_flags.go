package guestcmd

import (
	"errors"
	"flag"
	"net/netip"
	"strings"
	"time"

	"github.com/kguest/kguest/pkg/boot"
	"github.com/kguest/kguest/pkg/etcfiles"
	"github.com/kguest/kguest/pkg/netconf"
)

// knetOptions are knet's command line.
type knetOptions struct {
	config, root string
	timeout      time.Duration
	dryRun       bool
	show, json   bool
	link         netconf.Config
	resolver     etcfiles.Resolver
}

// parseKnet returns the options, with the defaults of p, flag.ErrHelp or a *UsageError.
func parseKnet(args []string, p boot.Params) (*knetOptions, error) {
	o := &knetOptions{link: netconf.Config{IPv6Conf: boot.IPv6ConfPath}}
	fs := o.flags(p)
	if err := parse(fs, args); err != nil {
		return nil, err
	}
	given := map[string]bool{}
	fs.Visit(func(f *flag.Flag) { given[f.Name] = true })
	if err := o.check(fs, given); err != nil {
		return nil, err
	}
	if err := errors.Join(o.link.Check(), o.checkResolver()); err != nil {
		return nil, Usagef("%s", strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	return o, nil
}

func (o *knetOptions) flags(p boot.Params) *flag.FlagSet {
	fs := flagSet("knet")
	fs.StringVar(&o.config, "config", "", "")
	fs.StringVar(&o.root, "root", "/", "")
	timeoutFlag(fs, &o.timeout, p)
	fs.BoolVar(&o.dryRun, "n", false, "")
	fs.BoolVar(&o.show, "show", false, "")
	fs.BoolVar(&o.json, "json", false, "")
	fs.StringVar(&o.link.Link, "link", "", "")
	fs.StringVar(&o.link.MAC, "mac", "", "")
	fs.IntVar(&o.link.MTU, "mtu", 0, "")
	fs.Func("address", "", appendParsed(&o.link.Addresses, "an address with a prefix length, such as 10.0.0.2/24", netip.ParsePrefix))
	fs.Func("gateway", "", appendParsed(&o.link.Gateways, "an address, such as 10.0.0.1", netip.ParseAddr))
	fs.Func("nameserver", "", appendParsed(&o.resolver.Nameservers, "an address, such as 10.0.0.1", netip.ParseAddr))
	fs.Func("search", "", appendParsed(&o.resolver.Search, "a domain", func(s string) (string, error) { return s, nil }))
	return fs
}

// appendParsed makes a repeatable flag.
func appendParsed[T any](list *[]T, what string, parseOne func(string) (T, error)) func(string) error {
	return func(s string) error {
		value, err := parseOne(s)
		if err != nil {
			return errors.New("not " + what)
		}
		*list = append(*list, value)
		return nil
	}
}

// check returns a *UsageError for flags that do not go together.
func (o *knetOptions) check(fs *flag.FlagSet, given map[string]bool) error {
	details := given["address"] || given["gateway"] || given["mtu"]
	direct := given["link"] || given["mac"] || given["nameserver"] || given["search"] || details
	switch {
	case fs.NArg() > 0:
		return Usagef("unexpected argument %q", fs.Arg(0))
	case o.show && len(given) != 1 && (len(given) != 2 || !given["json"]):
		return Usagef("-show goes with -json alone")
	case o.show:
		return nil
	case o.json:
		return Usagef("-json needs -show")
	case given["config"] && direct:
		return Usagef("-config has everything of the network: it excludes -link, -mac, -mtu, -address, -gateway, -nameserver and -search")
	case given["config"] && o.config == "":
		return Usagef("-config needs the path of a launch.json")
	case !given["config"] && !direct:
		return Usagef("nothing to configure: give -config FILE, or -link NAME with -address CIDR, or -show")
	case given["search"] && !given["nameserver"]:
		return Usagef("-search needs -nameserver")
	}
	return nil
}

func (o *knetOptions) checkResolver() error {
	_, err := o.resolver.Content()
	return err
}
