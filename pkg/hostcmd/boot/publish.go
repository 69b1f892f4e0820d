package boot

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strconv"
	"strings"

	"github.com/kguest/kguest/pkg/vm"
)

// addForward parses [IP:]PORT:PORT[/PROTOCOL].
func (o *options) addForward(value string) error {
	f := vm.Forward{Protocol: "tcp"}
	ports, protocol, ok := strings.Cut(value, "/")
	if ok {
		f.Protocol = protocol
	}
	fields := strings.Split(ports, ":")
	if len(fields) == 3 {
		ip, err := netip.ParseAddr(fields[0])
		if err != nil || !ip.Is4() {
			return errors.New("want an IPv4 address before the ports")
		}
		f.HostIP, fields = fields[0], fields[1:]
	}
	if len(fields) != 2 || f.Protocol != "tcp" && f.Protocol != "udp" {
		return errors.New("want HOSTPORT:GUESTPORT, such as 8080:80, 0.0.0.0:8080:80 or 5353:53/udp")
	}
	var err error
	if f.HostPort, err = port(fields[0]); err != nil {
		return err
	}
	f.GuestPort, err = port(fields[1])
	o.publish = append(o.publish, f)
	return err
}

func port(text string) (int, error) {
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil || n == 0 {
		return 0, fmt.Errorf("port %q: want 1 to 65535", text)
	}
	return int(n), nil
}

// addVolume parses FILE[:ro|:rw].
func (o *options) addVolume(value string) error {
	d := vm.Disk{Path: value, Writable: true}
	if path, ok := strings.CutSuffix(value, ":ro"); ok {
		d = vm.Disk{Path: path}
	} else if path, ok := strings.CutSuffix(value, ":rw"); ok {
		d.Path = path
	}
	info, err := os.Stat(d.Path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("no such file; `truncate -s 1G %s && mkfs.ext4 %[1]s` makes one", d.Path)
	case err != nil:
		return err
	case info.IsDir():
		return errors.New("a folder; want a disk image, or a block device")
	}
	o.volumes = append(o.volumes, d)
	return nil
}
