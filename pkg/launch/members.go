package launch

import "github.com/kguest/kguest/pkg/jsontok"

func (d *decoder) document(cfg *Config) error {
	return d.object("", d.tokens.Token(), []member{
		{"hostname", func(path string, t jsontok.Token) error {
			cfg.Hostname = new(string)
			return text(cfg.Hostname)(path, t)
		}},
		{"network", func(path string, t jsontok.Token) error {
			cfg.Network = new(Network)
			return d.network(cfg.Network, path, t)
		}},
		{"env", d.textMap(&cfg.Env)},
		{"run", d.textList(&cfg.Run)},
		{"entrypoint", d.textList(&cfg.Entrypoint)},
		{"user", text(&cfg.User)},
		{"workingDir", text(&cfg.WorkingDir)},
		{"stop", func(path string, t jsontok.Token) error {
			cfg.Stop = Stop{}
			return d.stop(&cfg.Stop, path, t)
		}},
		{"resources", func(path string, t jsontok.Token) error {
			cfg.Resources = Resources{}
			return d.resources(&cfg.Resources, path, t)
		}},
		{"rlimits", func(path string, t jsontok.Token) error {
			cfg.Rlimits = nil
			return d.eachElement(path, t, func(path string, t jsontok.Token) error {
				var limit Rlimit
				err := d.rlimit(&limit, path, t)
				cfg.Rlimits = append(cfg.Rlimits, limit)
				return err
			})
		}},
		{"sysctls", d.textMap(&cfg.Sysctls)},
		{"root", func(path string, t jsontok.Token) error {
			cfg.Root = new(Root)
			return d.object(path, t, []member{{"format", text(&cfg.Root.Format)}})
		}},
	})
}

func (d *decoder) network(network *Network, path string, t jsontok.Token) error {
	family := func(ip **IP) func(string, jsontok.Token) error {
		return func(path string, t jsontok.Token) error {
			*ip = new(IP)
			return d.object(path, t, []member{
				{"address", prefix(&(*ip).Address)},
				{"gateway", address(&(*ip).Gateway)},
			})
		}
	}
	return d.object(path, t, []member{
		{"link", text(&network.Link)},
		{"mac", mac(&network.MAC)},
		{"mtu", mtu(&network.MTU)},
		{"ipv4", family(&network.IPv4)},
		{"ipv6", family(&network.IPv6)},
		{"resolver", func(path string, t jsontok.Token) error {
			network.Resolver = Resolver{}
			return d.resolver(&network.Resolver, path, t)
		}},
	})
}

func (d *decoder) resolver(resolver *Resolver, path string, t jsontok.Token) error {
	return d.object(path, t, []member{
		{"nameservers", d.addressList(&resolver.Nameservers)},
		{"search", d.textList(&resolver.Search)},
		{"options", d.textList(&resolver.Options)},
	})
}

func (d *decoder) stop(stop *Stop, path string, t jsontok.Token) error {
	return d.object(path, t, []member{
		{"signal", text(&stop.Signal)},
		{"graceSeconds", seconds(&stop.GraceSeconds)},
	})
}

func (d *decoder) resources(resources *Resources, path string, t jsontok.Token) error {
	return d.object(path, t, []member{
		{"memoryMax", size(&resources.MemoryMax)},
		{"pidsMax", count(&resources.PidsMax)},
		{"cpuMax", cpuMax(&resources.CPUMax)},
	})
}

func (d *decoder) rlimit(limit *Rlimit, path string, t jsontok.Token) error {
	var soft, hard bool
	bound := func(value *uint64, given *bool) func(string, jsontok.Token) error {
		return func(path string, t jsontok.Token) error {
			*given = true
			return limitValue(value)(path, t)
		}
	}
	err := d.object(path, t, []member{
		{"type", rlimitType(&limit.Type)},
		{"soft", bound(&limit.Soft, &soft)},
		{"hard", bound(&limit.Hard, &hard)},
	})
	switch {
	case err != nil:
		return err
	case !soft && !hard:
		return missing(path, "soft")
	case !soft:
		limit.Soft = limit.Hard
	case !hard:
		limit.Hard = limit.Soft
	}
	return nil
}
