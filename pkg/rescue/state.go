package rescue

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/kguest/kguest/pkg/block"
	"github.com/kguest/kguest/pkg/dirnames"
	"github.com/kguest/kguest/pkg/kmod"
	"github.com/kguest/kguest/pkg/mount"
	"github.com/kguest/kguest/pkg/netconf"
)

// Config says where the state of a machine is read.
type Config struct {
	Sys     string // mount point of sysfs
	Dev     string // of devtmpfs
	Mounts  string // mountinfo
	Release string // file with the kernel's release
	Order   string // of the image's modules; see kmod.ReadOrder
	Aliases string // which of the kernel's modules are for which devices; see kmod.Drivers
}

// State is what a machine is like. Errors are about what could not be read.
type State struct {
	Kernel     string        `json:"kernel"`
	Disks      []Disk        `json:"disks"`
	Mounts     []Mount       `json:"mounts"`
	Network    netconf.State `json:"network"`
	Driverless []string      `json:"driverless"` // devices without a driver: bus, name, modalias, and the module, if known
	Errors     []string      `json:"errors"`
}

// Disk is one block device.
type Disk struct {
	Name       string `json:"name"`
	Bytes      uint64 `json:"bytes"`
	FileSystem string `json:"fileSystem"` // empty where none is known
	Label      string `json:"label"`
	Serial     string `json:"serial"`
}

// Mount is one mount.
type Mount struct {
	Target  string `json:"target"`
	Source  string `json:"source"`
	Type    string `json:"type"`
	Options string `json:"options"`
}

// Read reads the state.
func (c Config) Read() State {
	s := State{Disks: c.disks(), Mounts: []Mount{}, Driverless: c.driverless(), Errors: []string{}}
	release, err := os.ReadFile(c.Release)
	s.fail(err)
	s.Kernel = strings.TrimSpace(string(release))
	table, err := mount.ReadTable(c.Mounts)
	s.fail(err)
	for _, e := range table {
		s.Mounts = append(s.Mounts, Mount{Target: e.Target, Source: e.Source, Type: e.FSType, Options: e.Options})
	}
	s.Network, err = netconf.Read()
	s.fail(err)
	return s
}

func (s *State) fail(err error) {
	if err != nil {
		s.Errors = append(s.Errors, err.Error())
	}
}

func (c Config) disks() []Disk {
	tree := block.Tree{Sys: c.Sys, Dev: c.Dev}
	disks := []Disk{}
	for _, name := range tree.Names() {
		d := Disk{Name: name, Serial: tree.Serial(name)}
		const sector = 512
		if n, err := strconv.ParseUint(attribute(filepath.Join(c.Sys, "class/block", name, "size")), 10, 54); err == nil {
			d.Bytes = n * sector
		}
		if super, err := block.ReadSuper(filepath.Join(c.Dev, strings.ReplaceAll(name, "!", "/"))); err == nil {
			d.FileSystem, d.Label = super.FSType, super.Label
		}
		disks = append(disks, d)
	}
	return disks
}

func attribute(path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

// buses are those on which the devices of a guest are.
func buses() []string { return []string{"pci", "virtio", "xen"} }

// driverless returns the devices that a module would have taken, was it loaded.
func (c Config) driverless() []string {
	list := []string{}
	table, _ := os.ReadFile(c.Aliases) // without it modules are not named
	for _, bus := range buses() {
		dir := filepath.Join(c.Sys, "bus", bus, "devices")
		names, _ := dirnames.Read(dir) // none: no such bus
		for _, name := range names {
			device := filepath.Join(dir, name)
			if _, err := os.Stat(filepath.Join(device, "driver")); err == nil || isBridge(attribute(filepath.Join(device, "class"))) {
				continue
			}
			if alias := attribute(filepath.Join(device, "modalias")); alias != "" {
				list = append(list, bus+" "+name+" "+alias+c.driver(table, alias))
			}
		}
	}
	return list
}

// driver says which module would drive a device of that alias, and where it is.
func (c Config) driver(table []byte, alias string) string {
	if len(table) == 0 {
		return ""
	}
	names := kmod.Drivers(table, alias)
	if len(names) == 0 {
		return ": the kernel has no module for it"
	}
	order, _ := kmod.ReadOrder(c.Order) // one that cannot be read is as none
	for _, m := range order {
		if name := kmod.Name(m.File); slices.Contains(names, name) {
			return ": module " + name + " is in the image and not loaded, or does not take it (kmount modules)"
		}
	}
	return ": module " + names[0] + " is not in the image (build -modules " + names[0] + ")"
}

// isBridge reports the class of a PCI bridge, which mostly needs no driver.
func isBridge(class string) bool { return strings.HasPrefix(class, "0x06") }

// Lines tells s to a person.
func (s State) Lines() []string {
	var lines []string
	for _, d := range s.Disks {
		lines = append(lines, d.line())
	}
	if len(s.Disks) == 0 {
		lines = append(lines, "disk: none")
	}
	for _, m := range s.Mounts {
		if isKernels(m.Type) {
			continue
		}
		lines = append(lines, fmt.Sprintf("mount: %s %s on %s (%s)", m.Type, m.Source, m.Target, m.Options))
	}
	for _, l := range s.Network.Links {
		state := "down"
		if l.Up {
			state = "up"
		}
		words := []string{"link:", l.Name, state}
		for _, a := range l.Addresses {
			words = append(words, a.String())
		}
		lines = append(lines, strings.Join(words, " "))
	}
	for _, d := range s.Driverless {
		lines = append(lines, "no driver: "+d)
	}
	for _, e := range s.Errors {
		lines = append(lines, "not known: "+e)
	}
	return lines
}

// isKernels reports a file system of the kernel's own, which a person has no
// need to see.
func isKernels(fsType string) bool {
	switch fsType {
	case "rootfs", "proc", "sysfs", "cgroup2", "devtmpfs", "devpts", "mqueue":
		return true
	}
	return false
}

func (d Disk) line() string {
	line := "disk: " + d.Name + " " + strconv.FormatUint(d.Bytes, 10) + " bytes, "
	if d.FileSystem == "" {
		return line + "no known file system"
	}
	line += d.FileSystem
	if d.Label != "" {
		line += " label:" + d.Label
	}
	if d.Serial != "" {
		line += " serial:" + d.Serial
	}
	return line
}
