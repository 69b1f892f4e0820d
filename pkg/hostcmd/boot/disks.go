package boot

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/kguest/kguest/pkg/hostcmd/verb"
	"github.com/kguest/kguest/pkg/launch"
	"github.com/kguest/kguest/pkg/pack"
	"github.com/kguest/kguest/pkg/vm"
)

// disks returns the image's disk and the configuration's: those in the folder
// that was asked for, or those that it makes of the source, in dir.
func (o *options) disks(ctx context.Context, s verb.Streams, progress func(string), dir string, command []string) (image, conf string, err error) {
	info, err := os.Stat(o.target)
	if err != nil || !info.IsDir() {
		return o.packSource(ctx, s, progress, dir, command)
	}
	for _, format := range []string{pack.Squashfs, pack.Erofs} {
		image, conf = filepath.Join(o.target, "image."+format), filepath.Join(o.target, "config."+format)
		if isFile(image) && isFile(conf) {
			conf, err = o.changeConfig(ctx, s, dir, conf, command)
			return image, conf, err
		}
	}
	return "", "", fmt.Errorf("%s: a folder without image.squashfs and config.squashfs; dir:%[1]s boots it as the root of a file system", o.target)
}

func (o *options) packSource(ctx context.Context, s verb.Streams, progress func(string), dir string, command []string) (image, conf string, err error) {
	c, err := o.launchConfig(s, launch.Config{}, command)
	if err != nil {
		return "", "", err
	}
	cache, err := cacheFolder()
	if err != nil {
		return "", "", err
	}
	r, err := pack.Pack(ctx, pack.Request{
		Source: o.target, Dir: dir, Launch: c, Cache: filepath.Join(cache, "packed"), Progress: progress,
	})
	if err != nil {
		return "", "", err
	}
	progress("")
	for _, w := range r.Warnings {
		warn(s.Stderr, w)
	}
	return r.Image, r.Config, nil
}

// launchConfig returns base with what the flags say, and with the hypervisor's
// network and this terminal's type where nobody says another.
func (o *options) launchConfig(s verb.Streams, base launch.Config, command []string) (launch.Config, error) {
	c, warnings, err := o.launch.Over(base, command)
	if err != nil {
		return c, err
	}
	for _, w := range warnings {
		warn(s.Stderr, w.Error())
	}
	if c.Network == nil && o.net == vm.NetUser && !o.xen && !o.firecracker {
		c.Network = userNetwork()
	}
	if term := os.Getenv("TERM"); o.tty && term != "" && c.Env["TERM"] == "" {
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
// something else, a changed copy in dir.
func (o *options) changeConfig(ctx context.Context, s verb.Streams, dir, conf string, command []string) (string, error) {
	image, launched, err := readConfigDisk(ctx, conf)
	switch {
	case err != nil && (command != nil || o.launch.Given()):
		return "", fmt.Errorf("%s: change it: %w; or give the flags and the command to pack", conf, err)
	case err != nil:
		if len(o.publish) > 0 {
			warn(s.Stderr, fmt.Sprintf("%s is taken as it is, without QEMU's network where it has none: %v", conf, err))
		}
		return conf, nil
	}
	base, _, err := launch.Decode(launched)
	if err != nil {
		return "", fmt.Errorf("%s: launch.json: %w", conf, err)
	}
	c, err := o.launchConfig(s, *base, command)
	if err != nil {
		return "", err
	}
	text, err := pack.Launch(&c)
	if err != nil {
		return "", fmt.Errorf("launch.json: %w", err)
	}
	out := filepath.Join(dir, "config.squashfs")
	return out, pack.Config(ctx, out, image, text)
}

// readConfigDisk returns the two files of a configuration disk, which unsquashfs
// can read.
func readConfigDisk(ctx context.Context, conf string) (image, launched []byte, err error) {
	for _, f := range []struct {
		name string
		to   *[]byte
	}{{"image/config.json", &image}, {"launch.json", &launched}} {
		*f.to, err = exec.CommandContext(ctx, "unsquashfs", "-cat", conf, f.name).Output()
		if err != nil {
			return nil, nil, fmt.Errorf("unsquashfs (Debian package squashfs-tools): %w", err)
		}
	}
	return image, launched, nil
}
