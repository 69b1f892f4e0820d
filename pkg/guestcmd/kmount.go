package guestcmd

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/kguest/kguest/pkg/block"
	"github.com/kguest/kguest/pkg/boot"
	"github.com/kguest/kguest/pkg/kmod"
	"github.com/kguest/kguest/pkg/mount"
)

// Kmount is the command kmount.
var Kmount = Command{Name: "kmount", Page: kmountPage, Run: runKmount}

const kmountPage = `Kmount mounts what a guest is made of.

Synopsis:

	kmount [-n] [-image DEV] [-config DEV] [-timeout T]
	kmount [-n] kernel
	kmount [-n] modules [-needed]
	kmount [-n] images [-image DEV] [-config DEV] [-timeout T]
	kmount [-n] DEV DIR

Without an argument it does all of the boot's mounting: kernel, modules, images.

	kernel   /dev, /proc, /sys, /sys/fs/cgroup and what goes with them
	modules  loads every module of the initramfs; with -needed, and without an
	         argument, as the boot does: those of the devices that are there, while
	         a file system's come with its first mount
	images   the image on /image and its configuration on /config, read-only
	DEV DIR  the file system on DEV on DIR, read-only

A disk's file system is squashfs or, where that does not mount, what its
superblock says: erofs, ext4. What is mounted already is left as it is.

Options:

	-n           print the commands that would do the same, and change nothing
	-needed      only the modules that the machine needs
	-image DEV   disk with the image: /dev/NAME, serial:NUMBER or label:NAME
	             (default: that of kinit.image=, or /dev/xvda, else /dev/vda)
	-config DEV  disk with the configuration (default: that of kinit.config=, or
	             /dev/xvdb, else /dev/vdb)
	-timeout T   longest wait for a disk (default: that of kinit.timeout=, or 10s)

Exit status: 0, 1 when something could not be mounted, 2 for a wrong call.

Examples:

	kmount -n kernel
	kmount modules
	kmount images -image serial:root0 -config /dev/vdc
	kmount /dev/vdb /mnt
`

type kmount struct {
	env           *Env
	dryRun        bool
	needed        bool // modules alone
	image, config string
	timeout       time.Duration
	params        boot.Params
}

func runKmount(_ context.Context, env *Env) error {
	k := kmount{env: env, params: params(env)}
	fset := flagSet("kmount")
	fset.BoolVar(&k.dryRun, "n", false, "")
	fset.BoolVar(&k.needed, "needed", false, "")
	fset.StringVar(&k.image, "image", "", "")
	fset.StringVar(&k.config, "config", "", "")
	timeoutFlag(fset, &k.timeout, k.params)
	words, err := parseMixed(fset, env.Args)
	if err != nil {
		return err
	}
	switch {
	case len(words) == 0:
		k.needed = true
		return inOrder(k.kernel, k.modules, k.images)
	case len(words) == 1 && words[0] == "kernel":
		return k.kernel()
	case len(words) == 1 && words[0] == "modules":
		return k.modules()
	case len(words) == 1 && words[0] == "images":
		return k.images()
	case len(words) == 2:
		return k.disk(words[0], words[1])
	case len(words) == 1:
		return Usagef("%q: give kernel, modules, images, or a device and a directory", words[0])
	default:
		return Usagef("%q: one argument too many", words[2])
	}
}

// parseMixed parses flags that stand before, between or after the words, which
// it returns.
func parseMixed(fset *flag.FlagSet, args []string) (words []string, err error) {
	for {
		if err := parse(fset, args); err != nil {
			return nil, err
		}
		if fset.NArg() == 0 {
			return words, nil
		}
		words = append(words, fset.Arg(0))
		args = fset.Args()[1:]
	}
}

func inOrder(parts ...func() error) error {
	for _, part := range parts {
		if err := part(); err != nil {
			return err
		}
	}
	return nil
}

func (k *kmount) kernel() error {
	if k.dryRun {
		required, optional := boot.KernelMounts()
		k.show(required...)
		k.show(optional...)
		return nil
	}
	warnings, err := boot.MountKernel()
	return errors.Join(append(warnings, err)...)
}

func (k *kmount) modules() error {
	modules, err := modulesOf(k.env, k.dryRun)
	if !k.needed {
		return errors.Join(append(modules.All(), err)...)
	}
	return errors.Join(append(boot.LoadNeeded(modules), err)...)
}

// modulesOf returns the image's modules, each to be loaded, or only shown.
func modulesOf(env *Env, dryRun bool) (*kmod.Loader, error) {
	if !dryRun {
		return boot.Modules(kmod.Module.Load)
	}
	return boot.Modules(func(m kmod.Module) error {
		if !boot.ModuleLoaded(m.File) {
			fmt.Fprintln(env.Stdout, strings.TrimSpace("insmod "+mount.Quote(m.File)+" "+m.Params))
		}
		return nil
	})
}

func (k *kmount) images() error {
	image, config := k.params.Image, k.params.Config
	for _, d := range []struct {
		role, given string
		ref         *block.Ref
	}{
		{"image", k.image, &image},
		{"config", k.config, &config},
	} {
		if d.given == "" {
			continue
		}
		var err error
		if *d.ref, err = block.ParseRef(d.given); err != nil {
			return Usagef("-%s %v", d.role, err)
		}
	}
	return inOrder(
		func() error { return k.mountDisk("image", image, boot.ImagePath) },
		func() error { return k.mountDisk("config", config, boot.ConfigPath) },
	)
}

func (k *kmount) disk(dev, dir string) error {
	ref, err := block.ParseRef(dev)
	if err != nil {
		return Usagef("%v", err)
	}
	return k.mountDisk(dir, ref, dir)
}

func (k *kmount) mountDisk(role string, ref block.Ref, target string) error {
	if k.dryRun {
		return k.showDisk(ref, target)
	}
	modules, err := modulesOf(k.env, k.dryRun)
	return errors.Join(err, boot.MountDisk(modules, role, ref, target, k.timeout))
}

// showDisk prints the mount of a disk; of one that is not there yet the type is
// not known.
func (k *kmount) showDisk(ref block.Ref, target string) error {
	k.show(mount.Dir{Path: target})
	dev, err := boot.Devices().Find(ref)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		fmt.Fprintf(k.env.Stdout, "# waits for %s, up to %v\n", ref, k.timeout)
		k.show(mount.Spec{Source: ref.String(), Target: target, FSType: "auto", Flags: mount.ReadOnly})
		return nil
	case err != nil:
		return err
	}
	spec, err := boot.DiskSpec(dev, target)
	if err != nil {
		return err
	}
	k.show(spec)
	return nil
}

func (k *kmount) show(steps ...mount.Step) { show(k.env, steps) }

// show prints the steps that would change something.
func show[S fmt.Stringer](env *Env, steps []S) {
	for _, s := range steps {
		if d, ok := any(s).(interface{ Done() bool }); ok && d.Done() {
			continue
		}
		fmt.Fprintln(env.Stdout, s)
	}
}
