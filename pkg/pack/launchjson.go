package pack

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"unicode/utf8"

	"github.com/kguest/kguest/pkg/launch"
	"github.com/kguest/kguest/pkg/ociproc"
)

// Launch returns c as a launch.json, checked with the guest's own rules. The
// fields that krata has are always there.
func Launch(c *launch.Config) ([]byte, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	if c.Stop.Signal != "" {
		if _, err := ociproc.ParseSignal(c.Stop.Signal); err != nil {
			return nil, fmt.Errorf("stop.signal: %q: %w", c.Stop.Signal, err)
		}
	}
	if err := checkUTF8(c); err != nil {
		return nil, err
	}
	data, err := json.MarshalIndent(launchOf(c), "", "  ")
	return append(data, '\n'), err
}

// checkUTF8 refuses what JSON cannot hold, and would change without a word.
func checkUTF8(c *launch.Config) error {
	fields := map[string][]string{"run": c.Run, "entrypoint": c.Entrypoint, "user": {c.User}, "workingDir": {c.WorkingDir}}
	if c.Hostname != nil {
		fields["hostname"] = []string{*c.Hostname}
	}
	for name, value := range c.Env {
		fields["env"] = append(fields["env"], name, value)
	}
	for name, value := range c.Sysctls {
		fields["sysctls"] = append(fields["sysctls"], name, value)
	}
	if c.Network != nil {
		fields["network"] = slices.Concat([]string{c.Network.Link}, c.Network.Resolver.Search, c.Network.Resolver.Options)
	}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		for _, s := range fields[name] {
			if !utf8.ValidString(s) {
				return fmt.Errorf("%s: %q: not UTF-8, which a launch.json is in", name, s)
			}
		}
	}
	return nil
}

type launchJSON struct {
	Hostname   *string           `json:"hostname"`
	Network    *networkJSON      `json:"network"`
	Env        map[string]string `json:"env"`
	Run        []string          `json:"run"`
	Entrypoint *[]string         `json:"entrypoint,omitempty"`
	User       string            `json:"user,omitempty"`
	WorkingDir string            `json:"workingDir,omitempty"`
	Stop       *stopJSON         `json:"stop,omitempty"`
	Resources  *resourcesJSON    `json:"resources,omitempty"`
	Rlimits    []rlimitJSON      `json:"rlimits,omitempty"`
	Sysctls    map[string]string `json:"sysctls,omitempty"`
	Root       *rootJSON         `json:"root,omitempty"`
}

type networkJSON struct {
	Link     string        `json:"link,omitempty"`
	MAC      string        `json:"mac,omitempty"`
	MTU      int           `json:"mtu,omitempty"`
	IPv4     *ipJSON       `json:"ipv4,omitempty"`
	IPv6     *ipJSON       `json:"ipv6,omitempty"`
	Resolver *resolverJSON `json:"resolver,omitempty"`
}

type ipJSON struct {
	Address netip.Prefix `json:"address"`
	Gateway *netip.Addr  `json:"gateway,omitempty"`
}

type resolverJSON struct {
	Nameservers []netip.Addr `json:"nameservers"`
	Search      []string     `json:"search,omitempty"`
	Options     []string     `json:"options,omitempty"`
}

type stopJSON struct {
	Signal       string   `json:"signal,omitempty"`
	GraceSeconds *float64 `json:"graceSeconds,omitempty"`
}

type resourcesJSON struct {
	MemoryMax uint64 `json:"memoryMax,omitempty"`
	PidsMax   uint64 `json:"pidsMax,omitempty"`
	CPUMax    string `json:"cpuMax,omitempty"`
}

type rlimitJSON struct {
	Type string `json:"type"`
	Soft any    `json:"soft"`
	Hard any    `json:"hard"`
}

type rootJSON struct {
	Format string `json:"format,omitempty"`
}

func launchOf(c *launch.Config) launchJSON {
	j := launchJSON{
		Hostname: c.Hostname, Env: c.Env, Run: c.Run, User: c.User, WorkingDir: c.WorkingDir, Sysctls: c.Sysctls,
	}
	if j.Env == nil {
		j.Env = map[string]string{}
	}
	if c.Entrypoint != nil {
		j.Entrypoint = &c.Entrypoint
	}
	if c.Network != nil {
		j.Network = networkOf(c.Network)
	}
	if c.Stop.Signal != "" || c.Stop.GraceSeconds != nil {
		j.Stop = &stopJSON{c.Stop.Signal, c.Stop.GraceSeconds}
	}
	if r := c.Resources; r != (launch.Resources{}) {
		j.Resources = &resourcesJSON{MemoryMax: r.MemoryMax, PidsMax: r.PidsMax}
		if r.CPUMax != (launch.CPUMax{}) {
			j.Resources.CPUMax = fmt.Sprintf("%d %d", r.CPUMax.QuotaMicros, r.CPUMax.PeriodMicros)
		}
	}
	for _, l := range c.Rlimits {
		j.Rlimits = append(j.Rlimits, rlimitJSON{l.Type, limitOf(l.Soft), limitOf(l.Hard)})
	}
	if c.Root != nil {
		j.Root = &rootJSON{c.Root.Format}
	}
	return j
}

func limitOf(n uint64) any {
	if n == launch.Unlimited {
		return "unlimited"
	}
	return n
}

func networkOf(n *launch.Network) *networkJSON {
	j := &networkJSON{Link: n.Link, MAC: n.MAC, MTU: n.MTU, IPv4: ipOf(n.IPv4), IPv6: ipOf(n.IPv6)}
	if r := n.Resolver; len(r.Nameservers)+len(r.Search)+len(r.Options) > 0 {
		j.Resolver = &resolverJSON{append([]netip.Addr{}, r.Nameservers...), r.Search, r.Options}
	}
	return j
}

func ipOf(ip *launch.IP) *ipJSON {
	if ip == nil {
		return nil
	}
	j := &ipJSON{Address: ip.Address}
	if ip.Gateway.IsValid() {
		j.Gateway = &ip.Gateway
	}
	return j
}
