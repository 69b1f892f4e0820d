package launch

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// FuzzDecode holds that there is a Config or an error, never both; that a Config
// passes its own Check; that errors and warnings are single short lines; and
// that a Config that is written and read again is the same, without warnings.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"hostname":"a","network":{"link":"eth0","mtu":1500,"ipv4":{"address":"10.0.0.2/24","gateway":"10.0.0.1"}}}`))
	f.Add([]byte(`{"network":{"mac":"52:54:00:12:34:56","ipv6":{"address":"fd00::2/64","gateway":"fe80::1%eth0"},"resolver":{"nameservers":["::1"]}}}`))
	f.Add([]byte(`{"env":{"A":"1"},"run":[],"entrypoint":["a"],"user":"u","workingDir":"w","root":{"format":"erofs"}}`))
	f.Add([]byte(`{"stop":{"signal":"TERM","graceSeconds":0.5},"resources":{"memoryMax":"5G","pidsMax":5,"cpuMax":"max 1000"}}`))
	f.Add([]byte(`{"rlimits":[{"type":"nofile","soft":1,"hard":"unlimited"}],"sysctls":{"a.b":"c"},"unknown":[{}]}`))
	f.Add([]byte(`{"a\nb":1,"env":{"c\nd":2}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		cfg, warnings, err := Decode(data)
		if (cfg == nil) != (err != nil) {
			t.Fatalf("Decode(%q) = %v, %v", data, cfg, err)
		}
		for _, problem := range append(warnings, err) {
			if problem != nil && (len(problem.Error()) > 1000 || strings.ContainsAny(problem.Error(), "\n\x00")) {
				t.Fatalf("Decode(%q): not one line: %q", data, problem)
			}
		}
		if err != nil {
			return
		}
		if err := cfg.Check(); err != nil {
			t.Fatalf("Decode(%q).Check() = %v", data, err)
		}
		text := written(t, cfg)
		again, warnings, err := Decode(text)
		if err != nil || len(warnings) > 0 {
			t.Fatalf("Decode(%s): %v, %v", text, warnings, err)
		}
		if diff := cmp.Diff(cfg, again, compare, comparePrefix); diff != "" {
			t.Fatalf("Decode(%q) written and read again (-first +second):\n%s", data, diff)
		}
	})
}

type object = map[string]any

// written is cfg as a launch.json.
func written(t *testing.T, cfg *Config) []byte {
	t.Helper()
	doc := object{
		"hostname": cfg.Hostname, "env": cfg.Env, "run": cfg.Run, "entrypoint": cfg.Entrypoint, "user": cfg.User,
		"workingDir": cfg.WorkingDir, "sysctls": cfg.Sysctls,
		"stop": object{"signal": cfg.Stop.Signal, "graceSeconds": cfg.Stop.GraceSeconds},
	}
	resources := object{}
	if v := cfg.Resources.MemoryMax; v > 0 {
		resources["memoryMax"] = v
	}
	if v := cfg.Resources.PidsMax; v > 0 {
		resources["pidsMax"] = v
	}
	if v := cfg.Resources.CPUMax; v != (CPUMax{}) {
		resources["cpuMax"] = fmt.Sprintf("%d %d", v.QuotaMicros, v.PeriodMicros)
	}
	doc["resources"] = resources
	if cfg.Root != nil {
		doc["root"] = object{"format": cfg.Root.Format}
	}
	if cfg.Rlimits != nil {
		var limits []object
		for _, l := range cfg.Rlimits {
			limits = append(limits, object{"type": l.Type, "soft": l.Soft, "hard": l.Hard})
		}
		doc["rlimits"] = limits
	}
	if cfg.Network != nil {
		doc["network"] = writtenNetwork(cfg.Network)
	}
	text, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func writtenNetwork(n *Network) object {
	doc := object{
		"link": n.Link, "mac": n.MAC,
		"resolver": object{"nameservers": n.Resolver.Nameservers, "search": n.Resolver.Search, "options": n.Resolver.Options},
	}
	if n.MTU > 0 {
		doc["mtu"] = n.MTU
	}
	for name, ip := range map[string]*IP{"ipv4": n.IPv4, "ipv6": n.IPv6} {
		if ip == nil {
			continue
		}
		family := object{"address": ip.Address}
		if ip.Gateway.IsValid() {
			family["gateway"] = ip.Gateway
		}
		doc[name] = family
	}
	return doc
}
