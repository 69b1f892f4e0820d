package build

import (
	"context"

	"github.com/kguest/kguest/pkg/hostcmd/verb"
)

// Verb returns the verb build.
func Verb() verb.Verb {
	return verb.Verb{
		Name:  "build",
		Line:  "makes an initramfs",
		Usage: []string{"-o FILE [flags]", "-plan [flags]", "-print-config [flags]"},
		About: `Build makes an initramfs: one program with kguest's commands (kinit, kmount, kroot, knet, kexec-guest), which is
/init, another with the commands that are asked for, and a kernel's modules in load order. Whatever is asked for and cannot be had is an error, and then nothing is written.`,
		Define: func(f *verb.Flags) verb.Run {
			a := new(asked)
			a.define(f)
			return func(ctx context.Context, s verb.Streams, args verb.Args) error { return run(ctx, s, f, a, args) }
		},
		Notes: `The same input gives the same bytes, whoever builds them, where and when. File times are SOURCE_DATE_EPOCH's, or
0. The manifest has the names of files, not the folders that they are in, and of the environment's settings of go only
those that say where modules are found count. It needs the go command, and no root.

A configuration file is YAML; its keys are the names of the flags, without the dash, but for -config and those that say
what to do with the image: -plan, -print-config, -verify, -json, -cache, -no-cache
and -v. A flag that may be given several times takes a
list. The files NAME.d/*.yaml beside a file NAME.yaml are read after it, in the order of their names: lists add up, of
other keys the last counts. So it is with the command line, which comes last. A relative path in a file is one from the
folder that the file is in.

The exit status is 0, 1 for an error, 2 for a mistake in the flags.`,
		Examples: []string{
			"build -o initramfs.cpio -modules-dir /lib/modules/$(uname -r) -vmm qemu",
			"build -o rescue.cpio -profile rescue -modules-dir /lib/modules/$(uname -r)",
			"build -o initramfs.cpio -modules none -arch arm64 -compress lz4",
			"build -o initramfs.cpio -modules 'dm_verity,nvme*,-floppy' -firmware-dir /lib/firmware",
			"build -o initramfs.cpio -cmd ls -cmd example.com/mine/cmds/probe -file motd:/etc/motd:0644 -file site:/etc/site",
			"build -o initramfs.cpio -hook before-network/10-vlan=vlan.sh -stage hostname=name.sh",
			"build -o initramfs.cpio -config kguest.yaml -verify",
			"build -config kguest.yaml -plan",
		},
	}
}

// define defines the flags, in the order of the page.
func (a *asked) define(f *verb.Flags) {
	a.flags = f
	a.defaults()
	a.defineOutput(f)
	a.defineCommands(f)
	a.defineModules(f)
	a.defineFiles(f)
	a.defineBoot(f)
	a.defineActions(f)
}
