//go:build vm

package vmtest

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// bootScriptScenario has kernel parameters for every stage that boot.sh does, each
// another than the default, and reports all that the stages leave behind.
const bootScriptScenario = `net: user
disk: config serial=conf0
disk: image format=ext4 label=root0
commands: gosh
append: kinit.image=label:root0 kinit.config=serial:conf0 kinit.overlay.size=33m kinit.timeout=20
append: kinit.cgroup=threaded kinit.end=reboot kinit.idm.version=1
-- launch.json --
{
  "hostname": "scripted", "run": null, "env": {"WORD": "launch"}, "sysctls": {"kernel.domainname": "example"},
  "network": {
    "link": "eth0", "mtu": 1400, "ipv4": {"address": "10.0.2.15/24", "gateway": "10.0.2.2"},
    "ipv6": {"address": "fec0::15/64", "gateway": "fec0::2"},
    "resolver": {"nameservers": ["10.0.2.3"]}
  }
}
-- script --
report mounts sh -c 'sort /proc/self/mounts'
report size sh -c 'df -k / | awk "END { print \$(NF-4) }"'
report devices sh -c 'ls -l /dev/stdin /dev/fd | sed "s/.* \/dev/\/dev/"; ls /dev/pts/ptmx'
report modules sh -c 'cut -d " " -f 1 /proc/modules | sort'
report hostname hostname
report hosts cat /etc/hosts /etc/hostname
report domain cat /proc/sys/kernel/domainname
report resolv cat /etc/resolv.conf
report address sh -c 'ip -o addr show eth0 | sed "/fe80:/d; s/valid_lft.*//; s/ tentative//"; ip link show eth0 | grep -o "mtu [0-9]*"'
report routes sh -c 'ip route; ip -6 route show default'
report cgroup sh -c 'cat /proc/self/cgroup /sys/fs/cgroup$(cut -d : -f 3 /proc/self/cgroup)/cgroup.type'
report env sh -c 'env | sort'
report initramfs ls -d /boot.sh /bbin /newroot /image
report tty sh -c 'tty; ps -o pid,sid,pgid,comm | grep -c " sh$"'
(sleep 0.1; exit 3) &
exit 7
-- exit --
code 7
-- has mounts --
overlayfs:/overlay / overlay rw,noatime,.*
-- want hostname --
scripted
-- want size --
33792
-- has address --
.* inet 10\.0\.2\.15/24 .*
mtu 1400
-- has cgroup --
0::/krata-guest-task
threaded
-- lacks initramfs --
^/
-- lacks console --
^kinit: .*(warning|error)
reboot: Power down
`

// TestBootScript boots examples/boot-script and kinit: what each stage leaves is the
// same.
func TestBootScript(t *testing.T) {
	const script = "first: examples/boot-script/boot.sh\n"
	got := bootScriptReports(t, script+bootScriptScenario)
	want := bootScriptReports(t, bootScriptScenario)
	if diff := cmp.Diff(want, got); diff != "" || len(want) < 14 {
		t.Errorf("%d reports (-kinit +boot.sh):\n%s", len(want), diff)
	}
}

// bootScriptReports boots a scenario and returns what the machine reports of itself.
func bootScriptReports(t *testing.T, text string) map[string]string {
	t.Helper()
	s := example(t, text)
	config, before := prepared(t, s)
	got := playOnce(t, s, config, before)
	reports := Reports(string(got.Console))
	delete(reports, consoleReport)
	return reports
}
