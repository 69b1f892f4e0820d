package modules

import (
	"strings"
	"testing"
)

// asksOf makes entries of -modules, and of a preset those that end in a colon.
func asksOf(list string) []Ask {
	var asks []Ask
	for name := range strings.FieldsSeq(list) {
		if preset, ok := strings.CutSuffix(name, "@"); ok {
			asks = append(asks, Ask{Name: preset, From: "-vmm qemu", Preset: true})
		} else {
			asks = append(asks, Ask{Name: name, From: "-modules"})
		}
	}
	return asks
}

func askFiles() map[string]string {
	files := virtioFiles()
	files["modules.alias"] += "alias fs-overlay overlay\nalias pci:v00001AF4d*sv* virtio_pci\nalias pci:v00001AF4d00001000sv* virtio_net\n" +
		"alias fs-squashfs squashfs\nalias gone-* gone\n"
	files["modules.builtin.modinfo"] = "ext4.alias=fs-ext4\x00"
	return files
}

func TestResolveAsks(t *testing.T) {
	x := open(t, askFiles())
	mp := new(Modprobe)
	if err := mp.parse("m", []byte("alias rootfs-* squashfs\nblacklist virtio_pci\nblacklist overlay\noptions erofs a=1\noptions erofs b=2\n")); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		asks, order, builtin string
		mp                   *Modprobe
	}{
		{"virtio_p*", "virtio virtio_ring virtio_pci", "", nil},
		{"virtio-[bm]*", "virtio virtio_ring virtio_blk virtio_mmio", "", nil},
		{"e*4", "", "ext4", nil},
		{"fs-overlay", "overlay", "", nil},
		{"fs_overlay", "overlay", "", nil},
		{"fs-ext4", "", "ext4", nil},
		{"fs-*", "overlay squashfs", "ext4", nil},
		{"pci:v00001AF4d00001001sv00", "virtio virtio_ring virtio_pci", "", nil},
		{"pci:v00001AF4d00001000sv00", "virtio virtio_ring virtio_pci failover net_failover virtio_net", "", nil},
		{"pci:v00001AF4d00001000sv00", "virtio virtio_ring failover net_failover virtio_net", "", mp},
		{"rootfs-x", "squashfs", "", mp},
		{"virtio_p* -virtio_pci", "", "", nil},
		{"virtio_* -virtio_net -virtio_[pm]*", "virtio virtio_ring virtio_blk", "", nil},
		{"overlay@ squashfs@ -overlay", "squashfs", "", nil},
		{"overlay", "overlay", "", mp},
		{"erofs -crc32c_generic", "libcrc32c erofs", "", nil},
		{"ext4@ squashfs -ext4", "squashfs", "", nil},
	}
	for _, tt := range tests {
		plan, err := x.Resolve(asksOf(tt.asks), tt.mp)
		if err != nil {
			t.Errorf("Resolve(%s) = %v", tt.asks, err)
			continue
		}
		if got := loadOrder(plan); got != tt.order {
			t.Errorf("Resolve(%s) loads %q, want %q", tt.asks, got, tt.order)
		}
		if got := strings.Join(plan.Builtin, " "); got != tt.builtin {
			t.Errorf("Resolve(%s) has %q built in, want %q", tt.asks, got, tt.builtin)
		}
		checkOrder(t, x, plan)
	}
	plan, err := x.Resolve(asksOf("erofs"), mp)
	if last := plan.Modules[len(plan.Modules)-1]; err != nil || last.Params != "a=1 b=2" {
		t.Errorf("Resolve(erofs) = %+v, %v, want both options", last, err)
	}
}

func TestResolveAsksErrors(t *testing.T) {
	x := open(t, askFiles())
	mp := new(Modprobe)
	if err := mp.parse("m.conf", []byte("\nblacklist overlay\ninstall squashfs /bin/false\n")); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		asks, want string
		mp         *Modprobe
	}{
		{"virtoi_*", `has no module or alias like virtoi_*, neither in`, nil},
		{"virtoi_*", `did you mean "virtio_*"?`, nil},
		{"zz*", "leave it out, or give the modules folder", nil},
		{"fs-overlya", `did you mean "fs_overlay"?`, nil},
		{"pci:v00008086d0", "has no module with the alias pci:v00008086d0", nil},
		{"gone-x", "has no module gone-x", nil},
		{"squashfs -overlya", `-modules: -overlya: kernel 6.1.0-test has no module overlya`, nil},
		{"squashfs -overlya", `did you mean "overlay"?`, nil},
		{"squashfs -zz*", "no module or alias like zz*", nil},
		{"virtio_net -failover", "-modules: module virtio_net needs failover, which -failover leaves out; leave out neither or virtio_net too", nil},
		{"virtio_net@ -virtio", "-vmm qemu: module virtio_net needs virtio, which -virtio leaves out", nil},
		{"overlay -over*", "overlay is asked for and left out (-over*); say one of the two", nil},
		{"fs-overlay", "-modules: fs-overlay is module overlay alone, which m.conf:2 blacklists", mp},
		{"squashfs", "-modules: m.conf:3 has an install command for module squashfs", mp},
	}
	for _, tt := range tests {
		_, err := x.Resolve(asksOf(tt.asks), tt.mp)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("Resolve(%s) = %v, want an error with %q", tt.asks, err, tt.want)
		}
	}
}

// A soft or weak dependency on what needs the module itself is loaded after it.
func TestResolveSoft(t *testing.T) {
	tests := []struct{ name, dep, soft, weak, ask, order string }{
		{"weak", "a.ko:\nb.ko:\n", "", "weakdep a b gone\n", "a", "b a"},
		{"needs the module", "a.ko:\nb.ko: a.ko\n", "softdep a pre: b\n", "", "a", "a b"},
		{"weak, needs the module", "a.ko:\nb.ko: a.ko\n", "", "weakdep a b\n", "a", "a b"},
		{"needs an outer one", "a.ko: b.ko\nb.ko:\nc.ko: a.ko\n", "softdep b post: c\n", "", "a", "b a c"},
		{"left out", "a.ko:\nb.ko:\n", "softdep a pre: b\n", "", "a -b", "a"},
		{"needs one left out", "a.ko:\nb.ko: c.ko\nc.ko:\n", "softdep a post: b\n", "weakdep a b\n", "a -c", "a"},
	}
	for _, tt := range tests {
		x := open(t, map[string]string{"modules.dep": tt.dep, "modules.softdep": tt.soft, "modules.weakdep": tt.weak})
		plan, err := x.Resolve(asksOf(tt.ask), nil)
		if got := loadOrder(plan); got != tt.order || err != nil {
			t.Errorf("%s: Resolve(%s) = %q, %v, want %q", tt.name, tt.ask, got, err, tt.order)
		}
		checkOrder(t, x, plan)
	}
}
