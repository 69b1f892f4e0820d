package rescue

import (
	"encoding/json"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kguest/kguest/pkg/jsontok"
	"github.com/kguest/kguest/pkg/netconf"
)

// TestWriteJSON holds the writers to the fields' tags as encoding/json reads
// them.
func TestWriteJSON(t *testing.T) {
	on, gateway := true, netip.MustParseAddr("10.0.0.1")
	state := State{
		Kernel: "6.1.0", Disks: []Disk{{"vda", 4096, "ext4", "l", "s"}, {}}, Mounts: []Mount{{"/", "overlay", "overlay", "rw"}},
		Network: netconf.State{
			Links: []netconf.LinkState{
				{
					Name: "eth0", State: "up", Up: true, MAC: "52:54:00:00:00:01", MTU: 1500, GSO: &on,
					Addresses: []netip.Prefix{netip.MustParsePrefix("10.0.0.2/24"), netip.MustParsePrefix("fd00::2/64")},
				},
				{Name: "lo", Addresses: []netip.Prefix{}},
			},
			Routes: []netconf.RouteState{
				{Destination: netip.MustParsePrefix("0.0.0.0/0"), Gateway: &gateway, Link: "eth0", Source: &gateway, Metric: 5, Onlink: true},
				{Destination: netip.MustParsePrefix("10.0.0.0/24"), Link: "eth0"},
			},
		},
		Driverless: []string{"pci x y"}, Errors: []string{},
	}
	situation := Situation{
		Stage: "root", Reason: "a \"reason\"\n", Advice: "a", Parameters: "p", Stages: []string{"mounts", "root"},
		Steps: []Step{{"mounts", 3, ""}, {"root", 1, "x"}},
	}
	for _, v := range []interface{ WriteJSON(w *jsontok.Writer) }{state, situation} {
		w := jsontok.Writer{Indent: "  "}
		v.WriteJSON(&w)
		want, err := json.MarshalIndent(v, "", "  ")
		must(t, err)
		if diff := cmp.Diff(string(want), string(w.Bytes())); diff != "" {
			t.Errorf("WriteJSON of %T (-encoding/json +got):\n%s", v, diff)
		}
	}
}

func FuzzReadSituation(f *testing.F) {
	for _, s := range []Situation{{}, {Stage: "root", Stages: []string{"root", ""}, Steps: []Step{{Name: "x", Microseconds: 5}}}} {
		var w jsontok.Writer
		s.WriteJSON(&w)
		f.Add(string(w.Bytes()))
	}
	for _, text := range []string{`{"stages": [1]}`, `{"steps": [{"microseconds": "x"}]}`, `{"steps": {}}`, `{"other": [{}]}`, "{"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := parseSituation([]byte(text))
		if err != nil {
			return
		}
		var w jsontok.Writer
		s.WriteJSON(&w)
		if again, err := parseSituation(w.Bytes()); err != nil || !cmp.Equal(s, again) {
			t.Errorf("parseSituation(%q) = %+v, which is read back as %+v, %v", text, s, again, err)
		}
	})
}
