package kmod

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// qemuUses is what an image for QEMU says, with a module of each use.
const qemuUses = `needed virtio_ring -
needed virtio virtio_ring
needed virtio_pci_modern_dev -
device virtio_pci virtio,virtio_ring,virtio_pci_modern_dev pci:v00001AF4d*sv*sd*bc*sc*i*
device virtio_mmio virtio of:N*T*Cvirtio,mmioC* acpi*:LNRO0005:*
device virtio_blk virtio,virtio_ring virtio:d00000002v*
device xen_blkfront - xen:vbd
needed net_failover -
network virtio_net virtio,net_failover virtio:d00000001v*
always dummy -
mount squashfs - fs-squashfs
needed libcrc32c -
mount erofs libcrc32c fs-erofs
mount overlay - fs-overlay
`

// fakeImage has the modules of uses, and devices by their path below /sys/bus.
type fakeImage struct {
	dir    string
	params map[string]string
	loaded []string
	effect func(name string) error // of a module, when it is loaded
}

func newFake(t *testing.T) *fakeImage {
	t.Helper()
	f := &fakeImage{dir: t.TempDir()}
	f.effect = func(string) error { return nil }
	return f
}

// TestWithoutModules: an image without a list of modules, or with an empty one, has a
// nil Loader, which loads nothing.
func TestWithoutModules(t *testing.T) {
	f := newFake(t)
	f.write(t, "empty", "")
	for _, order := range []string{"none", "empty"} {
		l, err := Files{Order: f.dir + "/" + order, Uses: f.dir + "/none", Sys: f.dir}.Open(Module.Load)
		if l != nil || err != nil || l.All() != nil || l.Has("squashfs") {
			t.Errorf("Open of %s = %v, %v, want a nil loader", order, l, err)
		}
	}
	if l, err := (Files{Order: f.dir}).Open(Module.Load); l != nil || err == nil {
		t.Errorf("Open of a directory = %v, %v, want an error", l, err)
	}
}

// open opens a loader for uses; "" stands for no file.
func (f *fakeImage) open(t *testing.T, uses string) *Loader {
	t.Helper()
	var order strings.Builder
	for line := range strings.Lines(qemuUses) {
		name := strings.Fields(line)[1]
		fmt.Fprintln(&order, strings.TrimSpace("/m/"+strings.ReplaceAll(name, "_", "-")+".ko "+f.params[name]))
	}
	f.write(t, "order", order.String())
	files := Files{Order: f.dir + "/order", Uses: f.dir + "/uses", Sys: f.dir + "/sys"}
	if uses != "" {
		f.write(t, "uses", uses)
	}
	l, err := files.Open(func(m Module) error {
		f.loaded = append(f.loaded, Name(m.File))
		return f.effect(Name(m.File))
	})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func (f *fakeImage) write(t *testing.T, name, text string) {
	t.Helper()
	path := filepath.Join(f.dir, name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o600)); err != nil {
		t.Fatal(err)
	}
}

func (f *fakeImage) device(t *testing.T, bus, name, alias string) {
	t.Helper()
	f.write(t, filepath.Join("sys/bus", bus, "devices", name, "modalias"), alias+"\n")
}

// want checks what has been loaded since the last call, in order.
func (f *fakeImage) want(t *testing.T, after, want string, errs []error) {
	t.Helper()
	if got := strings.Join(f.loaded, " "); got != want || len(errs) > 0 {
		t.Errorf("%s loaded %q, %v, want %q", after, got, errs, want)
	}
	f.loaded = nil
}

// TestLoaderQ35: drivers make devices appear, which have drivers of their own.
func TestLoaderQ35(t *testing.T) {
	f := newFake(t)
	f.device(t, "pci", "0000:00:00.0", "pci:v00008086d000029C0sv00001AF4sd00001100bc06sc00i00")
	f.device(t, "pci", "0000:00:03.0", "pci:v00001AF4d00001001sv00001AF4sd00000002bc01sc00i00")
	f.effect = func(name string) error {
		if name == "virtio_pci" {
			f.device(t, "virtio", "virtio0", "virtio:d00000002v00001AF4")
			f.device(t, "virtio", "virtio1", "virtio:d00000001v00001AF4")
		}
		return nil
	}
	l := f.open(t, qemuUses)
	f.want(t, "Always", "dummy", l.Always())
	f.want(t, "Devices", "virtio_ring virtio virtio_pci_modern_dev virtio_pci virtio_blk", l.Devices(Device))
	f.want(t, "Devices again", "", l.Devices(Device))
	f.want(t, "Devices(Network)", "net_failover virtio_net", l.Devices(Network))
	for fsType, want := range map[string]bool{"squashfs": true, "erofs": true, "ext4": false} {
		if got := l.Has(fsType); got != want {
			t.Errorf("Has(%s) = %v, want %v", fsType, got, want)
		}
	}
	f.want(t, "FileSystem(squashfs)", "squashfs", l.FileSystem("squashfs"))
	if l.Has("squashfs") {
		t.Error("Has(squashfs) once it was loaded")
	}
	f.want(t, "FileSystem(erofs)", "libcrc32c erofs", l.FileSystem("erofs"))
	f.want(t, "FileSystem(ext4)", "", l.FileSystem("ext4"))
	f.want(t, "All", "virtio_mmio xen_blkfront overlay", l.All())
}

// TestLoaderMicroVM has the disk come later than the drivers.
func TestLoaderMicroVM(t *testing.T) {
	for _, alias := range []string{"acpi:LNRO0005:", "of:Nvirtio_mmioT(null)Cvirtio,mmio", "of:Nvirtio_mmioT(null)Cvirtio,mmioCx"} {
		f := newFake(t)
		f.device(t, "platform", "virtio-mmio.0", alias)
		uses := strings.Replace(qemuUses, "Cvirtio,mmioC*", "Cvirtio,mmioC* of:N*T*Cvirtio,mmio", 1)
		l := f.open(t, uses)
		f.want(t, alias, "virtio_ring virtio virtio_mmio", l.Devices(Device))
		f.device(t, "virtio", "virtio3", "virtio:d00000002v554D4551")
		f.want(t, "a late disk", "virtio_blk", l.Devices(Device))
	}
}

func TestLoaderXen(t *testing.T) {
	f := newFake(t)
	f.device(t, "xen", "vbd-51712", "xen:vbd")
	f.want(t, "Xen's disk", "xen_blkfront", f.open(t, qemuUses).Devices(Device))
}

// TestLoaderBare: without a word on their uses, or with parameters, modules are
// loaded whatever is there.
func TestLoaderBare(t *testing.T) {
	f := newFake(t)
	f.want(t, "Always without uses", strings.Join(allNames(), " "), f.open(t, "").Always())
	f = newFake(t)
	f.params = map[string]string{"virtio_net": "napi_weight=1", "virtio_ring": "x=1"}
	f.want(t, "Always with parameters", "virtio_ring virtio net_failover virtio_net dummy", f.open(t, qemuUses).Always())
	f = newFake(t)
	f.want(t, "Always with one module untold", "dummy overlay", f.open(t, strings.Replace(qemuUses, "mount overlay - fs-overlay\n", "", 1)).Always())
}

func allNames() []string {
	var names []string
	for line := range strings.Lines(qemuUses) {
		names = append(names, strings.Fields(line)[1])
	}
	return names
}

// TestLoaderFails: a module that cannot be loaded is said once, and the others
// go on.
func TestLoaderFails(t *testing.T) {
	f := newFake(t)
	f.device(t, "xen", "vbd-51712", "xen:vbd")
	l := f.open(t, qemuUses)
	f.effect = func(string) error { return os.ErrPermission }
	if errs := l.Devices(Device); len(errs) != 1 {
		t.Errorf("Devices = %v, want one error", errs)
	}
	f.want(t, "Devices after an error", "xen_blkfront", l.Devices(Device))
}

// TestLoaderNil: an image without modules.
func TestLoaderNil(t *testing.T) {
	var l *Loader
	if errs := append(append(l.All(), l.Always()...), append(l.Devices(Device), l.FileSystem("ext4")...)...); len(errs) > 0 {
		t.Errorf("without modules: %v", errs)
	}
	if l.Has("squashfs") {
		t.Error("without modules: Has(squashfs)")
	}
}

func TestReadUses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "uses")
	for _, text := range []string{"sometimes a -\n", "always a\n", "always\n", "\x00"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if uses, err := readUses(path); err == nil || strings.Contains(err.Error(), "\n") {
			t.Errorf("readUses of %q = %v, %v, want an error of one line", text, uses, err)
		}
	}
}

func TestMatches(t *testing.T) {
	tests := []struct {
		pattern, alias string
		want           bool
	}{
		{"pci:v00001AF4d*sv*sd*bc*sc*i*", "pci:v00001AF4d00001001sv00001AF4sd00000002bc01sc00i00", true},
		{"pci:v00001AF4d*sv*sd*bc*sc*i*", "pci:v00008086d00001001sv00001AF4sd00000002bc01sc00i00", false},
		{"xen:vbd", "xen:vbd", true},
		{"xen:vbd", "xen:vbd2", false},
		{"xen:vbd2", "xen:vbd", false},
		{"a?c", "abc", true},
		{"a?c", "ac", false},
		{"*", "", true},
		{"**a", "a", true},
		{"", "a", false},
		{"a[b-dx]e", "ace", true},
		{"a[b-dx]e", "axe", true},
		{"a[b-dx]e", "aee", false},
		{"a[b", "a[b", true},
		{"[]", "x", false},
	}
	for _, tt := range tests {
		if got := matches(tt.pattern, tt.alias); got != tt.want {
			t.Errorf("matches(%q, %q) = %t, want %t", tt.pattern, tt.alias, got, tt.want)
		}
	}
}
