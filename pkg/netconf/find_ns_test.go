package netconf

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/kguest/kguest/pkg/nstest"
)

const (
	mac1 = "52:54:00:12:34:56"
	mac2 = "52:54:00:12:34:57"
)

func TestFindByMAC(t *testing.T) {
	nstest.Run(t, nstest.Net, func(t *testing.T) {
		addVeth(t, "eth7", "peer0")
		addVeth(t, "eth8", "peer1")
		addVeth(t, "eth9", "peer2")
		setMAC(t, "eth7", mac1)
		setMAC(t, "eth8", mac2)
		setMAC(t, "eth9", mac2)
		for _, tt := range []struct {
			config Config
			want   string
		}{
			{Config{MAC: mac1}, "eth7"},
			{Config{MAC: mac1, Link: "eth0"}, "eth7"},
			{Config{MAC: mac2}, "eth8"},
			{Config{MAC: mac2, Link: "eth9"}, "eth9"},
		} {
			tt.config.Addresses = prefixes("10.0.0.2/24")
			apply(t, tt.config)
			for _, l := range read(t).Links {
				if has := len(l.Addresses) > 0 && l.Addresses[0] == tt.config.Addresses[0]; has != (l.Name == tt.want) {
					t.Errorf("%+v: %s has the address = %v, want it on %s", tt.config, l.Name, has, tt.want)
				}
			}
			for _, a := range addressesOf(t, tt.want) {
				if err := netlink.AddrDel(linkNamed(t, tt.want), &a); err != nil {
					t.Fatal(err)
				}
			}
		}
	})
}

func TestMissingLink(t *testing.T) {
	nstest.Run(t, nstest.Net, func(t *testing.T) {
		addVeth(t, "eth0", "peer0")
		setMAC(t, "eth0", mac1)
		setMAC(t, "peer0", mac2)
		for _, tt := range []struct {
			config  Config
			timeout time.Duration
			want    string
		}{
			{config: Config{Link: "eth9"}, want: "find link eth9: no such link (links: lo peer0 eth0)"},
			{config: Config{Link: "eth9"}, timeout: time.Millisecond, want: "find link eth9: no such link after 1ms (links: lo peer0 eth0)"},
			{
				config: Config{MAC: "52:54:00:00:00:01"}, timeout: time.Millisecond,
				want: fmt.Sprintf("find link 52:54:00:00:00:01: no such link after 1ms (links: lo peer0=%s eth0=%s)", mac2, mac1),
			},
			{config: Config{MAC: "52"}, want: `find link 52: mac "52": is not six bytes in hexadecimal, as 52:54:00:12:34:56`},
		} {
			setDown(t, "lo")
			tt.config.MTU = 1400
			tt.config.Addresses = prefixes("10.0.0.2/24")
			tt.config.Gateways = addrs("10.0.0.1")
			checkErrors(t, Apply(t.Context(), tt.config, tt.timeout), []string{tt.want})
			if lo := find(read(t).Links, "lo"); !lo.Up {
				t.Errorf("%+v: lo is down, want up", tt.config)
			}
		}
	})
}

// TestLateLink makes the link once Apply waits for it.
func TestLateLink(t *testing.T) {
	nstest.Run(t, nstest.Net, func(t *testing.T) {
		for _, config := range []Config{{Link: "eth0"}, {MAC: mac1}} {
			const limit = time.Hour // an event must end the wait, not this
			errs := make(chan []error)
			go func() { errs <- Apply(t.Context(), config, limit) }()
			awaitEventSocket(t)
			addVeth(t, "other0", "other1") // an event that is not yet it
			addVeth(t, "eth0", "peer0")
			setMAC(t, "eth0", mac1)
			checkErrors(t, <-errs, nil)
			if eth0 := find(read(t).Links, "eth0"); !eth0.Up {
				t.Errorf("Apply(%+v): eth0 is down, want up", config)
			}
			for _, name := range []string{"eth0", "other0"} {
				if err := netlink.LinkDel(linkNamed(t, name)); err != nil {
					t.Fatal(err)
				}
			}
		}
	})
}

func TestWaitIsCanceled(t *testing.T) {
	nstest.Run(t, nstest.Net, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		errs := make(chan []error)
		go func() { errs <- Apply(ctx, Config{Link: "eth0"}, time.Hour) }()
		awaitEventSocket(t)
		cancel()
		checkErrors(t, <-errs, []string{"find link eth0: context canceled"})
	})
}

// awaitEventSocket returns when a netlink socket of this namespace listens to links.
func awaitEventSocket(t *testing.T) {
	t.Helper()
	for t.Context().Err() == nil {
		if listensToLinks(t) {
			return
		}
		runtime.Gosched()
	}
}

func listensToLinks(t *testing.T) bool {
	t.Helper()
	table, err := os.ReadFile("/proc/net/netlink")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(table)) {
		const family, groups = "0", "00000001" // NETLINK_ROUTE, RTMGRP_LINK
		if f := strings.Fields(line); len(f) > 3 && f[1] == family && f[3] == groups {
			return true
		}
	}
	return false
}

func setMAC(t *testing.T, name, mac string) {
	t.Helper()
	parsed, err := parseMAC(mac)
	if err != nil {
		t.Fatal(err)
	}
	if err := netlink.LinkSetHardwareAddr(linkNamed(t, name), parsed); err != nil {
		t.Fatal(err)
	}
}

func setDown(t *testing.T, name string) {
	t.Helper()
	if err := netlink.LinkSetDown(linkNamed(t, name)); err != nil {
		t.Fatal(err)
	}
}

// dropCapabilities takes all capabilities from the test's thread, and binds it to that.
func dropCapabilities(t *testing.T) {
	t.Helper()
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	runtime.LockOSThread()
	if err := unix.Capset(&header, &data[0]); err != nil {
		t.Fatal(err)
	}
}
