package netconf

import (
	"os"
	"testing"

	"github.com/kguest/kguest/pkg/nstest"
)

// TestRefuseAdvertisements: the kernel itself says whether the link listens to
// routers. A link that has no IPv6 address of ours still does.
func TestRefuseAdvertisements(t *testing.T) {
	const conf = "/proc/sys/net/ipv6/conf"
	for _, tt := range []struct {
		name, address, want string
	}{
		{"IPv6", "fd00::2/64", "0\n"},
		{"IPv4", "10.0.0.2/24", "1\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			nstest.Run(t, nstest.Net, func(t *testing.T) {
				addVeth(t, "eth0", "peer0")
				apply(t, Config{Link: "eth0", Addresses: prefixes(tt.address), IPv6Conf: conf})
				got, err := os.ReadFile(conf + "/eth0/accept_ra")
				if err != nil || string(got) != tt.want {
					t.Errorf("accept_ra = %q, %v, want %q", got, err, tt.want)
				}
			})
		})
	}
}
