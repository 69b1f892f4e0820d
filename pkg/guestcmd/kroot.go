package guestcmd

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"github.com/kguest/kguest/pkg/boot"
	"github.com/kguest/kguest/pkg/mount"
	"github.com/kguest/kguest/pkg/ociproc"
	"github.com/kguest/kguest/pkg/rootfs"
)

// Kroot is the command kroot.
var Kroot = Command{Name: "kroot", Page: krootPage, Run: runKroot}

const krootPage = `Kroot makes the guest's root: a writable layer in memory on the read-only image.

Synopsis:

	kroot [-n] [-image DIR] [-root DIR] [-size SIZE]
	kroot [-n] [-root DIR] -switch CMD [ARG...]

Without -switch it assembles the root: a tmpfs on /overlay, and on DIR an
overlay of it on the image. What is mounted already is left as it is.

With -switch it moves /sys, /proc, /dev and /run into the root, deletes the
files of the initramfs, makes the root the machine's, and becomes CMD. CMD is
looked up along PATH in the root first; a command of the initramfs itself also
works. It is looked up before anything is changed.

Options:

	-n           print the commands that would do the same, and change nothing
	-image DIR   where the image is mounted (default /image)
	-root DIR    where the root is, or is to be (default /newroot)
	-size SIZE   of the writable layer: a percentage of memory, or a number with
	             k, m or g (default: that of kinit.overlay.size=, or 50%)
	-switch      switch to the root and become CMD

Exit status: 0, 1 when it could not, 2 for a wrong call; after -switch, CMD's.

Examples:

	kroot -size 256m
	kroot -n -switch /bin/sh
	exec kroot -switch /sbin/init
`

func runKroot(_ context.Context, env *Env) error {
	fset := flagSet("kroot")
	dryRun := fset.Bool("n", false, "")
	image := fset.String("image", boot.ImagePath, "")
	root := fset.String("root", boot.RootPath, "")
	size := fset.String("size", params(env).Size, "")
	change := fset.Bool("switch", false, "")
	if err := parse(fset, env.Args); err != nil {
		return err
	}
	for _, dir := range []*string{image, root} {
		if !filepath.IsAbs(*dir) {
			return Usagef("%q: give an absolute path", *dir)
		}
		*dir = filepath.Clean(*dir)
	}
	if *change {
		return switchTo(env, *root, fset.Args(), *dryRun)
	}
	if fset.NArg() > 0 {
		return Usagef("%q: a command needs -switch", fset.Arg(0))
	}
	layout := boot.Layout(*size)
	layout.Image, layout.Root = *image, *root
	return assemble(env, layout, *dryRun)
}

func assemble(env *Env, layout rootfs.Layout, dryRun bool) error {
	if err := layout.Check(); err != nil {
		return Usagef("%v", err)
	}
	modules, err := modulesOf(env, dryRun)
	env.warn(append(modules.FileSystem("overlay"), err)...)
	if !dryRun {
		return layout.Assemble()
	}
	show(env, layout.Steps())
	return nil
}

func switchTo(env *Env, root string, command []string, dryRun bool) error {
	if len(command) == 0 {
		return Usagef("-switch: give the command to become, such as /bin/sh")
	}
	path, program, err := successor(root, command[0])
	if err != nil {
		return err
	}
	defer runtime.KeepAlive(program) // a finalizer would close it
	transfer := boot.Transfer(root)
	if dryRun {
		show(env, transfer.Steps())
		fmt.Fprintln(env.Stdout, execLine(path, command[1:]))
		return nil
	}
	initramfs, err := transfer.Switch()
	if err != nil {
		return err
	}
	env.warn(initramfs.Delete())
	return fmt.Errorf("exec %s: %w", path, execve(path, command, os.Environ()))
}

func execLine(path string, args []string) string {
	words := []string{"exec", mount.Quote(path)}
	for _, arg := range args {
		words = append(words, mount.Quote(arg))
	}
	return strings.Join(words, " ")
}

// successor returns the file that name will be in the new root: one of the
// root's, or the program that has a command of that name in the initramfs, which
// is open as long as it is needed.
func successor(root, name string) (path string, program *os.File, err error) {
	process, err := ociproc.Resolve(root, ociproc.ImageConfig{Entrypoint: []string{name}, Env: os.Environ()}, ociproc.Overrides{})
	if err == nil {
		return process.Path, nil, nil
	}
	if !strings.Contains(name, "/") {
		if program, perr := boot.OpenProgram(filepath.Join("/bin", name)); perr == nil {
			return "/proc/self/fd/" + strconv.FormatUint(uint64(program.Fd()), 10), program, nil
		}
	}
	return "", nil, fmt.Errorf("switch to %s: %w", root, err)
}
