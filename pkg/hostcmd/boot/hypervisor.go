package boot

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/kguest/kguest/pkg/hostcmd/verb"
	"github.com/kguest/kguest/pkg/vm"
)

// errOtherDevices is why a configuration for another hypervisor is refused.
var errOtherDevices = errors.New("its disks and ports are not QEMU's")

// firecrackerCPUs is how many processors Firecracker takes.
const firecrackerCPUs = 32

// checkHypervisor refuses what another hypervisor than QEMU does not have.
func (o *options) checkHypervisor() error {
	switch {
	case len(o.publish) > 0 && o.xen:
		return verb.Usagef("-publish and -xen-config: %v", errOtherDevices)
	case len(o.publish) > 0 && o.firecracker:
		return verb.Usagef("-publish and -firecracker-config: %v", errOtherDevices)
	case o.firecracker && (o.cpus > firecrackerCPUs || o.cpus > 1 && o.cpus%2 == 1):
		return verb.Usagef("-cpus %d: Firecracker takes 1 or an even number, at most %d", o.cpus, firecrackerCPUs)
	}
	return nil
}

// printXen prints a configuration for xl create (xl.cfg(5)).
func (o *options) printXen(w io.Writer, c vm.Config) error {
	var b strings.Builder
	line := func(name string, value any) { fmt.Fprintf(&b, "%s = %v\n", name, value) }
	line("name", xenText(o.guestName()))
	line("type", xenText("pvh"))
	line("kernel", xenText(c.Kernel))
	line("ramdisk", xenText(c.Initramfs))
	line("extra", xenText(otherLine(o, "console=hvc0")))
	line("memory", o.memoryMiB)
	line("vcpus", o.cpus)
	b.WriteString("disk = [\n")
	for i, d := range c.Disks {
		access := "ro"
		if d.Writable {
			access = "rw"
		}
		fmt.Fprintf(&b, "    %s,\n", xenText(fmt.Sprintf("format=raw,vdev=xvd%c,access=%s,target=%s", 'a'+i, access, d.Path)))
	}
	b.WriteString("]\n")
	line("channel", "[ "+xenText("name=idm,connection=socket,path="+filepath.Join("/run", "kguest-"+o.guestName()+".sock"))+" ]")
	for _, event := range []string{"on_poweroff", "on_reboot", "on_crash"} {
		line(event, xenText("destroy"))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// xenText is a string of xl.cfg(5).
func xenText(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s) + "'"
}

func (o *options) guestName() string {
	if o.name != "" {
		return o.name
	}
	return folderName(o.target)
}

// otherLine is the kernel's command line under another hypervisor, after words.
func otherLine(o *options, words ...string) string {
	words = append(words, "panic=-1", "cryptomgr.notests", "random.trust_cpu=on")
	if !o.verbose {
		words = append(words, "quiet", "kinit.log=warn")
	}
	return strings.Join(append(words, o.append...), " ")
}

// firecracker is what -config-file of Firecracker reads.
type firecracker struct {
	BootSource struct {
		Kernel    string `json:"kernel_image_path"`
		Initramfs string `json:"initrd_path"`
		Args      string `json:"boot_args"`
	} `json:"boot-source"`
	Drives  []firecrackerDrive `json:"drives"`
	Machine struct {
		CPUs   int `json:"vcpu_count"`
		Memory int `json:"mem_size_mib"`
	} `json:"machine-config"`
}

type firecrackerDrive struct {
	ID       string `json:"drive_id"`
	Path     string `json:"path_on_host"`
	Root     bool   `json:"is_root_device"`
	ReadOnly bool   `json:"is_read_only"`
}

// printFirecracker prints a configuration for Firecracker.
func (o *options) printFirecracker(w io.Writer, c vm.Config) error {
	var f firecracker
	f.BootSource.Kernel, f.BootSource.Initramfs = c.Kernel, c.Initramfs
	f.BootSource.Args = otherLine(o, "console=ttyS0", "reboot=k", "pci=off", "kinit.end=reboot", "kinit.idm=none")
	f.Machine.CPUs, f.Machine.Memory = o.cpus, o.memoryMiB
	for i, d := range c.Disks {
		f.Drives = append(f.Drives, firecrackerDrive{ID: fmt.Sprintf("vd%c", 'a'+i), Path: d.Path, ReadOnly: !d.Writable})
	}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(f)
}
