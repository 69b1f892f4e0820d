package launch

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var compare = cmp.Comparer(func(a, b netip.Addr) bool { return a == b })

var comparePrefix = cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })

func TestDecode(t *testing.T) {
	grace := 2.5
	for name, test := range map[string]struct {
		in   string
		want Config
	}{
		"empty": {`{}`, Config{}},
		"krata's, all null": {
			`{"root": null, "hostname": null, "network": null, "env": {}, "run": null}`,
			Config{Env: map[string]string{}},
		},
		"krata's": {
			`{"root": {"format": "squashfs"}, "hostname": "guest", "network": {"link": "eth0",
			"ipv4": {"address": "10.75.0.2/16", "gateway": "10.75.0.1"},
			"ipv6": {"address": "fdd4:1476:6c7e::2/48", "gateway": "fe80::1"},
			"resolver": {"nameservers": ["1.1.1.1", "2606:4700:4700::1111"]}},
			"env": {"A": "1", "B": ""}, "run": ["/bin/sh", "-c", ""]}`,
			Config{
				Root:     &Root{Format: "squashfs"},
				Hostname: new("guest"),
				Network: &Network{
					Link:     "eth0",
					IPv4:     &IP{netip.MustParsePrefix("10.75.0.2/16"), netip.MustParseAddr("10.75.0.1")},
					IPv6:     &IP{netip.MustParsePrefix("fdd4:1476:6c7e::2/48"), netip.MustParseAddr("fe80::1")},
					Resolver: Resolver{Nameservers: []netip.Addr{netip.MustParseAddr("1.1.1.1"), netip.MustParseAddr("2606:4700:4700::1111")}},
				},
				Env: map[string]string{"A": "1", "B": ""},
				Run: []string{"/bin/sh", "-c", ""},
			},
		},
		"ours": {
			`{"entrypoint": [], "run": [], "user": "app:users", "workingDir": "/app",
			"stop": {"signal": "SIGRTMIN+3", "graceSeconds": 2.5},
			"resources": {"memoryMax": "512M", "pidsMax": 100, "cpuMax": 1.5},
			"rlimits": [{"type": "RLIMIT_NOFILE", "soft": 1024, "hard": 4096}, {"type": "core", "soft": "unlimited"}, {"type": "Cpu", "hard": 5}],
			"sysctls": {"net.ipv4.ip_forward": "1", "net/ipv4/conf/eth0.1/forwarding": "1"}}`,
			Config{
				Entrypoint: []string{}, Run: []string{}, User: "app:users", WorkingDir: "/app",
				Stop:      Stop{Signal: "SIGRTMIN+3", GraceSeconds: &grace},
				Resources: Resources{MemoryMax: 512 << 20, PidsMax: 100, CPUMax: CPUMax{150_000, 100_000}},
				Rlimits:   []Rlimit{{"RLIMIT_NOFILE", 1024, 4096}, {"RLIMIT_CORE", Unlimited, Unlimited}, {"RLIMIT_CPU", 5, 5}},
				Sysctls:   map[string]string{"net.ipv4.ip_forward": "1", "net/ipv4/conf/eth0.1/forwarding": "1"},
			},
		},
		"network alone, by mac": {
			`{"network": {"mac": "52-54-00-AB-cd-EF", "mtu": 9000, "ipv4": null, "ipv6": {"address": "fd00::2/64"},
			"resolver": {"nameservers": ["fe80::1%eth0"], "search": ["a.test"], "options": ["ndots:2"]}}}`,
			Config{Network: &Network{
				MAC: "52:54:00:ab:cd:ef", MTU: 9000,
				IPv6: &IP{Address: netip.MustParsePrefix("fd00::2/64")},
				Resolver: Resolver{
					Nameservers: []netip.Addr{netip.MustParseAddr("fe80::1%eth0")},
					Search:      []string{"a.test"}, Options: []string{"ndots:2"},
				},
			}},
		},
		"gateway with a zone": {
			`{"network": {"link": "eth0", "ipv6": {"address": "fd00::2/64", "gateway": "fe80::1%eth0"}}}`,
			Config{Network: &Network{Link: "eth0", IPv6: &IP{netip.MustParsePrefix("fd00::2/64"), netip.MustParseAddr("fe80::1%eth0")}}},
		},
		"no limits": {
			`{"resources": {"memoryMax": "max", "pidsMax": "max", "cpuMax": "max 100000"}}`,
			Config{},
		},
	} {
		got, warnings, err := Decode([]byte(test.in))
		if err != nil || len(warnings) > 0 {
			t.Errorf("%s: Decode: %v, %v", name, warnings, err)
			continue
		}
		if diff := cmp.Diff(&test.want, got, compare, comparePrefix); diff != "" {
			t.Errorf("%s: Decode (-want +got):\n%s", name, diff)
		}
	}
}

func TestDecodeWarnings(t *testing.T) {
	for in, want := range map[string][]string{
		`{"network": {"link": "a", "ipv5": {"x": [1, {"y": null}]}}}`: {"network.ipv5: unknown field, ignored"},
		`{"Hostname": "a"}`:                                     {"Hostname: unknown field, ignored"},
		`{"workdir": "a", "zzz": [[]]}`:                         {"workdir: unknown field, ignored", "zzz: unknown field, ignored"},
		`{"stop": {"grace": {}}}`:                               {"stop.grace: unknown field, ignored"},
		`{"rlimits": [{"type": "core", "soft": 1, "sofd": 2}]}`: {"rlimits[0].sofd: unknown field, ignored"},
		`{"hostname": "a", "hostname": "b"}`:                    {"hostname: given twice, the last one that is not null counts"},
		`{"env": {"A": "1", "A": "2"}}`:                         {"env.A: given twice, the last one counts"},
		`{"": 1}`:                                               {": unknown field, ignored"},
		`{"stop": {"a\nb\u001b[2J": 1}}`:                        {`"stop.a\nb\x1b[2J": unknown field, ignored`},
	} {
		cfg, warnings, err := Decode([]byte(in))
		var got []string
		for _, w := range warnings {
			got = append(got, w.Error())
		}
		if diff := cmp.Diff(want, got); err != nil || cfg == nil || diff != "" {
			t.Errorf("Decode(%s) = %v, %v, warnings (-want +got):\n%s", in, cfg, err, diff)
		}
	}
}

// The last of two values takes the place of the whole first one.
func TestDecodeTwice(t *testing.T) {
	cfg, _, err := Decode([]byte(`{
		"hostname": "a", "hostname": "b", "hostname": null,
		"env": {"A": "1"}, "env": {"B": "1", "B": "2"},
		"run": ["a", "b"], "run": ["c"],
		"network": {"link": "a", "mtu": 1500}, "network": {"link": "b"},
		"stop": {"signal": "INT"}, "stop": {}, "user": "a", "user": null}`))
	want := &Config{Hostname: new("b"), User: "a", Env: map[string]string{"B": "2"}, Run: []string{"c"}, Network: &Network{Link: "b"}}
	if diff := cmp.Diff(want, cfg, compare, comparePrefix); err != nil || diff != "" {
		t.Errorf("Decode: %v (-want +got):\n%s", err, diff)
	}
}

func TestDecodeManyWarnings(t *testing.T) {
	in := "{" + strings.Repeat(`"x":0,`, 1000) + `"` + strings.Repeat("y", 1000) + `":0}`
	_, warnings, err := Decode([]byte(in))
	if err != nil || len(warnings) != maxWarnings+1 || warnings[maxWarnings].Error() != "969 more unknown or repeated fields" {
		t.Errorf("Decode = %d warnings, %v, want %d, the last saying that 969 are left out", len(warnings), err, maxWarnings+1)
	}
}

func TestDecodeErrors(t *testing.T) {
	for in, want := range map[string]string{
		``:                         "line 1, column 1: not JSON: unexpected end of JSON input",
		"{\n  \"run\": [,]\n}":     "line 2, column 11: not JSON: invalid character ',' looking for beginning of value",
		`{"env": {}`:               "line 1, column 10: not JSON: unexpected end of JSON input",
		`{"a": 1,}`:                "line 1, column 9: not JSON: invalid character '}' looking for beginning of object key string",
		`{} x`:                     "line 1, column 4: not JSON: invalid character 'x' after top-level value",
		"{\n\"user\": \"\xff\"}":   "line 2, column 10: byte 0xff is not UTF-8",
		strings.Repeat("[", 20000): "line 1, column 10001: not JSON: invalid character '[' exceeded max depth",
		`null`:                     "null: not an object",
		`[1]`:                      "[...]: not an object",
		`"x"`:                      `"x": not an object`,
		`{"hostname": 5}`:          `hostname: 5: not a string`,
		`{"hostname": {}}`:         `hostname: {...}: not a string`,
		`{"run": "sh"}`:            `run: "sh": not an array`,
		`{"run": ["sh", 1.50]}`:    `run[1]: 1.50: not a string`,
		`{"run": ["sh", null]}`:    `run[1]: null: not a string`,
		`{"entrypoint": [[]]}`:     `entrypoint[0]: [...]: not a string`,
		`{"env": ["A=1"]}`:         `env: [...]: not an object`,
		`{"env": {"A": true}}`:     `env.A: true: not a string`,
		`{"network": "dhcp"}`:      `network: "dhcp": not an object`,
		`{"network": {"link": "e", "ipv4": {"address": 10}}}`:                `network.ipv4.address: 10: not a string`,
		`{"network": {"link": "e", "ipv4": {"address": "10.0.0.2"}}}`:        `network.ipv4.address: "10.0.0.2": not an address with a prefix length, such as 10.0.0.2/24 or fd00::2/64`,
		`{"network": {"link": "e", "ipv4": {"gateway": "10.0.0"}}}`:          `network.ipv4.gateway: "10.0.0": not an IP address`,
		`{"network": {"link": "e", "mtu": "1500"}}`:                          `network.mtu: "1500": not a number of bytes from 68 to 65536`,
		`{"network": {"link": "e", "mtu": 1e3}}`:                             `network.mtu: 1e3: not a number of bytes from 68 to 65536`,
		`{"network": {"link": "e", "resolver": {"nameservers": "1.1.1.1"}}}`: `network.resolver.nameservers: "1.1.1.1": not an array`,
		`{"network": {"link": "e", "resolver": {"nameservers": ["dns"]}}}`:   `network.resolver.nameservers[0]: "dns": not an IP address`,
		`{"stop": {"graceSeconds": -1}}`:                                     `stop.graceSeconds: -1: not a number of seconds from 0 to 86400`,
		`{"stop": {"graceSeconds": 1e999}}`:                                  `stop.graceSeconds: 1e999: not a number of seconds from 0 to 86400`,
		`{"resources": {"memoryMax": 4096}}`:                                 `resources.memoryMax: 4096: less than 1M, in which no program starts`,
		`{"resources": {"memoryMax": "lots"}}`:                               `resources.memoryMax: "lots": not a number of bytes, a string such as "512M" (K, M, G, T), or "max"`,
		`{"resources": {"pidsMax": 0}}`:                                      `resources.pidsMax: 0: not a whole number above 0, or "max"`,
		`{"rlimits": {}}`:                                                    `rlimits: {...}: not an array`,
		`{"rlimits": [{"type": "nofile"}]}`:                                  `rlimits[0].soft: missing`,
		`{"rlimits": [{"soft": 1}]}`:                                         `rlimits[0].type: "": not a resource limit, such as RLIMIT_NOFILE`,
		`{"rlimits": [{"type": "nofile", "soft": -1}]}`:                      `rlimits[0].soft: -1: not a whole number, or "unlimited"`,
		`{"sysctls": {"a.b": 1}}`:                                            `sysctls.a.b: 1: not a string`,
		`{"hostname": "` + strings.Repeat("x", 200) + `"}`:                   `hostname: "` + strings.Repeat("x", 100) + `...": longer than 64 bytes`,
		strings.Repeat(" ", MaxSize+1):                                       "larger than 16777216 bytes",
	} {
		cfg, _, err := Decode([]byte(in))
		if err == nil || err.Error() != want || cfg != nil {
			t.Errorf("Decode(%s) = %v, %v\nwant %s", clip(in), cfg, err, want)
		}
	}
}

func TestSize(t *testing.T) {
	for in, want := range map[string]uint64{
		`1048576`: 1 << 20, `"1048577"`: 1<<20 + 1, `1073741824`: 1 << 30, `"2048K"`: 2 << 20, `"3M"`: 3 << 20, `"2G"`: 2 << 30, `"1T"`: 1 << 40,
		`9223372036854775807`: 1<<63 - 1, `"8388607T"`: 8388607 << 40,
		`1`: 0, `1048575`: 0, `"1023K"`: 0, `0`: 0, `-1`: 0, `1.5`: 0, `1e6`: 0, `""`: 0, `"M"`: 0, `"1MB"`: 0, `"1m"`: 0, `"-1M"`: 0, `"1 M"`: 0, `"1.5G"`: 0,
		`"0K"`: 0, `"8388608T"`: 0, `9223372036854775808`: 0, `true`: 0, `[]`: 0,
	} {
		cfg, _, err := Decode([]byte(`{"resources": {"memoryMax": ` + in + `}}`))
		if want == 0 {
			if err == nil {
				t.Errorf("memoryMax %s = %d, want an error", in, cfg.Resources.MemoryMax)
			}
			continue
		}
		if err != nil || cfg.Resources.MemoryMax != want {
			t.Errorf("memoryMax %s = %v, %v, want %d", in, cfg, err, want)
		}
	}
}

func TestCPUMax(t *testing.T) {
	for in, want := range map[string]CPUMax{
		`1`: {100_000, 100_000}, `0.5`: {50_000, 100_000}, `2.25`: {225_000, 100_000}, `0.01`: {1000, 100_000},
		`"50000"`: {50_000, 100_000}, `"50000 1000000"`: {50_000, 1_000_000}, `"1000 1000"`: {1000, 1000},
		`0`: {}, `-1`: {}, `0.001`: {}, `1e9`: {}, `1e999`: {}, `"x"`: {}, `"1 x"`: {}, `"999 1000"`: {}, `"1000 999"`: {},
		`"1000 1000001"`: {}, `"max 1"`: {}, `"1000 1000 "`: {}, `" 1000"`: {}, `true`: {}, `{}`: {}, `""`: {},
	} {
		cfg, _, err := Decode([]byte(`{"resources": {"cpuMax": ` + in + `}}`))
		if want == (CPUMax{}) {
			if err == nil {
				t.Errorf("cpuMax %s = %v, want an error", in, cfg.Resources.CPUMax)
			}
			continue
		}
		if err != nil || cfg.Resources.CPUMax != want {
			t.Errorf("cpuMax %s = %v, %v, want %v", in, cfg, err, want)
		}
	}
}

func TestRead(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	path := write("launch.json", `{"hostname": "a", "hostnam": 1}`)
	cfg, warnings, err := Read(path)
	if err != nil || cfg == nil || len(warnings) != 1 ||
		warnings[0].Error() != path+": hostnam: unknown field, ignored" {
		t.Errorf("Read = %v, %v, %v, want a warning that names the file", cfg, warnings, err)
	}
	fifo := filepath.Join(dir, "fifo")
	if err := syscall.Mkfifo(fifo, 0o644); err != nil {
		t.Fatal(err)
	}
	bad := write("bad", `{"network": {"link": "e", "ipv4": {"address": "10.0.0.2"}}}`)
	large := write("large", strings.Repeat(" ", MaxSize+1))
	for path, want := range map[string]string{
		bad:           bad + `: network.ipv4.address: "10.0.0.2": not an address with a prefix length, such as 10.0.0.2/24 or fd00::2/64`,
		large:         "read " + large + ": larger than 16777216 bytes",
		fifo:          "read " + fifo + ": not a regular file (a FIFO)",
		dir:           "read " + dir + ": not a regular file (a directory)",
		dir + "/none": "open " + dir + "/none: no such file or directory",
	} {
		if cfg, _, err := Read(path); err == nil || err.Error() != want || cfg != nil {
			t.Errorf("Read(%s) = %v, %v, want %s", path, cfg, err, want)
		}
	}
}
