package guestcmd

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestKnetUsage(t *testing.T) {
	for _, tt := range []struct {
		args string
		want string // a part of standard error
	}{
		{"", "nothing to configure: give -config FILE, or -link NAME with -address CIDR, or -show"},
		{"-root /x -timeout 1s", "nothing to configure"},
		{"-link eth0 extra", `unexpected argument "extra"`},
		{"-bogus", "flag provided but not defined: -bogus"},
		{"-config launch.json -link eth0", "-config has everything of the network"},
		{"-config launch.json -search example.com", "-config has everything of the network"},
		{"-config=", "-config needs the path"},
		{"-json -link eth0", "-json needs -show"},
		{"-show -link eth0", "-show goes with -json alone"},
		{"-show -json -n", "-show goes with -json alone"},
		{"-search example.com -link eth0", "-search needs -nameserver"},
		{"-link eth0 -timeout -1s", `invalid value "-1s" for flag -timeout: give seconds, or a time such as 500ms`},
		{"-link eth0 -timeout soon", `invalid value "soon" for flag -timeout`},
		{"-link eth0 -address 10.0.0.2", `invalid value "10.0.0.2" for flag -address`},
		{"-link eth0 -gateway 10.0.0", `invalid value "10.0.0" for flag -gateway`},
		{"-nameserver dns.example.com", `invalid value "dns.example.com" for flag -nameserver`},
		{"-link eth0 -mtu big", `invalid value "big" for flag -mtu`},
		{"-address 10.0.0.2/24", "no link is named to have the MTU, addresses and gateways"},
		{"-mac 52:54 -mtu -1", `mac "52:54": is not six bytes in hexadecimal, as 52:54:00:12:34:56; mtu -1: is negative`},
		{"-nameserver 10.0.0.1 -search a#b", `search "a#b": is empty, or has a space`},
	} {
		t.Run(tt.args, func(t *testing.T) {
			status, stdout, stderr := callKnet(t, strings.Fields(tt.args)...)
			if status != 2 || stdout != "" {
				t.Errorf("knet %s = %d, printed %q, want 2 and nothing", tt.args, status, stdout)
			}
			if !strings.Contains(stderr, tt.want) || strings.Count(stderr, "\n") != 1 {
				t.Errorf("knet %s: %q, want one line with %q", tt.args, stderr, tt.want)
			}
		})
	}
}

func TestKnetHelp(t *testing.T) {
	status, stdout, stderr := callKnet(t, "-h")
	if status != 0 || stdout != Knet.Page || stderr != "" {
		t.Errorf("knet -h = %d, %q, %q, want 0, the page and nothing", status, stdout, stderr)
	}
}

func TestKnetDryRun(t *testing.T) {
	dir := t.TempDir()
	config := writeLaunch(t, `{"network": {
		"link": "eth0",
		"ipv4": {"address": "10.0.0.2/24", "gateway": "10.0.0.1"},
		"resolver": {"nameservers": ["10.0.0.1"]}
	}}`)
	commands := []string{
		"ip link set lo up",
		"ip link show dev eth0",
		"ethtool -K eth0 gso off",
		"ethtool -K eth0 tso off",
		"ip address add 10.0.0.2/24 dev eth0 broadcast +",
		"ip link set dev eth0 up",
		"ip route add default via 10.0.0.1 dev eth0",
	}
	resolver := []string{
		"rm -f " + dir + "/etc/resolv.conf",
		"cat >" + dir + "/etc/resolv.conf <<'EOF'",
		"nameserver 10.0.0.1",
		"EOF",
	}
	for _, tt := range []struct {
		name string
		args []string
		want []string
	}{
		{
			name: "file",
			args: []string{"-config", config},
			want: append(resolver, commands...),
		},
		{
			name: "flags",
			args: []string{"-link", "eth0", "-address", "10.0.0.2/24", "-gateway", "10.0.0.1", "-nameserver", "10.0.0.1"},
			want: append(resolver, commands...),
		},
		{
			name: "no name server",
			args: []string{"-link", "eth0", "-address", "10.0.0.2/24", "-gateway", "10.0.0.1"},
			want: commands,
		},
		{
			name: "no network",
			args: []string{"-config", writeLaunch(t, `{}`)},
			want: commands[:1],
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			args := append([]string{"-n", "-root", dir}, tt.args...)
			status, stdout, stderr := callKnet(t, args...)
			if status != 0 || stderr != "" {
				t.Errorf("knet %q = %d, %q, want 0 and nothing", args, status, stderr)
			}
			if diff := cmp.Diff(strings.Join(tt.want, "\n")+"\n", stdout); diff != "" {
				t.Errorf("knet %q (-want +got):\n%s", args, diff)
			}
			if entries, err := os.ReadDir(dir); err != nil || len(entries) > 0 {
				t.Errorf("root after -n = %v, %v, want nothing", entries, err)
			}
		})
	}
}

func TestKnetBadConfig(t *testing.T) {
	for _, path := range []string{writeLaunch(t, `{"network": 5}`), filepath.Join(t.TempDir(), "none.json")} {
		status, stdout, stderr := callKnet(t, "-n", "-config", path)
		if status != 1 || stdout != "" || !strings.Contains(stderr, path) {
			t.Errorf("knet -n -config %s = %d, %q, %q, want 1, nothing and its path", path, status, stdout, stderr)
		}
	}
}

func TestKnetConfigWarning(t *testing.T) {
	status, _, stderr := callKnet(t, "-n", "-config", writeLaunch(t, `{"bogus": null}`))
	if status != 0 || !strings.HasPrefix(stderr, "knet: warning: ") || !strings.Contains(stderr, "bogus") {
		t.Errorf("knet -n with an unknown field = %d, %q, want 0 and a warning of it", status, stderr)
	}
}

// callKnet returns the exit status and what was printed.
func callKnet(t *testing.T, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	var out, errOut bytes.Buffer
	status = Main(t.Context(), Knet, &Env{Args: args, Stdout: &out, Stderr: &errOut})
	return status, out.String(), errOut.String()
}

func writeLaunch(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "launch.json")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
