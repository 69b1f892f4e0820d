package rig

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"

	"github.com/kguest/kguest/pkg/pack"
)

// busybox is Debian's busybox-static.
const busybox = "/bin/busybox"

// Guest is what the config disk says beyond what is always there.
type Guest struct {
	Arguments []string          // of the workload
	Env       map[string]string // of launch.json
}

// packImage makes the image disk.
func (r *Rig) packImage(ctx context.Context) error {
	root := r.in("root")
	if err := r.fillRoot(ctx, root); err != nil {
		return err
	}
	return pack.Image(ctx, root, r.in("image"), pack.Options{Compression: r.Compression})
}

// Bare makes an image disk with programs and nothing else, and returns its path.
func (r *Rig) Bare(ctx context.Context) (string, error) {
	root, out := r.in("bare-root"), r.in("bare-image")
	if err := r.fillRoot(ctx, root); err != nil {
		return "", err
	}
	entries, err := os.ReadDir(root)
	for _, e := range entries {
		if e.Name() != "bin" {
			err = errors.Join(err, os.RemoveAll(filepath.Join(root, e.Name())))
		}
	}
	if err != nil {
		return "", fmt.Errorf("pack image: %w", err)
	}
	return out, pack.Image(ctx, root, out, pack.Options{Compression: r.Compression})
}

// fillRoot puts busybox and the workload into root.
func (r *Rig) fillRoot(ctx context.Context, root string) error {
	if err := pack.BusyboxRoot(ctx, busybox, root); err != nil {
		return err
	}
	if err := os.Link(r.in("workload"), filepath.Join(root, "bin/workload")); err != nil {
		return fmt.Errorf("pack image: %w", err)
	}
	return nil
}

// The order of fields is that in which guest/init.c wants them.
type imageConfig struct {
	Architecture string `json:"architecture"`
	OS           string `json:"os"`
	RootFS       rootFS `json:"rootfs"`
	Config       struct {
		Cmd        []string
		Entrypoint []string
		Env        []string
	} `json:"config"`
}

type rootFS struct {
	Type    string   `json:"type"`
	DiffIDs []string `json:"diff_ids"`
}

type launchConfig struct {
	Hostname string            `json:"hostname"`
	Network  network           `json:"network"`
	Env      map[string]string `json:"env"`
}

type network struct {
	Link     string   `json:"link"`
	IPv4     address  `json:"ipv4"`
	IPv6     address  `json:"ipv6"`
	Resolver resolver `json:"resolver"`
}

type address struct {
	Address string `json:"address"`
	Gateway string `json:"gateway"`
}

type resolver struct {
	Nameservers []string `json:"nameservers"`
}

// Config makes the config disk of g and returns its path.
func (r *Rig) Config(ctx context.Context, g Guest) (string, error) {
	dir, err := os.MkdirTemp(r.dir, "config-*")
	if err != nil {
		return "", fmt.Errorf("pack config: %w", err)
	}
	out := filepath.Join(dir, "config")
	return out, r.packConfig(ctx, out, g)
}

// packConfig makes the config disk out.
func (r *Rig) packConfig(ctx context.Context, out string, g Guest) error {
	image := imageConfig{Architecture: "amd64", OS: "linux", RootFS: rootFS{"layers", []string{}}}
	image.Config.Entrypoint = []string{"/bin/workload"}
	image.Config.Cmd = append([]string{}, g.Arguments...)
	image.Config.Env = []string{"PATH=/bin:/sbin", "LANG=C.UTF-8"}
	env := map[string]string{"BENCH": "1"}
	maps.Copy(env, g.Env)
	launch := launchConfig{
		Hostname: "bench", Env: env,
		Network: network{
			Link: "eth0", IPv4: address{"10.0.2.15/24", "10.0.2.2"}, IPv6: address{"fec0::15/64", "fec0::2"},
			Resolver: resolver{[]string{"10.0.2.3"}},
		},
	}
	a, errA := json.Marshal(image)
	b, errB := json.Marshal(launch)
	if err := errors.Join(errA, errB); err != nil {
		return fmt.Errorf("pack config: %w", err)
	}
	return pack.ConfigDisk{Format: pack.Squashfs, Compression: r.Compression, Image: a, Launch: b}.Write(ctx, out)
}

// Image makes an image disk of the rig's own and what add puts into its root,
// not compressed, and returns its path.
func (r *Rig) Image(ctx context.Context, add func(root string) error) (string, error) {
	root, err := os.MkdirTemp(r.dir, "root-*")
	if err != nil {
		return "", fmt.Errorf("pack image: %w", err)
	}
	defer os.RemoveAll(root) //nolint:errcheck // the folder goes too
	if err := r.fillRoot(ctx, root); err != nil {
		return "", err
	}
	if err := add(root); err != nil {
		return "", fmt.Errorf("pack image: %w", err)
	}
	out := root + ".image"
	return out, pack.Image(ctx, root, out, pack.Options{Compression: "none"})
}
