package kmod

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDrivers(t *testing.T) {
	const table = `pci:v00001AF4d*sv*sd*bc*sc*i* virtio_pci
pci:v*d*sv*sd*bc01sc06i01* ahci
pci:v00008086d00002922sv*sd*bc*sc*i* ahci
virtio:d00000002v* virtio_blk
nonsense
`
	for alias, want := range map[string][]string{
		"pci:v00001AF4d00001001sv00001AF4sd00000002bc01sc00i00": {"virtio_pci"},
		"pci:v00008086d00002922sv00001AF4sd00001100bc01sc06i01": {"ahci", "ahci"},
		"virtio:d00000002v00001AF4":                             {"virtio_blk"},
		"virtio:d00000003v00001AF4":                             nil,
		"nonsense":                                              nil,
		"":                                                      nil,
	} {
		if diff := cmp.Diff(want, Drivers([]byte(table), alias)); diff != "" {
			t.Errorf("Drivers of %s (-want +got):\n%s", alias, diff)
		}
	}
}
