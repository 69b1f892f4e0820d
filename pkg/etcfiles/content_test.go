package etcfiles

import (
	"bytes"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const allLocal = "127.0.0.1 localhost\n::1 localhost\n"

func TestMissingHosts(t *testing.T) {
	const local4, local6 = "127.0.0.1\tlocalhost\n", "::1\tlocalhost ip6-localhost ip6-loopback\n"
	for _, tt := range []struct {
		name, old, host, addr string
		want                  string
	}{
		{name: "nothing there", host: "guest", want: local4 + local6 + "127.0.1.1\tguest\n"},
		{name: "no name", want: local4 + local6},
		{name: "all there", old: allLocal + "127.0.1.1\tguest", host: "guest"},
		{name: "as an alias, in capitals", old: "127.0.0.1 x LOCALHOST y\n::1 z localhost\n127.0.1.1 other Guest\n", host: "guest"},
		{name: "longer spelling of ::1", old: "127.0.0.1 localhost\n0:0:0:0:0:0:0:1 localhost\n"},
		{name: "only IPv4", old: "127.0.0.1 localhost\n", want: local6},
		{name: "commented", old: "#127.0.0.1 localhost\n::1 # localhost\n", want: local4 + local6},
		{name: "to another machine", old: "10.0.0.9 localhost guest\n", host: "guest", want: local4 + local6 + "127.0.1.1\tguest\n"},
		{name: "part of a name", old: allLocal + "127.0.1.1 guesthouse\n", host: "guest", want: "127.0.1.1\tguest\n"},
		{name: "qualified", old: allLocal, host: "guest.example.com", want: "127.0.1.1\tguest.example.com guest\n"},
		{name: "address", old: allLocal, host: "guest", addr: "10.0.0.2", want: "10.0.0.2\tguest\n"},
		{name: "zone", old: allLocal, host: "guest", addr: "fe80::2%eth0", want: "fe80::2\tguest\n"},
		{name: "not text", old: "\x00\xff\xfe\n\r\n127.0.0.1\n ::1\tlocalhost\r\n127.0.0.1\tlocalhost\r\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var addr netip.Addr
			if tt.addr != "" {
				addr = netip.MustParseAddr(tt.addr)
			}
			if got := missingHosts([]byte(tt.old), tt.host, addr); got != tt.want {
				t.Errorf("missingHosts(%q, %q, %v) = %q, want %q", tt.old, tt.host, addr, got, tt.want)
			}
		})
	}
}

// FuzzMissingHosts wants the new lines to resolve everything, in any old file.
func FuzzMissingHosts(f *testing.F) {
	f.Add([]byte(allLocal), "guest")
	f.Add([]byte("127.0.1.1 guest.example.com # x"), "guest.example.com")
	f.Add([]byte("::ffff:127.0.0.1 localhost\nfe80::1%lo localhost"), "")
	f.Fuzz(func(t *testing.T, old []byte, name string) {
		if name != "" && CheckHostname(name) != nil {
			return
		}
		hosts := append([]byte(missingHosts(old, name, netip.Addr{})), old...)
		if again := missingHosts(hosts, name, netip.Addr{}); again != "" {
			t.Errorf("missingHosts(its own result for %q, %q) = %q, want nothing", old, name, again)
		}
		if !bytes.HasSuffix(hosts, old) {
			t.Errorf("hosts = %q, want the old lines in it: %q", hosts, old)
		}
	})
}

// TestHostsUntouched wants a file that has everything to be the same file after.
func TestHostsUntouched(t *testing.T) {
	root := t.TempDir()
	path := filepath.Join(root, "etc/hosts")
	mkdir(t, filepath.Dir(path))
	if err := os.WriteFile(path, []byte(allLocal+"127.0.1.1 guest\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	before := stat(t, path)
	if err := Hosts(root, "guest", netip.Addr{}); err != nil {
		t.Fatal(err)
	}
	if after := stat(t, path); !os.SameFile(before, after) || after.Mode() != before.Mode() {
		t.Errorf("hosts = %v, want the file of before, %v", after, before)
	}
}

func TestHugeHosts(t *testing.T) {
	root := t.TempDir()
	path := filepath.Join(root, "etc/hosts")
	mkdir(t, filepath.Dir(path))
	for size, wantErr := range map[int]bool{maxFileSize: false, maxFileSize + 1: true} {
		if err := os.WriteFile(path, bytes.Repeat([]byte("#"), size), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := Hosts(root, "guest", netip.Addr{}); (err != nil) != wantErr {
			t.Errorf("Hosts over %d bytes = %v, want an error: %v", size, err, wantErr)
		}
		if got := stat(t, path).Size(); wantErr && got != int64(size) {
			t.Errorf("size of hosts = %d, want %d as before", got, size)
		}
	}
}

// TestCheckHostname has the cases of launch, which says the same to the host.
func TestCheckHostname(t *testing.T) {
	for _, tt := range []struct {
		in   string
		want bool
	}{
		{"guest", true},
		{"guest.example.com", true},
		{"gäste", true},
		{strings.Repeat("a", 64), true},
		{strings.Repeat("a", 65), false},
		{strings.Repeat("ä", 33), false},
		{"", false},
		{"a b", false},
		{"a\nb", false},
		{"a\x00b", false},
		{"a\tb", false},
		{"a\x7fb", false},
		{"a#b", false},
		{"a;b", false},
		{"a/b", false},
	} {
		if err := CheckHostname(tt.in); (err == nil) != tt.want {
			t.Errorf("CheckHostname(%q) = %v, want it good: %v", tt.in, err, tt.want)
		}
		root := t.TempDir()
		if err := Hostname(root, tt.in); (err == nil) != tt.want {
			t.Errorf("Hostname(%q) = %v, want it good: %v", tt.in, err, tt.want)
		}
	}
}

func TestResolverContent(t *testing.T) {
	addrs := func(list ...string) (out []netip.Addr) {
		for _, s := range list {
			out = append(out, netip.MustParseAddr(s))
		}
		return out
	}
	for _, tt := range []struct {
		name string
		in   Resolver
		want string
		err  string
	}{
		{name: "zero"},
		{
			name: "all",
			in: Resolver{
				Nameservers: addrs("10.0.0.1", "fd00::1", "fe80::1%eth0"),
				Search:      []string{"example.com", "example.org"}, Options: []string{"ndots:2", "rotate"},
			},
			want: "nameserver 10.0.0.1\nnameserver fd00::1\nnameserver fe80::1%eth0\nsearch example.com example.org\noptions ndots:2 rotate\n",
		},
		{name: "no address", in: Resolver{Nameservers: make([]netip.Addr, 1)}, err: `nameserver "invalid IP": is no address`},
		{name: "zone", in: Resolver{Nameservers: addrs("fe80::1%a\nnameserver 6.6.6.6")}, err: `nameserver "fe80::1%a\nnameserver 6.6.6.6": is no address`},
		{
			name: "two lines", in: Resolver{Search: []string{"a\nnameserver 6.6.6.6"}},
			err: `search "a\nnameserver 6.6.6.6": is empty, or has a space, a control character or a comment sign`,
		},
		{name: "empty", in: Resolver{Options: []string{""}}, err: `options "": is empty, or has a space, a control character or a comment sign`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := tt.in.Content()
			text := ""
			if err != nil {
				text = err.Error()
			}
			if got != tt.want || text != tt.err {
				t.Errorf("Content(%+v) = %q, %q, want %q, %q", tt.in, got, text, tt.want, tt.err)
			}
		})
	}
}

// FuzzResolverContent wants one line for each part and no field that was not given.
func FuzzResolverContent(f *testing.F) {
	f.Add("10.0.0.1", "example.com", "ndots:2")
	f.Add("fe80::1%eth0", "a b", "x\ny")
	f.Add("fe80::1%\n", "", "")
	f.Fuzz(func(t *testing.T, server, search, option string) {
		addr, _ := netip.ParseAddr(server)
		r := Resolver{Nameservers: []netip.Addr{addr}, Search: []string{search}, Options: []string{option}}
		got, err := r.Content()
		if err != nil {
			if got != "" {
				t.Errorf("Content(%+v) = %q, %v, want one of the two", r, got, err)
			}
			return
		}
		want := []string{"nameserver", addr.String(), "search", search, "options", option}
		fields := strings.FieldsFunc(got, func(r rune) bool { return r == ' ' || r == '\n' })
		if strings.Join(fields, "|") != strings.Join(want, "|") || strings.Count(got, "\n") != 3 {
			t.Errorf("Content(%+v) = %q, want the fields %q on 3 lines", r, got, want)
		}
	})
}

func TestNoResolverTouchesNothing(t *testing.T) {
	root := t.TempDir()
	if err := ResolvConf(root, Resolver{Search: []string{"example.com"}}); err != nil {
		t.Fatal(err)
	}
	if entries, err := os.ReadDir(root); err != nil || len(entries) > 0 {
		t.Errorf("ReadDir(root) = %v, %v, want nothing", entries, err)
	}
}

func stat(t *testing.T, path string) os.FileInfo {
	t.Helper()
	info, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info
}
