package rig

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"regexp"

	"github.com/kguest/kguest/initramfs"
	"github.com/kguest/kguest/initramfs/kconfig"
	"github.com/kguest/kguest/initramfs/modules"
	"github.com/kguest/kguest/pkg/hostcmd"
)

// needed are the modules that the rig's machine needs; what these depend on
// comes with them.
func needed() []modules.Ask {
	var asks []modules.Ask
	for _, name := range []string{"virtio_mmio", "virtio_blk", "virtio_net", "squashfs", "overlay"} {
		asks = append(asks, modules.Ask{Name: name, From: "rig"})
	}
	return asks
}

// Archive makes the initramfs of init and returns its path. Arguments are for
// mkinitramfs build, for Kguest alone.
func (r *Rig) Archive(ctx context.Context, init string, args ...string) (string, error) {
	out := r.in(init + ".cpio")
	switch init {
	case Kguest:
		return out, r.build(ctx, out, args)
	case Rescue:
		return out, r.build(ctx, out, append([]string{"-profile", "rescue"}, args...))
	case C:
		return out, r.writeArchive(out, r.cTree("init"), needed(), modules.CutSignatures)
	case SameC:
		return out, r.writeArchive(out, r.cTree("init"), needed(), modules.Cut)
	default:
		return out, r.writeArchive(out, r.scriptTree(""), needed(), modules.CutSignatures)
	}
}

// Marked makes the initramfs of C that puts a line into the kernel's log after
// each step, and loads each module that mkinitramfs's image for qemu has.
func (r *Rig) Marked() (string, error) {
	asks, err := modules.Preset("qemu", "rig")
	if err != nil {
		return "", err
	}
	out := r.in("marked.cpio")
	return out, r.writeArchive(out, r.cTree("init-marks"), asks, modules.Cut)
}

// MarkedScript makes the initramfs of Script that puts a line into the kernel's log
// after each step.
func (r *Rig) MarkedScript() (string, error) {
	out := r.in("marked-script.cpio")
	return out, r.writeArchive(out, r.scriptTree(`echo "bench: step $1" >/dev/kmsg`), needed(), modules.CutSignatures)
}

// build makes the image that this project is about: the minimal one for qemu.
func (r *Rig) build(ctx context.Context, out string, args []string) error {
	all := []string{"build", "-o", out, "-modules", "none"}
	if r.Modules != "" {
		all = []string{"build", "-o", out, "-modules-dir", r.Modules, "-vmm", "qemu"}
	}
	var words bytes.Buffer
	status := hostcmd.Main(ctx, append(all, args...), hostcmd.Streams{Stdout: io.Discard, Stderr: &words})
	if status != 0 {
		return fmt.Errorf("build initramfs: %s", bytes.TrimSpace(words.Bytes()))
	}
	return nil
}

type cutter func(module []byte) ([]byte, error)

func (r *Rig) writeArchive(out string, add func(*initramfs.Tree) error, asks []modules.Ask, cut cutter) error {
	var t initramfs.Tree
	err := errors.Join(
		t.Add(initramfs.Entry{Path: "dev", Mode: fs.ModeDir | 0o755, Reason: "rig"}),
		// The kernel opens it before /init.
		t.Add(initramfs.Entry{Path: "dev/console", Mode: fs.ModeDevice | fs.ModeCharDevice | 0o600, Major: 5, Minor: 1, Reason: "rig"}),
		add(&t), r.addModules(&t, asks, cut))
	if err != nil {
		return fmt.Errorf("make archive: %w", err)
	}
	f, err := os.Create(out)
	if err != nil {
		return fmt.Errorf("make archive: %w", err)
	}
	return errors.Join(initramfs.Write(f, &t, "none"), f.Close())
}

func (r *Rig) cTree(program string) func(*initramfs.Tree) error {
	return func(t *initramfs.Tree) error {
		return t.Add(initramfs.Entry{Path: "init", Mode: 0o755, Content: initramfs.HostFile(r.in(program)), Reason: "rig"})
	}
}

// applets are those that guest/init.sh calls.
func applets() []string {
	return []string{
		"sh", "cat", "mkdir", "mount", "ln", "insmod", "sleep", "tr", "sed", "hostname", "ip", "setsid", "chroot", "reboot",
	}
}

// step is the end of one in guest/init.sh.
var step = regexp.MustCompile(`(?m)^#: (\w+)$`)

// scriptTree adds the script, each end of a step in it replaced by mark, "" for none.
func (r *Rig) scriptTree(mark string) func(*initramfs.Tree) error {
	return func(t *initramfs.Tree) error {
		script, err := sources.ReadFile("guest/init.sh")
		if mark != "" {
			script = step.ReplaceAll(script, []byte(mark))
		}
		err = errors.Join(err,
			t.Add(initramfs.Entry{Path: "init", Mode: 0o755, Content: initramfs.Bytes(script), Reason: "rig"}),
			t.Add(initramfs.Entry{Path: "bin/busybox", Mode: 0o755, Content: initramfs.HostFile(busybox), Reason: "rig"}))
		for _, name := range applets() {
			err = errors.Join(err, t.Add(initramfs.Entry{Path: "bin/" + name, Mode: fs.ModeSymlink | 0o777, Target: "busybox", Reason: "rig"}))
		}
		return err
	}
}

// addModules adds the kernel's modules, cut, and /order, which lists them.
func (r *Rig) addModules(t *initramfs.Tree, asks []modules.Ask, cut cutter) error {
	set, err := r.collect(asks)
	if err != nil || len(set.Files) == 0 {
		return err
	}
	for _, f := range set.Files {
		data, err := cut(f.Data)
		if err != nil {
			return fmt.Errorf("%s: %w", f.Host, err)
		}
		if err := t.Add(initramfs.Entry{Path: f.Guest, Mode: 0o644, Content: initramfs.Bytes(data), Reason: "rig"}); err != nil {
			return err
		}
	}
	return t.Add(initramfs.Entry{Path: "order", Mode: 0o644, Content: initramfs.Bytes(set.Order), Reason: "rig"})
}

func (r *Rig) collect(asks []modules.Ask) (*modules.Set, error) {
	if r.Modules == "" {
		return &modules.Set{}, nil
	}
	config, err := kconfig.Find(r.Kernel, r.Modules)
	if err != nil {
		return nil, err
	}
	return modules.Collect(modules.Request{Dir: r.Modules, Arch: "amd64", Config: config, Asks: asks, KeepSignatures: true})
}

// Needed returns the names of the modules that the machine needs.
func (r *Rig) Needed() ([]string, error) {
	set, err := r.collect(needed())
	if err != nil {
		return nil, err
	}
	var names []string
	for _, m := range set.Modules {
		names = append(names, m.Name)
	}
	return names, nil
}
