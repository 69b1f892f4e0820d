package guestcmd

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vishvananda/netlink"

	"github.com/kguest/kguest/pkg/nstest"
)

const knetMAC = "52:54:00:12:34:56"

func TestKnetConfigures(t *testing.T) {
	const launch = `{"network": {
		"link": "eth0", "mtu": 1400,
		"ipv4": {"address": "10.0.0.2/24", "gateway": "10.0.0.1"},
		"ipv6": {"address": "fd00::2/64", "gateway": "fd00::1"},
		"resolver": {"nameservers": ["10.0.0.1"], "search": ["example.com"]}
	}}`
	for _, tt := range []struct {
		name string
		args []string
	}{
		{name: "file", args: []string{"-config", writeLaunch(t, launch)}},
		{name: "flags", args: []string{
			"-link", "eth0", "-mtu", "1400", "-address", "10.0.0.2/24", "-address", "fd00::2/64",
			"-gateway", "10.0.0.1", "-gateway", "fd00::1", "-nameserver", "10.0.0.1", "-search", "example.com",
		}},
		{name: "MAC", args: []string{
			"-mac", knetMAC, "-mtu", "1400", "-address", "10.0.0.2/24", "-address", "fd00::2/64",
			"-gateway", "10.0.0.1", "-gateway", "fd00::1", "-nameserver", "10.0.0.1", "-search", "example.com",
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			nstest.Run(t, nstest.Net, func(t *testing.T) {
				addKnetVeth(t)
				root := t.TempDir()
				for range 2 {
					args := append([]string{"-root", root}, tt.args...)
					if status, stdout, stderr := callKnet(t, args...); status != 0 || stdout+stderr != "" {
						t.Errorf("knet %q = %d, %q, %q, want 0 and nothing", args, status, stdout, stderr)
					}
				}
				content, err := os.ReadFile(filepath.Join(root, "etc/resolv.conf"))
				if want := "nameserver 10.0.0.1\nsearch example.com\n"; err != nil || string(content) != want {
					t.Errorf("resolv.conf = %q, %v, want %q", content, err, want)
				}
				checkShown(t)
			})
		})
	}
}

// checkShown compares what knet -show says of eth0.
func checkShown(t *testing.T) {
	t.Helper()
	_, text, _ := callKnet(t, "-show")
	var got []string
	for line := range strings.Lines(text) {
		if strings.Contains(line, "eth0") && !strings.Contains(line, "fe80::") {
			got = append(got, strings.TrimSpace(line))
		}
	}
	want := []string{
		"link eth0 up (lower-layer-down) mac " + knetMAC + " mtu 1400 gso off tso off",
		"address 10.0.0.2/24 dev eth0",
		"address fd00::2/64 dev eth0",
		"route default via 10.0.0.1 dev eth0",
		"route 10.0.0.0/24 dev eth0 src 10.0.0.2",
		"route fd00::/64 dev eth0 metric 256",
		"route default via fd00::1 dev eth0 metric 1024",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("knet -show (-want +got):\n%s", diff)
	}
}

func TestKnetShowJSON(t *testing.T) {
	nstest.Run(t, nstest.Net, func(t *testing.T) {
		status, stdout, stderr := callKnet(t, "-show", "-json")
		if status != 0 || stderr != "" {
			t.Fatalf("knet -show -json = %d, %q, want 0 and nothing", status, stderr)
		}
		var got map[string]any
		if err := json.Unmarshal([]byte(stdout), &got); err != nil {
			t.Fatal(err)
		}
		want := map[string]any{
			"links": []any{map[string]any{
				"name": "lo", "state": "down", "up": false, "mac": "", "mtu": 65536.0,
				"gso": true, "tso": true, "addresses": []any{},
			}},
			"routes": []any{},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("knet -show -json (-want +got):\n%s", diff)
		}
	})
}

// TestKnetReportsEach wants a line for each item that failed, and status 1.
func TestKnetReportsEach(t *testing.T) {
	nstest.Run(t, nstest.Net, func(t *testing.T) {
		root := t.TempDir()
		if err := os.MkdirAll(filepath.Join(root, "etc/resolv.conf"), 0o755); err != nil {
			t.Fatal(err)
		}
		status, stdout, stderr := callKnet(t, "-link", "eth9", "-address", "10.0.0.2/24",
			"-nameserver", "10.0.0.1", "-root", root, "-timeout", "1ms")
		lines := strings.Split(strings.TrimSuffix(stderr, "\n"), "\n")
		if status != 1 || stdout != "" || len(lines) != 2 ||
			!strings.HasPrefix(lines[0], "knet: write /etc/resolv.conf below "+root+": ") ||
			lines[1] != "knet: find link eth9: no such link after 1ms (links: lo)" {
			t.Errorf("knet = %d, %q, %q, want 1, nothing and a line for resolv.conf and for eth9", status, stdout, lines)
		}
	})
}

func addKnetVeth(t *testing.T) {
	t.Helper()
	veth := &netlink.Veth{
		LinkAttrs: netlink.LinkAttrs{Name: "eth0", HardwareAddr: []byte{0x52, 0x54, 0, 0x12, 0x34, 0x56}},
		PeerName:  "peer0",
	}
	if err := netlink.LinkAdd(veth); err != nil {
		t.Fatal(err)
	}
}
