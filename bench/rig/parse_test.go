package rig

import (
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// console is what a workload prints, among other lines.
const console = "kinit: mounts: done took=1ms\r\n" +
	"\r\nbench value environment 5\r\n" +
	"\r\nbench file /proc/1/status\r\nName:\tinit\r\nVmRSS:\t    3704 kB\r\n\r\nbench end\r\n" +
	"bench log <6>[    0.368283] Run /init as init process\r\n" +
	"bench log <6>[    0.405434] bench: workload\r\n" +
	"\r\nbench file /proc/1/status\r\nVmRSS:\t    3000 kB\r\n\r\nbench end\r\n" +
	"\r\nbench value done 1\r\n"

const counts = "FIRST 1000000 0 500\nMARK 38000000 90000 7500\n"

func TestParse(t *testing.T) {
	b, err := parse(console, counts)
	if err != nil {
		t.Fatal(err)
	}
	got := []int64{
		b.HandOver, b.ToInit, b.Kernel, b.User, int64(b.Idle), b.Values["environment"],
	}
	want := []int64{37151000 - 7000, 38090000 - 37144000, 37000000, 90000, 7000, 5}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("parse: -want +got\n%s", diff)
	}
	wantLog := []LogLine{
		{368283 * time.Microsecond, "Run /init as init process"}, {405434 * time.Microsecond, "bench: workload"},
	}
	if diff := cmp.Diff(wantLog, b.Log); diff != "" {
		t.Errorf("parse: log -want +got\n%s", diff)
	}
}

// TestUsage: pages are counted where the kernel does, else taken from the status.
func TestUsage(t *testing.T) {
	first := map[string]string{initStatus: "VmRSS:\t    3704 kB\nRssAnon:\t 500 kB\n", memory: "Shmem:\t    20 kB\n"}
	last := maps.Clone(first)
	last[initPages], last[memory] = "Rss:     3900 kB\nAnonymous: 600 kB\n", "MemAvailable:\t 70 kB\n"
	b := Boot{First: first, Files: last}
	want := []Usage{{RSS: 3704 << 10, Anon: 500 << 10, Shmem: 20 << 10}, {RSS: 3900 << 10, Anon: 600 << 10, Available: 70 << 10}, {}}
	if diff := cmp.Diff(want, []Usage{b.Usage(), b.LastUsage(), (&Boot{}).Usage()}); diff != "" {
		t.Errorf("usage: -want +got\n%s", diff)
	}
}

func TestParseErrors(t *testing.T) {
	tests := []struct{ console, counts, want string }{
		{"", counts, "the workload did not come to its end"},
		{strings.Replace(console, "done 1", "done 0", 1), counts, "the workload did not come to its end"},
		{console, "FIRST 1 2 3\n", `qemu's plugin saw no mark: "FIRST 1 2 3\n"`},
		{console, "FIRST 1 2 3\nMARK 99999999999999999999 1 1\n", `parse counts: strconv.ParseInt: parsing "99999999999999999999": value out of range`},
		{strings.Replace(console, "Run /init", "Run /sbin", 1), counts, "the kernel's log has no hand-over or no workload"},
	}
	for _, tt := range tests {
		b, err := parse(tt.console, tt.counts)
		if b != nil || err == nil || err.Error() != tt.want {
			t.Errorf("parse(%q, %q) = %v, %v, want %s", tt.console, tt.counts, b, err, tt.want)
		}
	}
}

func TestMissing(t *testing.T) {
	b, err := parse(console, counts)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"hostname", "/etc/hosts", "/etc/resolv.conf", "cgroup", "route", "IPv6 address", "overlay", "cgroup2", "/dev/pts", "/dev/shm",
	}
	if diff := cmp.Diff(want, b.Missing()); diff != "" {
		t.Errorf("Missing() of a boot that did nothing: -want +got\n%s", diff)
	}
}

func TestModuleName(t *testing.T) {
	if got := ModuleName("/lib/modules/6.1/kernel/drivers/block/xen-blkfront.ko"); got != "xen_blkfront" {
		t.Errorf("ModuleName = %s, want xen_blkfront", got)
	}
}

// FuzzParse: an error has no boot beside it, and a boot has its end.
func FuzzParse(f *testing.F) {
	f.Add(console, counts)
	f.Add("bench file x\nbench end\nbench value done 1", "")
	f.Fuzz(func(t *testing.T, console, counts string) {
		b, err := parse(console, counts)
		if (b == nil) != (err != nil) {
			t.Errorf("parse(%q, %q) = %v, %v", console, counts, b, err)
		}
		if b != nil && b.Values["done"] != 1 {
			t.Errorf("parse(%q) has no end", console)
		}
	})
}
