package netconf

import (
	"testing"

	oracle "github.com/safchain/ethtool"

	"github.com/kguest/kguest/pkg/nstest"
)

// TestOffloadsAgainstEthtool asks a library that knows nothing of ours, by the
// kernel's names of the features.
func TestOffloadsAgainstEthtool(t *testing.T) {
	nstest.Run(t, nstest.Net, func(t *testing.T) {
		addVeth(t, "eth0", "peer0")
		features := []string{"tx-generic-segmentation", "tx-tcp-segmentation"}
		for name, on := range readFeatures(t, features) {
			if !on {
				t.Errorf("before Apply: %s of eth0 is off", name)
			}
		}
		apply(t, Config{Link: "eth0"})
		for name, on := range readFeatures(t, features) {
			if on {
				t.Errorf("after Apply: %s of eth0 is on", name)
			}
		}
	})
}

func readFeatures(t *testing.T, names []string) map[string]bool {
	t.Helper()
	tool, err := oracle.NewEthtool()
	if err != nil {
		t.Fatal(err)
	}
	defer tool.Close()
	all, err := tool.Features("eth0")
	if err != nil {
		t.Fatal(err)
	}
	found := make(map[string]bool)
	for _, name := range names {
		on, ok := all[name]
		if !ok {
			t.Fatalf("the kernel has no feature %s", name)
		}
		found[name] = on
	}
	return found
}
