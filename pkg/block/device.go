package block

import (
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/kguest/kguest/pkg/dirnames"
	"github.com/kguest/kguest/pkg/rawfile"
)

// Tree is where the kernel shows block devices: Sys is sysfs's mount point, Dev
// devtmpfs's.
type Tree struct {
	Sys string
	Dev string

	// Changed, which may be nil, is called while Wait waits, at first and when
	// devices may have come: it may load the driver of one.
	Changed func()
}

// Names returns the names of the disks and partitions, sorted by name. RAM
// disks and loop devices without a file are left out: the kernel makes them
// unasked.
func (t Tree) Names() []string {
	names, _ := dirnames.Read(filepath.Join(t.Sys, "class/block")) // none without sysfs
	return slices.DeleteFunc(names, func(name string) bool { return strings.HasPrefix(name, "ram") || t.size(name) == "0" })
}

// size is in sectors of 512 bytes, as sysfs writes it.
func (t Tree) size(name string) string {
	return t.attribute(name, "size")
}

// Serial returns the serial number of a device, empty where it has none:
// virtio's is an attribute of the disk, NVMe's and SCSI's of its device.
func (t Tree) Serial(name string) string {
	if s := t.attribute(name, "serial"); s != "" {
		return s
	}
	return t.attribute(name, "device/serial")
}

// maxAttribute is the most bytes of a file of sysfs (the kernel's PAGE_SIZE, at its largest).
const maxAttribute = 64 << 10

func (t Tree) attribute(name, attr string) string {
	b, err := rawfile.Read(t.Sys+"/class/block/"+name+"/"+attr, maxAttribute)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

// Ref names a device: a path, "serial:..." or "label:...", or several paths of
// which the first that exists is meant.
type Ref struct {
	Paths  []string
	Serial string
	Label  string
}

// ParseRef parses "/dev/...", "serial:..." and "label:...".
func ParseRef(s string) (Ref, error) {
	kind, value, ok := strings.Cut(s, ":")
	switch {
	case strings.HasPrefix(s, "/") && filepath.Clean(s) == s && s != "/":
		return Ref{Paths: []string{s}}, nil
	case ok && value != "" && kind == "serial":
		return Ref{Serial: value}, nil
	case ok && value != "" && kind == "label":
		return Ref{Label: value}, nil
	}
	return Ref{}, fmt.Errorf("%q: not a device: give /dev/NAME, serial:NUMBER or label:NAME", s)
}

func (r Ref) String() string {
	switch {
	case r.Serial != "":
		return "serial:" + r.Serial
	case r.Label != "":
		return "label:" + r.Label
	}
	return strings.Join(r.Paths, " or ")
}

// Find returns the path of the device r names. The error is fs.ErrNotExist
// while there is none, and another where waiting for it is of no use.
func (t Tree) Find(r Ref) (string, error) {
	for _, path := range r.Paths {
		there, isDevice, err := look(path)
		switch {
		case err != nil:
			return "", err
		case isDevice:
			return path, nil
		case there:
			return "", fmt.Errorf("%s: not a block device", path)
		}
	}
	if len(r.Paths) > 0 {
		return "", fs.ErrNotExist
	}
	for _, name := range t.Names() {
		path := filepath.Join(t.Dev, strings.ReplaceAll(name, "!", "/"))
		if r.Serial != "" && t.Serial(name) == r.Serial {
			return path, nil
		}
		if r.Label != "" && hasLabel(path, r.Label) {
			return path, nil
		}
	}
	return "", fs.ErrNotExist
}

func hasLabel(path, name string) bool {
	super, err := ReadSuper(path)
	return err == nil && super.Label == name
}
