package boot

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"github.com/kguest/kguest/pkg/launch"
	"github.com/kguest/kguest/pkg/pack"
	"github.com/kguest/kguest/pkg/vm"
)

// disks returns the image's disk and the configuration's: those in the folder
// that was asked for, or those that it makes of the source.
func (m *maker) disks(ctx context.Context) (image, conf string, err error) {
	info, err := os.Stat(m.target)
	if err != nil || !info.IsDir() {
		return m.packSource(ctx)
	}
	format, ok := formatOf(m.target)
	if !ok {
		return "", "", fmt.Errorf("%s: a folder without image.squashfs and config.squashfs; dir:%[1]s boots it as the root of a file system", m.target)
	}
	conf, err = m.changeConfig(ctx, filepath.Join(m.target, "config."+format), format)
	return filepath.Join(m.target, "image."+format), conf, err
}

// formatOf returns the format of the disks in dir: of two the one that was packed
// last.
func formatOf(dir string) (format string, ok bool) {
	var last time.Time
	for _, f := range []string{pack.Squashfs, pack.Erofs} {
		conf := filepath.Join(dir, "config."+f)
		if !isFile(filepath.Join(dir, "image."+f)) || !isFile(conf) {
			continue
		}
		info, err := os.Stat(conf)
		if err == nil && (!ok || info.ModTime().After(last)) {
			format, ok, last = f, true, info.ModTime()
		}
	}
	return format, ok
}

func (m *maker) packSource(ctx context.Context) (image, conf string, err error) {
	c, err := m.launchConfig(launch.Config{})
	if err != nil {
		return "", "", err
	}
	r, err := pack.Pack(ctx, pack.Request{
		Source: m.target, Dir: m.work.Path, Format: pack.AnyFormat(), Launch: c, Cache: filepath.Join(m.cache, "packed"),
		ReadOnly: !m.prints(), Progress: m.progress,
	})
	if err != nil {
		return "", "", err
	}
	for _, w := range r.Warnings {
		m.warn(w)
	}
	return r.Image, r.Config, nil
}

// launchConfig returns base with what the flags say, and with the hypervisor's
// network and this terminal's type where nobody says another.
func (m *maker) launchConfig(base launch.Config) (launch.Config, error) {
	c, warnings, err := m.launch.Over(base, m.command)
	if err != nil {
		return c, err
	}
	for _, w := range warnings {
		m.warn(w.Error())
	}
	if c.Network == nil && m.net == vm.NetUser && !m.xen && !m.firecracker {
		c.Network = userNetwork()
	}
	if term := os.Getenv("TERM"); m.tty && term != "" && c.Env["TERM"] == "" {
		env := map[string]string{"TERM": term}
		maps.Copy(env, c.Env)
		c.Env = env
	}
	return c, nil
}

// userNetwork is the guest's place in QEMU's own network (-netdev user). The
// addresses are QEMU's defaults.
func userNetwork() *launch.Network {
	return &launch.Network{
		Link:     "eth0",
		IPv4:     &launch.IP{Address: netip.MustParsePrefix("10.0.2.15/24"), Gateway: netip.MustParseAddr("10.0.2.2")},
		IPv6:     &launch.IP{Address: netip.MustParsePrefix("fec0::15/64"), Gateway: netip.MustParseAddr("fec0::2")},
		Resolver: launch.Resolver{Nameservers: []netip.Addr{netip.MustParseAddr("10.0.2.3")}},
	}
}

// changeConfig returns the configuration disk conf or, where that is to say
// something else, a changed copy.
func (m *maker) changeConfig(ctx context.Context, conf, format string) (string, error) {
	disk, err := pack.ReadConfig(ctx, conf, format)
	switch {
	case err != nil && (m.command != nil || m.launch.Given()):
		return "", fmt.Errorf("%s: change it: %w; or give the flags and the command to pack", conf, err)
	case err != nil:
		if len(m.publish) > 0 {
			m.warn(fmt.Sprintf("%s is taken as it is, without QEMU's network where it has none: %v", conf, err))
		}
		return conf, nil
	}
	base, _, err := launch.Decode(disk.Launch)
	if err != nil {
		return "", fmt.Errorf("%s: launch.json: %w", conf, err)
	}
	c, err := m.launchConfig(*base)
	if err != nil {
		return "", err
	}
	if disk.Launch, err = pack.Launch(&c); err != nil {
		return "", fmt.Errorf("launch.json: %w", err)
	}
	out := filepath.Join(m.work.Path, "config."+format)
	return out, disk.Write(ctx, out)
}
