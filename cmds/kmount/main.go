// Kmount mounts what a guest is made of.
//
// Synopsis:
//
//	kmount [-n] [-image DEV] [-config DEV] [-timeout T]
//	kmount [-n] kernel
//	kmount [-n] modules [-needed]
//	kmount [-n] images [-image DEV] [-config DEV] [-timeout T]
//	kmount [-n] DEV DIR
//
// Without an argument it does all of the boot's mounting: kernel, modules, images.
//
//	kernel   /dev, /proc, /sys, /sys/fs/cgroup and what goes with them
//	modules  loads every module of the initramfs; with -needed, and without an
//	         argument, as the boot does: those of the devices that are there, while
//	         a file system's come with its first mount
//	images   the image on /image and its configuration on /config, read-only
//	DEV DIR  the file system on DEV on DIR, read-only
//
// A disk's file system is squashfs or, where that does not mount, what its
// superblock says: erofs, ext4. What is mounted already is left as it is.
//
// Options:
//
//	-n           print the commands that would do the same, and change nothing
//	-needed      only the modules that the machine needs
//	-image DEV   disk with the image: /dev/NAME, serial:NUMBER or label:NAME
//	             (default: that of kinit.image=, or /dev/xvda, else /dev/vda)
//	-config DEV  disk with the configuration (default: that of kinit.config=, or
//	             /dev/xvdb, else /dev/vdb)
//	-timeout T   longest wait for a disk (default: that of kinit.timeout=, or 10s)
//
// Exit status: 0, 1 when something could not be mounted, 2 for a wrong call.
//
// Examples:
//
//	kmount -n kernel
//	kmount modules
//	kmount images -image serial:root0 -config /dev/vdc
//	kmount /dev/vdb /mnt
package main

import (
	"context"
	"os"

	"github.com/kguest/kguest/pkg/guestcmd"
)

func main() {
	os.Exit(guestcmd.Main(context.Background(), guestcmd.Kmount, &guestcmd.Env{
		Args: os.Args[1:], Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
	}))
}
