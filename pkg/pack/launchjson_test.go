package pack

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/kguest/kguest/pkg/launch"
)

// Everything that launch.json can say is there again when the guest reads it.
func TestLaunch(t *testing.T) {
	text := `{"hostname":"h","network":{"link":"eth0","mac":"52:54:00:12:34:56","mtu":1500,
		"ipv4":{"address":"10.0.0.2/24","gateway":"10.0.0.1"},"ipv6":{"address":"fd00::2/64","gateway":"fe80::1%eth0"},
		"resolver":{"nameservers":["10.0.0.3"],"search":["a"],"options":["ndots:2"]}},
		"env":{"A":"<b>&\u2028"},"run":["x",""],"entrypoint":[],"user":"u:g","workingDir":"/w","stop":{"signal":"RTMIN+1","graceSeconds":0.5},
		"resources":{"memoryMax":9007199254740995,"pidsMax":3,"cpuMax":1.5},
		"rlimits":[{"type":"NOFILE","soft":5,"hard":"unlimited"}],"sysctls":{"net.ipv4.ip_forward":"1"},"root":{"format":"squashfs"}}`
	for _, in := range []string{text, "{}", `{"run":[],"network":{"mac":"52:54:00:12:34:56"},"root":{}}`} {
		want, warnings, err := launch.Decode([]byte(in))
		if err != nil || warnings != nil {
			t.Fatal(err, warnings)
		}
		data, err := Launch(want)
		if err != nil {
			t.Fatal(err)
		}
		got, warnings, err := launch.Decode(data)
		if err != nil || warnings != nil {
			t.Fatalf("%s: %v, %v", data, err, warnings)
		}
		options := cmp.Options{cmpopts.EquateComparable(netip.Prefix{}, netip.Addr{})}
		if want.Env == nil { // always written
			options = append(options, cmpopts.EquateEmpty())
		}
		if diff := cmp.Diff(want, got, options); diff != "" {
			t.Errorf("%s (-want +got):\n%s", data, diff)
		}
	}
	if data, err := Launch(&launch.Config{Env: map[string]string{"A": "\xff"}}); err == nil {
		t.Errorf("a value that is not UTF-8 became %s", data)
	}
}
