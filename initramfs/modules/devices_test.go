package modules

import (
	"os"
	"path/filepath"
	"testing"
)

func TestDeviceAliases(t *testing.T) {
	dir := t.TempDir()
	if got, err := DeviceAliases(dir); got != nil || err != nil {
		t.Errorf("DeviceAliases without modules.alias = %q, %v, want nothing", got, err)
	}
	const table = `# Aliases extracted from modules themselves.
alias virtio:d00000002v* virtio_blk
alias fs-squashfs squashfs
alias pci:v*d*sv*sd*bc01sc06i01* ahci-x
alias pci:v*d*sv*sd*bc01sc06i01* ahci-x
alias xen:vbd xen_blkfront
alias pcix:a b
`
	if err := os.WriteFile(filepath.Join(dir, "modules.alias"), []byte(table), 0o600); err != nil {
		t.Fatal(err)
	}
	const want = "pci:v*d*sv*sd*bc01sc06i01* ahci_x\nvirtio:d00000002v* virtio_blk\nxen:vbd xen_blkfront\n"
	if got, err := DeviceAliases(dir); string(got) != want || err != nil {
		t.Errorf("DeviceAliases = %q, %v, want %q", got, err, want)
	}
}
