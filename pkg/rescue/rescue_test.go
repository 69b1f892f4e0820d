package rescue

import (
	"errors"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kguest/kguest/pkg/netconf"
)

func TestWish(t *testing.T) {
	path := filepath.Join(t.TempDir(), "kinit/wish")
	if w, found, err := ReadWish(path); found || err != nil {
		t.Errorf("ReadWish of no file = %v, %t, %v", w, found, err)
	}
	for _, want := range []Wish{{Do: Continue}, {Do: Retry, Stage: "images"}, {Do: End}} {
		must(t, want.Write(path))
		if got, found, err := ReadWish(path); got != want || !found || err != nil {
			t.Errorf("ReadWish = %v, %t, %v, want %v", got, found, err, want)
		}
	}
	for _, text := range []string{"", "go on\n", "retryimages\n", "\x00"} {
		must(t, os.WriteFile(path, []byte(text), 0o600))
		if w, found, err := ReadWish(path); found || err == nil {
			t.Errorf("ReadWish of %q = %v, %t, %v, want an error", text, w, found, err)
		}
	}
}

func TestSituation(t *testing.T) {
	path := filepath.Join(t.TempDir(), "kinit/boot.json")
	if _, err := ReadSituation(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("ReadSituation of no file = %v", err)
	}
	want := Situation{
		Stage: "root", Reason: "no \"root\"\n\x01", Advice: "mend", Parameters: "quiet", Stages: []string{"root"},
		Steps: []Step{{Name: "mounts", Microseconds: 3}, {Name: "root", Error: "x"}},
	}
	must(t, want.Write(path))
	got, err := ReadSituation(path)
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("ReadSituation: %v (-want +got):\n%s", err, diff)
	}
	must(t, os.WriteFile(path, []byte("{"), 0o600))
	if _, err := ReadSituation(path); err == nil {
		t.Error("ReadSituation of half a file = nil, want an error")
	}
}

func TestLines(t *testing.T) {
	state := State{
		Disks:  []Disk{{Name: "vda", Bytes: 4096, FileSystem: "ext4", Label: "l", Serial: "s"}, {Name: "vdb", Bytes: 512}},
		Mounts: []Mount{{"/proc", "proc", "proc", "rw"}, {"/image", "/dev/vda", "ext4", "ro"}},
		Network: netconf.State{Links: []netconf.LinkState{
			{Name: "lo"}, {Name: "eth0", Up: true, Addresses: []netip.Prefix{netip.MustParsePrefix("10.0.0.2/24")}},
		}},
		Driverless: []string{"pci 0000:00:03.0 pci:v1"}, Errors: []string{"list links: x"},
	}
	want := []string{
		"disk: vda 4096 bytes, ext4 label:l serial:s", "disk: vdb 512 bytes, no known file system",
		"mount: ext4 /dev/vda on /image (ro)", "link: lo down", "link: eth0 up 10.0.0.2/24",
		"no driver: pci 0000:00:03.0 pci:v1", "not known: list links: x",
	}
	if diff := cmp.Diff(want, state.Lines()); diff != "" {
		t.Errorf("State.Lines (-want +got):\n%s", diff)
	}
	if got := (State{}).Lines(); !cmp.Equal(got, []string{"disk: none"}) {
		t.Errorf("State{}.Lines = %q", got)
	}
	before := strings.Join(Situation{Stage: "root", Advice: "a"}.Lines(State{}), "\n")
	after := strings.Join(Situation{Stage: "root", Reason: "why", Advice: "a"}.Lines(State{}), "\n")
	if !strings.Contains(before, "stands before stage root.") || !strings.Contains(after, "failed in stage root: why\n") ||
		!strings.Contains(after, "Leaving the shell ends the machine.") || strings.Contains(before, "ends the machine") {
		t.Errorf("Situation.Lines before a stage:\n%s\nafter a failure:\n%s", before, after)
	}
}

// TestRead reads a tree of a machine's own making.
func TestRead(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{
		"sys/class/block/vda/size": "8\n", "sys/class/block/vda/serial": "s0\n", "sys/class/block/loop0/size": "0\n",
		"sys/bus/pci/devices/00:00.0/class": "0x060000\n", "sys/bus/pci/devices/00:00.0/modalias": "pci:bridge\n",
		"sys/bus/pci/devices/00:03.0/class": "0x010000\n", "sys/bus/pci/devices/00:03.0/modalias": "pci:disk\n",
		"sys/bus/virtio/devices/virtio0/modalias": "virtio:d1\n", "sys/bus/virtio/devices/virtio0/driver/x": "",
		"sys/bus/pci/devices/00:04.0/modalias": "pci:net", "sys/bus/pci/devices/00:05.0/modalias": "pci:odd",
		"order": "/lib/modules/6.1.0/net-x.ko a=1\n", "aliases": "pci:di* ahci\npci:net net_y\npci:n* net_x\n",
		"dev/vda": "hsqs" + strings.Repeat("\x00", 4092), "release": "6.1.0\n",
		"mounts": "36 35 98:0 / /mnt rw - ext3 /dev/root rw\n",
	} {
		path := filepath.Join(dir, name)
		must(t, os.MkdirAll(filepath.Dir(path), 0o755))
		must(t, os.WriteFile(path, []byte(content), 0o600))
	}
	got := Config{Sys: dir + "/sys", Dev: dir + "/dev", Mounts: dir + "/mounts", Release: dir + "/release", Order: dir + "/order", Aliases: dir + "/aliases"}.Read()
	got.Network = netconf.State{}
	want := State{
		Kernel: "6.1.0", Disks: []Disk{{Name: "vda", Bytes: 4096, FileSystem: "squashfs", Serial: "s0"}},
		Mounts: []Mount{{"/mnt", "/dev/root", "ext3", "rw"}}, Driverless: []string{
			"pci 00:03.0 pci:disk: module ahci is not in the image (build -modules ahci)",
			"pci 00:04.0 pci:net: module net_x is in the image and not loaded, or does not take it (kmount modules)",
			"pci 00:05.0 pci:odd: the kernel has no module for it",
		}, Errors: []string{},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Read (-want +got):\n%s", diff)
	}
	if empty := (Config{Sys: "/none", Dev: "/none", Mounts: "/none", Release: "/none"}).Read(); len(empty.Errors) < 2 {
		t.Errorf("Read of nothing: errors %q, want one of each file", empty.Errors)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
