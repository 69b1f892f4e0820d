package modules

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// virtio is shaped like Debian's: the last need is the first to be loaded.
const virtio = `kernel/virtio.ko:
kernel/virtio_ring.ko: kernel/virtio.ko
kernel/virtio_pci.ko: kernel/virtio_ring.ko kernel/virtio.ko
kernel/virtio_mmio.ko: kernel/virtio_ring.ko kernel/virtio.ko
kernel/virtio_blk.ko: kernel/virtio_ring.ko kernel/virtio.ko
kernel/virtio_net.ko: kernel/net_failover.ko kernel/failover.ko kernel/virtio_ring.ko kernel/virtio.ko
kernel/net_failover.ko: kernel/failover.ko
kernel/failover.ko:
kernel/xen-blkfront.ko:
kernel/squashfs.ko:
kernel/libcrc32c.ko:
kernel/erofs.ko: kernel/libcrc32c.ko
kernel/overlay.ko:
kernel/crc32c_intel.ko:
kernel/crc32c_generic.ko:
kernel/vfio.ko:
kernel/vfio_iommu.ko: kernel/vfio.ko
`

func virtioFiles() map[string]string {
	return map[string]string{
		"modules.dep":     virtio,
		"modules.builtin": "kernel/fs/ext4/ext4.ko\n",
		"modules.softdep": "softdep libcrc32c pre: crc32c\nsoftdep vfio post: vfio_iommu not_there\n",
		"modules.alias":   "alias crc32c crc32c_intel\nalias crc32c crc32c_generic\n",
	}
}

func loadOrder(p Plan) string {
	var names []string
	for _, m := range p.Modules {
		names = append(names, m.Name)
	}
	return strings.Join(names, " ")
}

func TestResolve(t *testing.T) {
	x := open(t, virtioFiles())
	tests := []struct {
		asks           []string
		order, builtin string
	}{
		{[]string{"virtio"}, "virtio", ""},
		{[]string{"virtio_blk"}, "virtio virtio_ring virtio_blk", ""},
		{[]string{"virtio-blk", "virtio_blk"}, "virtio virtio_ring virtio_blk", ""},
		{[]string{"virtio_net", "virtio_blk"}, "virtio virtio_ring failover net_failover virtio_net virtio_blk", ""},
		{[]string{"xen_blkfront"}, "xen_blkfront", ""},
		{[]string{"ext4", "xen-blkfront", "ext4"}, "xen_blkfront", "ext4"},
		{[]string{"erofs"}, "crc32c_generic libcrc32c erofs", ""},
		{[]string{"vfio"}, "vfio vfio_iommu", ""},
		{[]string{"vfio_iommu"}, "vfio vfio_iommu", ""},
		{nil, "", ""},
	}
	for _, tt := range tests {
		var asks []Ask
		for _, name := range tt.asks {
			asks = append(asks, Ask{Name: name, From: "-modules"})
		}
		plan, err := x.Resolve(asks, nil)
		if err != nil {
			t.Errorf("Resolve(%q) = %v", tt.asks, err)
			continue
		}
		if got := loadOrder(plan); got != tt.order {
			t.Errorf("Resolve(%q) loads %q, want %q", tt.asks, got, tt.order)
		}
		if got := strings.Join(plan.Builtin, " "); got != tt.builtin {
			t.Errorf("Resolve(%q) has %q built in, want %q", tt.asks, got, tt.builtin)
		}
		checkOrder(t, x, plan)
	}
}

func TestResolveReasons(t *testing.T) {
	plan, err := open(t, virtioFiles()).Resolve([]Ask{{Name: "virtio_net", From: "-vmm qemu"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := []Module{
		{Name: "virtio", Path: "kernel/virtio.ko", Reason: "-vmm qemu, needed by virtio_net"},
		{Name: "virtio_ring", Path: "kernel/virtio_ring.ko", Reason: "-vmm qemu, needed by virtio_net"},
		{Name: "failover", Path: "kernel/failover.ko", Reason: "-vmm qemu, needed by virtio_net"},
		{Name: "net_failover", Path: "kernel/net_failover.ko", Reason: "-vmm qemu, needed by virtio_net"},
		{Name: "virtio_net", Path: "kernel/virtio_net.ko", Reason: "-vmm qemu", Asked: true, Named: true},
	}
	if diff := cmp.Diff(want, plan.Modules); diff != "" {
		t.Errorf("Resolve (-want +got):\n%s", diff)
	}
}

// A soft dependency of a built-in provider needs no module; one with several
// providers and no generic one takes all.
func TestResolveProviders(t *testing.T) {
	files := virtioFiles()
	files["modules.builtin.modinfo"] = "crc32c_generic.alias=crc32c\x00"
	plan, err := open(t, files).Resolve([]Ask{{Name: "libcrc32c"}}, nil)
	if got := loadOrder(plan); got != "libcrc32c" || err != nil {
		t.Errorf("with a built-in provider: %q, %v, want libcrc32c alone", got, err)
	}
	files = virtioFiles()
	files["modules.alias"] = "alias crc32c crc32c_intel\nalias crc32c xen_blkfront\nalias crc32c gone\n"
	plan, err = open(t, files).Resolve([]Ask{{Name: "libcrc32c"}}, nil)
	if got := loadOrder(plan); got != "crc32c_intel xen_blkfront libcrc32c" || err != nil {
		t.Errorf("without a generic provider: %q, %v, want both", got, err)
	}
}

func TestResolveErrors(t *testing.T) {
	chain := new(strings.Builder)
	for i := range 1000 {
		fmt.Fprintf(chain, "m%d.ko: m%d.ko\n", i, i+1)
	}
	fmt.Fprint(chain, "m1000.ko:\n")
	tests := []struct {
		name, dep, soft, ask, want string
	}{
		{"unknown", virtio, "", "virtio_blq", `-modules: kernel 6.1.0-test has no module virtio_blq, neither in `},
		{"none near", virtio, "", "nothing", `nor built in; leave it out, or give the modules folder of a kernel that has it`},
		{"nearest", virtio, "", "virtio_blq", `did you mean "virtio_blk"?`},
		{"no builtin file", virtio, "", "nothing", `there is no modules.builtin: where the kernel has it built in, use -modules none`},
		{"itself", "a.ko: a.ko\n", "", "a", `in a circle: a, a`},
		{"circle", "a.ko: b.ko\nb.ko: c.ko\nc.ko: b.ko\n", "", "a", `in a circle: b, c, b`},
		{"chain", chain.String(), "", "m0", `in a chain of more than 256, from m0 on`},
	}
	for _, tt := range tests {
		x := open(t, map[string]string{"modules.dep": tt.dep, "modules.softdep": tt.soft})
		_, err := x.Resolve([]Ask{{Name: tt.ask, From: "-modules"}}, nil)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: Resolve(%s) = %v, want an error with %q", tt.name, tt.ask, err, tt.want)
		}
	}
}

// A circle that a soft dependency closes is broken there, as modprobe does.
func TestResolveSoftCircle(t *testing.T) {
	x := open(t, map[string]string{
		"modules.dep":     "a.ko: b.ko\nb.ko:\nc.ko:\n",
		"modules.softdep": "softdep b pre: a c\nsoftdep c post: c b\n",
	})
	plan, err := x.Resolve([]Ask{{Name: "a"}}, nil)
	if got := loadOrder(plan); got != "c b a" || err != nil {
		t.Errorf("Resolve(a) = %q, %v, want c b a", got, err)
	}
}

func TestPreset(t *testing.T) {
	x := open(t, virtioFiles())
	tests := []struct{ vmm, order, missing string }{
		{
			"qemu",
			"virtio virtio_ring virtio_pci virtio_mmio virtio_blk failover net_failover virtio_net squashfs crc32c_generic libcrc32c erofs overlay",
			"virtio_console",
		},
		{"xen", "xen_blkfront squashfs crc32c_generic libcrc32c erofs overlay", "xen_netfront"},
		{
			"firecracker",
			"virtio virtio_ring virtio_mmio virtio_blk failover net_failover virtio_net squashfs crc32c_generic libcrc32c erofs overlay",
			"",
		},
		{
			"all",
			"virtio virtio_ring virtio_pci virtio_mmio virtio_blk failover net_failover virtio_net xen_blkfront squashfs crc32c_generic libcrc32c erofs overlay",
			"virtio_console xen_netfront",
		},
	}
	for _, tt := range tests {
		asks, err := Preset(tt.vmm, "-vmm "+tt.vmm)
		if err != nil {
			t.Fatal(err)
		}
		plan, err := x.Resolve(asks, nil)
		if err != nil {
			t.Errorf("Resolve(preset %s) = %v", tt.vmm, err)
		}
		if got := loadOrder(plan); got != tt.order {
			t.Errorf("preset %s loads %q, want %q", tt.vmm, got, tt.order)
		}
		if got := strings.Join(plan.Missing, " "); got != tt.missing {
			t.Errorf("preset %s misses %q, want %q", tt.vmm, got, tt.missing)
		}
	}
	if _, err := Preset("vmware", ""); err == nil {
		t.Error(`Preset("vmware") = nil, want an error`)
	}
}

func TestPresetEssential(t *testing.T) {
	for _, vmm := range VMMs() {
		for _, module := range []string{"squashfs", "overlay"} {
			x := open(t, map[string]string{"modules.dep": strings.ReplaceAll(virtio, "kernel/"+module+".ko:\n", "")})
			asks, err := Preset(vmm, "-vmm "+vmm)
			if err != nil {
				t.Fatal(err)
			}
			_, err = x.Resolve(asks, nil)
			if want := "-vmm " + vmm + ": kernel 6.1.0-test has no module " + module; err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("Resolve(preset %s without %s) = %v, want an error with %q", vmm, module, err, want)
			}
		}
	}
}
