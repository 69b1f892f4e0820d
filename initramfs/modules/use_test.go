package modules

import (
	"testing"
)

// TestUses: what a preset asks for is loaded for what its aliases say, what a
// person asks for always.
func TestUses(t *testing.T) {
	dir := kernel(t, map[string]string{
		"modules.dep": "kernel/virtio.ko:\nkernel/drivers/block/blk.ko: kernel/virtio.ko\nkernel/drivers/net/nic.ko: kernel/virtio.ko\n" +
			"kernel/fs/sq.ko:\nkernel/plain.ko:\nkernel/named.ko: kernel/virtio.ko\nkernel/soft.ko:\n",
		"modules.softdep":             "softdep sq pre: soft\n",
		"kernel/virtio.ko":            moduleWithInfo(""),
		"kernel/drivers/block/blk.ko": moduleWithInfo("depends=virtio\x00alias=virtio:d00000002v*\x00alias=blk\x00"),
		"kernel/drivers/net/nic.ko":   moduleWithInfo("depends=virtio\x00alias=acpi*:LNRO0005:*\x00alias=of:N*T*Cvirtio,mmio\x00"),
		"kernel/fs/sq.ko":             moduleWithInfo("alias=fs-sq\x00alias=sq\x00"),
		"kernel/plain.ko":             moduleWithInfo("alias=crypto-x\x00alias=devname:loop-control\x00"),
		"kernel/named.ko":             moduleWithInfo("depends=virtio\x00alias=virtio:d00000009v*\x00"),
		"kernel/soft.ko":              moduleWithInfo(""),
	})
	var asks []Ask
	for _, name := range []string{"blk", "nic", "sq", "plain", "named"} {
		asks = append(asks, Ask{Name: name, From: "-vmm x", Preset: true})
	}
	asks = append(asks, Ask{Name: "named", From: "-modules"})
	s, err := Collect(Request{Dir: dir, Arch: "amd64", Asks: asks})
	if err != nil {
		t.Fatal(err)
	}
	const want = `needed virtio -
device blk virtio virtio:d00000002v*
network nic virtio acpi*:LNRO0005:* of:N*T*Cvirtio,mmio
needed soft -
mount sq soft fs-sq
always plain -
always named virtio
`
	if got := string(s.Uses); got != want {
		t.Errorf("Uses = %s, want %s", got, want)
	}
}
