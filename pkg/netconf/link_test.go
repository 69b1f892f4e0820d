package netconf

import (
	"syscall"
	"testing"

	"github.com/vishvananda/netlink"
)

func TestOperState(t *testing.T) {
	for s := range operState(9) {
		if want := netlink.LinkOperState(s).String(); s.String() != want {
			t.Errorf("operState(%d) = %q, want %q", uint8(s), s, want)
		}
	}
}

func TestIsConfigured(t *testing.T) {
	const inet, main = syscall.AF_INET, syscall.RT_TABLE_MAIN
	for _, tt := range []struct {
		in   route
		want bool
	}{
		{in: route{family: inet, table: main, flags: syscall.RTNH_F_ONLINK}, want: true},
		{in: route{family: syscall.AF_INET6, table: main}},
		{in: route{family: inet, table: syscall.RT_TABLE_LOCAL}},
		{in: route{family: inet, table: main, flags: syscall.RTM_F_CLONED}},
	} {
		if got := tt.in.isConfigured(inet); got != tt.want {
			t.Errorf("isConfigured(%+v) = %v, want %v", tt.in, got, tt.want)
		}
	}
}
