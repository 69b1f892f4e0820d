package launchflag

import (
	"context"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/kguest/kguest/pkg/hostcmd/verb"
	"github.com/kguest/kguest/pkg/launch"
)

// parse returns the configuration that args make, as a verb would.
func parse(t testing.TB, args ...string) (launch.Config, []error, error) {
	t.Helper()
	var c launch.Config
	var warnings []error
	v := verb.Verb{Name: "test", Define: func(f *verb.Flags) verb.Run {
		l := Define(f)
		return func(_ context.Context, _ verb.Streams, a verb.Args) (err error) {
			c, warnings, err = l.Config(a.Command)
			return err
		}
	}}
	err := v.Main(t.Context(), verb.Streams{}, args)
	return c, warnings, err
}

func ip(address, gateway string) *launch.IP {
	i := &launch.IP{Address: netip.MustParsePrefix(address)}
	if gateway != "" {
		i.Gateway = netip.MustParseAddr(gateway)
	}
	return i
}

func TestConfig(t *testing.T) {
	base := filepath.Join(t.TempDir(), "launch.json")
	text := `{"hostname":"old","env":{"A":"1","B":"2"},"run":["x"],"user":"u","stop":{"graceSeconds":5},"other":1,
		"network":{"link":"eth1","mtu":1400}}`
	if err := os.WriteFile(base, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	name, grace := "one", 5.0
	old := "old"
	tests := []struct {
		args []string
		want launch.Config
	}{
		{nil, launch.Config{}},
		{[]string{"-hostname", "one"}, launch.Config{Hostname: &name}},
		{[]string{"-env", "A=b=c", "-env", "B=", "-env", "A=d"}, launch.Config{Env: map[string]string{"A": "d", "B": ""}}},
		{[]string{"-entrypoint", "/bin/sh  -c"}, launch.Config{Entrypoint: []string{"/bin/sh", "-c"}}},
		{[]string{"-entrypoint", ""}, launch.Config{Entrypoint: []string{}}},
		{[]string{"-user", "app:audio", "-workdir", "/a b"}, launch.Config{User: "app:audio", WorkingDir: "/a b"}},
		{[]string{"-memory-max", "512m", "-pids-max", "7"}, launch.Config{Resources: launch.Resources{MemoryMax: 512 << 20, PidsMax: 7}}},
		{[]string{"-stop-signal", "RTMIN+3"}, launch.Config{Stop: launch.Stop{Signal: "RTMIN+3"}}},
		{[]string{"--", "ls", "-l"}, launch.Config{Run: []string{"ls", "-l"}}},
		{[]string{"--"}, launch.Config{Run: []string{}}},
		{[]string{"-net", "link=eth0"}, launch.Config{Network: &launch.Network{Link: "eth0"}}},
		{[]string{"-net", "mac=52-54-00-12-34-5A,gw6=fe80::1,ip6=fd00::2/64,mtu=1280"}, launch.Config{Network: &launch.Network{MAC: "52:54:00:12:34:5a", MTU: 1280, IPv6: ip("fd00::2/64", "fe80::1")}}},
		{[]string{"-net", "link=eth0,ip4=10.0.0.2/24,gw4=10.0.0.1,dns=10.0.0.3,dns=fd00::3,search=a.example,search=b"}, launch.Config{Network: &launch.Network{
			Link: "eth0", IPv4: ip("10.0.0.2/24", "10.0.0.1"),
			Resolver: launch.Resolver{Nameservers: []netip.Addr{netip.MustParseAddr("10.0.0.3"), netip.MustParseAddr("fd00::3")}, Search: []string{"a.example", "b"}},
		}}},
		{[]string{"-hostname", "one", "-launch", base, "-env", "B=3", "-net", "link=eth0", "--", "y"}, launch.Config{
			Hostname: &name, Env: map[string]string{"A": "1", "B": "3"}, Run: []string{"y"}, User: "u",
			Stop: launch.Stop{GraceSeconds: &grace}, Network: &launch.Network{Link: "eth0"},
		}},
		{[]string{"-launch", base}, launch.Config{
			Hostname: &old, Env: map[string]string{"A": "1", "B": "2"}, Run: []string{"x"}, User: "u",
			Stop: launch.Stop{GraceSeconds: &grace}, Network: &launch.Network{Link: "eth1", MTU: 1400},
		}},
	}
	for _, tt := range tests {
		got, warnings, err := parse(t, tt.args...)
		if err != nil {
			t.Errorf("%q: %v", tt.args, err)
			continue
		}
		if diff := cmp.Diff(tt.want, got, cmpopts.EquateComparable(netip.Prefix{}, netip.Addr{})); diff != "" {
			t.Errorf("%q (-want +got):\n%s", tt.args, diff)
		}
		if based := strings.Contains(strings.Join(tt.args, " "), "-launch"); based != (len(warnings) == 1) {
			t.Errorf("%q: warnings %v, want one for the unknown field of a file", tt.args, warnings)
		}
	}
}

func TestErrors(t *testing.T) {
	base := filepath.Join(t.TempDir(), "launch.json")
	if err := os.WriteFile(base, []byte(`{"run":1}`), 0o644); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		args []string
		want string
	}{
		{[]string{"-hostname", "a b"}, `-hostname "a b": has a space, a control character, a comment sign or a slash`},
		{[]string{"-hostname", ""}, `-hostname "": empty; leave it out to keep the machine's name`},
		{[]string{"-hostname", strings.Repeat("x", 65)}, "longer than 64 bytes"},
		{[]string{"-env", "A"}, `-env "A": want NAME=VALUE`},
		{[]string{"-env", "=x"}, `-env "=x": empty, or has = or a NUL`},
		{[]string{"-user", "a b"}, `-user "a b": has a space or a control character`},
		{[]string{"-user", ""}, `-user "": empty; leave it out to keep the image's`},
		{[]string{"-workdir", ""}, `-workdir "": empty`},
		{[]string{"-memory-max", "1K"}, `-memory-max "1K": less than 1M, in which no program starts`},
		{[]string{"-memory-max", "1.5G"}, `-memory-max "1.5G": want a number of bytes above 0`},
		{[]string{"-memory-max", "9999999T"}, `want a number of bytes above 0`},
		{[]string{"-memory-max", ""}, `want a number of bytes above 0`},
		{[]string{"-pids-max", "0"}, `-pids-max "0": want a whole number above 0`},
		{[]string{"-stop-signal", "SIGWHAT"}, `-stop-signal "SIGWHAT": not a signal, such as SIGTERM`},
		{[]string{"-net", "eth0"}, `-net "eth0": "eth0": want KEY=VALUE, of link, mac, ip4`},
		{[]string{"-net", "link="}, `-net "link=": "link=": want KEY=VALUE`},
		{[]string{"-net", "ip4=10.0.0.2/24"}, `-net "ip4=10.0.0.2/24": no link, such as link=eth0`},
		{[]string{"-net", "link=eth0,ip4=10.0.0.2"}, `ip4=10.0.0.2: want an address with its prefix length`},
		{[]string{"-net", "link=eth0,ip4=fd00::2/64"}, `not an address of ipv4`},
		{[]string{"-net", "link=eth0,gw4=10.0.0.1"}, `a gateway needs the address of its family`},
		{[]string{"-net", "link=eth0,ip4=10.0.0.2/24,gw4=x"}, `gw4=x: want an IP address`},
		{[]string{"-net", "link=eth0,mtu=60"}, `not a number of bytes from 68 to 65536`},
		{[]string{"-net", "link=eth0,mtu=0"}, `mtu=0: want a number of bytes`},
		{[]string{"-net", "link=eth0,ip6=fd00::2/64,mtu=1000"}, `IPv6 needs 1280`},
		{[]string{"-net", "link=eth0,lnik=eth1"}, `lnik=eth1: unknown; want one of link, mac, ip4, gw4, ip6, gw6, dns, search, mtu; did you mean "link"?`},
		{[]string{"-net", "link=eth0,link=eth1"}, `link is given twice`},
		{[]string{"-net", "link=a/b"}, `not a name of a network interface`},
		{[]string{"-launch", base}, "-launch: " + base + ": run: 1: not an array"},
		{[]string{"-launch", base + "x"}, "-launch: open " + base + "x: no such file or directory"},
		{[]string{"--", "a\x00b"}, `command: has a NUL`},
	}
	for _, tt := range tests {
		_, _, err := parse(t, tt.args...)
		if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %v, want one line with %s", tt.args, err, tt.want)
		}
	}
}

// What the flags take is what the guest takes.
func FuzzNet(f *testing.F) {
	f.Add("link=eth0,ip4=10.0.0.2/24,gw4=10.0.0.1,dns=10.0.0.3,mtu=1500")
	f.Add("mac=52:54:00:12:34:56,ip6=fd00::2/64,gw6=fe80::1%eth0,search=x")
	f.Fuzz(func(t *testing.T, value string) {
		var l Flags
		if err := l.network(value); err != nil {
			if strings.Contains(err.Error(), "\n") && !strings.Contains(value, "\n") {
				t.Errorf("-net %q: error of several lines: %v", value, err)
			}
			return
		}
		c, _, err := l.Config(nil)
		if err != nil || c.Network == nil || c.Check() != nil {
			t.Errorf("-net %q: %+v, %v; taken, and refused", value, c.Network, err)
		}
	})
}
