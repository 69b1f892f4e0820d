package metrics

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var unexported = cmp.AllowUnexported(stat{}, status{}, memory{}, pair{}, link{}, traffic{}, disk{}, transfer{}, deviceIO{}, stall{}, limit{})

// A parse is one case of a parser: what it makes of in, or a part of the
// error's words.
type parse[T any] struct {
	name, in string
	want     T
	wantErr  string
}

func check[T any](t *testing.T, parser func([]byte) (T, error), tests []parse[T]) {
	t.Helper()
	for _, tt := range tests {
		got, err := parser([]byte(tt.in))
		switch {
		case tt.wantErr != "" && (err == nil || !strings.Contains(err.Error(), tt.wantErr)):
			t.Errorf("%s: error %v, want %q", tt.name, err, tt.wantErr)
		case tt.wantErr == "" && err != nil:
			t.Errorf("%s: %v", tt.name, err)
		}
		if diff := cmp.Diff(tt.want, got, unexported); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

const statTail = " S 41 42 42 0 -1 4194560 209 1968 0 0 2 120 17 74 20 0 1 0 8500 2314240 379 18446744073709551615 1 1 0 0\n"

func TestParseStat(t *testing.T) {
	want := stat{start: 8500}
	check(t, parseStat, []parse[stat]{
		{name: "plain", in: "42 (init)" + statTail, want: want},
		{name: "space", in: "42 (tmux: server)" + statTail, want: want},
		{name: "parentheses", in: "42 ((sd-pam))" + statTail, want: want},
		{name: "another stat in it", in: "42 (a) R 7 7 (b)" + statTail, want: want},
		{name: "newline", in: "42 (x\n) Z 7 (y)" + statTail, want: want},
		{name: "empty name", in: "42 ()" + statTail, want: want},
		{name: "not UTF-8", in: "42 (\xff\x80)" + statTail, want: want},
		{
			name: "kernel thread",
			in:   "2 (kthreadd) S 0 0 0 0 -1 2129984 0 0 0 0 0 2 0 0 20 0 1 0 54 0 0 18446744073709551615\n",
			want: stat{start: 54, kernel: true},
		},
		{name: "empty", in: "", wantErr: "no name"},
		{name: "cut", in: "42 (init) S 41 42", wantErr: "5 fields, want 22"},
		{name: "no number", in: strings.Replace("42 (init)"+statTail, "4194560", "x", 1), wantErr: "field 9"},
		{name: "negative start", in: strings.Replace("42 (init)"+statTail, "8500", "-1", 1), wantErr: "field 22"},
	})
}

func TestParseStatus(t *testing.T) {
	const ids = "Uid:\t1000\t0\t1000\t0\nGid:\t100\t5\t5\t5\n"
	want := status{uid: 1000, euid: 0, gid: 100, egid: 5}
	full := want
	full.virtual, full.resident = 3060<<10, 1764<<10
	check(t, parseStatus, []parse[status]{
		{name: "all", in: "Name:\tcat\n" + ids + "VmSize:\t    3060 kB\nVmRSS:\t    1764 kB\n", want: full},
		{name: "zombie", in: "Name:\tcat\nState:\tZ (zombie)\n" + ids + "Threads:\t1\n", want: want},
		// The kernel escapes newlines of a name here.
		{name: "name like a line", in: "Name:\tx\\nUid:\t9\t9\n" + ids, want: want},
		{name: "without end", in: ids + "VmSize:\t3060 kB\nVmRSS:\t1764 kB", want: full},
		{name: "many groups", in: "Uid:\t1000\t0\t0\t0\nGid:\t100\t5\t5\t5\nGroups:\t" + strings.Repeat("4294967294 ", 65536) + "\nVmSize:\t3060 kB\nVmRSS:\t1764 kB\n", want: full},
		{name: "parent", in: "PPid:\t41\n" + ids, want: status{parent: 41, uid: 1000, gid: 100, egid: 5}},
		{name: "no parent", in: "PPid:\t-1\n" + ids, wantErr: "PPid: "},
		{name: "no Gid", in: "Uid:\t0\t0\t0\t0\n", wantErr: "no Gid"},
		{name: "one id", in: "Uid:\t0\nGid:\t0\t0\n", wantErr: "Uid: "},
		{name: "an id of 33 bits", in: "Uid:\t4294967296\t0\t0\t0\n", wantErr: "out of range"},
		{name: "another unit", in: ids + "VmRSS:\t1764 MB\n", wantErr: "not in kB"},
	})
}

func TestParseMeminfo(t *testing.T) {
	check(t, parseMeminfo, []parse[memory]{
		{
			name: "plain", in: "MemTotal:  24684084 kB\nMemFree:   22230340 kB\nMemAvailable:   23540180 kB\nHugePages_Total:  0\n",
			want: memory{total: 24684084 << 10, free: 22230340 << 10, available: 23540180 << 10},
		},
		{name: "before Linux 3.14", in: "MemTotal: 2 kB\nMemFree: 1 kB\n", wantErr: "MemAvailable"},
		{name: "empty", in: "", wantErr: "MemTotal"},
		{name: "no number", in: "MemTotal: kB\n", wantErr: "MemTotal"},
	})
}

func TestParseUptime(t *testing.T) {
	check(t, parseUptime, []parse[uint64]{
		{name: "plain", in: "3049.07 5480.39\n", want: 304907},
		{name: "at once", in: "0.00 0.00\n", want: 0},
		{name: "no fraction", in: "3049 1\n", wantErr: "two decimals"},
		{name: "three decimals", in: "3049.070 1\n", wantErr: "two decimals"},
		{name: "negative", in: "-1.00 1\n", wantErr: "invalid syntax"},
		{name: "no fraction's digits", in: "1.A0", wantErr: "invalid syntax"},
	})
}

func TestParsePairs(t *testing.T) {
	check(t, parsePairs, []parse[pairs]{
		{name: "plain", in: "usage_usec 361787\nnice_usec 0\n", want: pairs{{"usage_usec", 361787}, {"nice_usec", 0}}},
		{name: "max", in: "max 1\nhigh max\n", want: pairs{{"max", 1}}},
		{name: "empty", in: ""},
		{name: "no value", in: "max\n", wantErr: "not a key and a number"},
		{name: "two values", in: "max 1 2\n", wantErr: "not a key and a number"},
		{name: "65 bits", in: "max 18446744073709551616\n", wantErr: "out of range"},
	})
}

func TestParseIO(t *testing.T) {
	row := func(device string) deviceIO {
		return deviceIO{
			device: device, counted: true,
			reads: transfer{4325376, 33}, writes: transfer{2097152, 512}, discards: transfer{1, 2},
		}
	}
	const counters = " rbytes=4325376 wbytes=2097152 rios=33 wios=512 dbytes=1 dios=2"
	check(t, parseIO, []parse[[]deviceIO]{
		{name: "plain", in: "254:0" + counters + "\n", want: []deviceIO{row("254:0")}},
		{
			name: "devices without counters run together", in: "7:7 7:6 254:0" + counters + "\n8:0" + counters + "\n",
			want: []deviceIO{{device: "7:7"}, {device: "7:6"}, row("254:0"), row("8:0")},
		},
		{name: "no counters yet", in: "252:0 ", want: []deviceIO{{device: "252:0"}}},
		{
			name: "other controllers", in: "254:0" + counters + " use_delay=0 depth=max avg_lat=1.5 cost.vrate=100.00\n",
			want: []deviceIO{row("254:0")},
		},
		{
			name: "before discards (Linux 4.19)", in: "8:0 rbytes=1 wbytes=2 rios=3 wios=4\n",
			want: []deviceIO{{device: "8:0", counted: true, reads: transfer{1, 3}, writes: transfer{2, 4}}},
		},
		{name: "empty", in: ""},
		{name: "no device", in: "rbytes=1\n", wantErr: "a value before a name"},
		{name: "no number", in: "8:0 rbytes=max\n", wantErr: "rbytes: "},
	})
}

func TestParsePressure(t *testing.T) {
	check(t, parsePressure, []parse[[]stall]{
		{
			name: "plain",
			in:   "some avg10=70.42 avg60=60.19 avg300=49.60 total=576129974\nfull avg10=0.00 avg60=0.01 avg300=0.00 total=2\n",
			want: []stall{{"some", 70.42, 60.19, 49.60, 576.129974}, {"full", 0, 0.01, 0, 0.000002}},
		},
		{
			name: "cpu before Linux 5.13", in: "some avg10=0.00 avg60=0.00 avg300=0.00 total=5\n",
			want: []stall{{"some", 0, 0, 0, 0.000005}},
		},
		{name: "not a number", in: "some avg10=NaN\n", wantErr: "avg10: "},
		{name: "infinite", in: "some avg10=Inf\n", wantErr: "avg10: "},
		{name: "negative", in: "some total=-1\n", wantErr: "total: "},
	})
}

func TestParseLinks(t *testing.T) {
	const header = "Inter-|   Receive                                                |  Transmit\n" +
		" face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed\n"
	want := link{"eth0", traffic{602437479, 27334, 1, 2}, traffic{2560940, 21047, 3, 4}}
	odd := want
	odd.name = "a|:0"
	check(t, parseLinks, []parse[[]link]{
		{name: "plain", in: header + "  eth0: 602437479   27334    1    2    0     0          0         0  2560940   21047    3    4    0     0       0          0\n", want: []link{want}},
		{name: "no space after the colon", in: "eth0:602437479 27334 1 2 0 0 0 0 2560940 21047 3 4 0 0 0 0\n", want: []link{want}},
		{name: "name with a colon and a bar", in: "a|:0: 602437479 27334 1 2 0 0 0 0 2560940 21047 3 4 0 0 0 0\n", want: []link{odd}},
		{name: "header only", in: header},
		{name: "cut", in: "eth0: 1 2 3\n", wantErr: `link "eth0": 3 numbers, want 16`},
		{name: "no name", in: "1 2 3\n", wantErr: "no link's name"},
	})
}

func TestParseDisks(t *testing.T) {
	want := disk{
		device: "254:0", name: "vda",
		reads: transfer{12320034 * 512, 369512}, readTime: 604474,
		writes: transfer{11589784 * 512, 84752}, writeTime: 182900,
	}
	check(t, parseDisks, []parse[[]disk]{
		{name: "Linux 5.5 and later", in: " 254       0 vda 369512 99770 12320034 604474 84752 133219 11589784 182900 0 154732 803560 52322 69 5872080 15272 10452 912\n", want: []disk{want}},
		{name: "Linux 4.18", in: " 254       0 vda 369512 99770 12320034 604474 84752 133219 11589784 182900 0 154732 803560 52322 69 5872080 15272\n", want: []disk{want}},
		{name: "before", in: " 254       0 vda 369512 99770 12320034 604474 84752 133219 11589784 182900 0 154732 803560\n", want: []disk{want}},
		{name: "no disks", in: ""},
		{name: "cut", in: "254 0 vda 1 2\n", wantErr: `disk "vda": 2 numbers, want 11`},
	})
}

func TestParseLimit(t *testing.T) {
	check(t, parseLimit, []parse[limit]{
		{name: "number", in: "20971520\n", want: limit{value: 20971520}},
		{name: "none", in: "max\n", want: limit{unlimited: true}},
		{name: "empty", in: "", wantErr: "invalid syntax"},
		{name: "65 bits", in: "18446744073709551616\n", wantErr: "out of range"},
	})
}

func TestText(t *testing.T) {
	long := strings.Repeat("é", MaxText) // two bytes each
	tests := []struct{ name, in, want string }{
		{"plain", "/usr/bin/env", "/usr/bin/env"},
		{"runes", "/größe", "/größe"},
		{"not UTF-8", "a\xffb\xc3", "a\uFFFDb\uFFFD"},
		{"as long as may be", strings.Repeat("x", MaxText), strings.Repeat("x", MaxText)},
		{"one longer", strings.Repeat("x", MaxText+1), strings.Repeat("x", MaxText-3) + "…"},
		{"cut between runes", long, strings.Repeat("é", (MaxText-3)/2) + "…"},
		{"grown by replacement", strings.Repeat("a\xff", MaxText/2), strings.Repeat("a\uFFFD", MaxText/4-1) + "a…"},
	}
	for _, tt := range tests {
		if got := text([]byte(tt.in)); got != tt.want {
			t.Errorf("%s: text(%.20q...) = %d bytes %q, want %d bytes %q", tt.name, tt.in, len(got), got, len(tt.want), tt.want)
		}
	}
}

func TestArguments(t *testing.T) {
	many := strings.Split(strings.Repeat("a ", MaxArguments-1)+"…", " ")
	tests := []struct {
		name, in string
		want     []string
	}{
		{"none", "", []string{}},
		{"two", "sleep\x0010\x00", []string{"sleep", "10"}},
		{"an empty one", "sh\x00\x00-c\x00", []string{"sh", "", "-c"}},
		{"named itself", "nginx: worker process\x00\x00\x00\x00", []string{"nginx: worker process"}},
		{"without end", "postgres: writer", []string{"postgres: writer"}},
		{"not UTF-8", "a\xff\x00b\x00", []string{"a\uFFFD", "b"}},
		{"as many as may be", strings.Repeat("a\x00", MaxArguments), append(many[:MaxArguments-1:MaxArguments-1], "a")},
		{"too many", strings.Repeat("a\x00", MaxArguments+1), many},
	}
	for _, tt := range tests {
		if diff := cmp.Diff(tt.want, Value{Text: new(keeper).arguments([]byte(tt.in))}.List()); diff != "" {
			t.Errorf("%s: arguments(%.20q) (-want +got):\n%s", tt.name, tt.in, diff)
		}
	}
}
