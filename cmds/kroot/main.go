// Kroot makes the guest's root: a writable layer in memory on the read-only image.
//
// Synopsis:
//
//	kroot [-n] [-image DIR] [-root DIR] [-size SIZE]
//	kroot [-n] [-root DIR] -switch CMD [ARG...]
//
// Without -switch it assembles the root: a tmpfs on /overlay, and on DIR an
// overlay of it on the image. What is mounted already is left as it is.
//
// With -switch it moves /sys, /proc, /dev and /run into the root, deletes the
// files of the initramfs, makes the root the machine's, and becomes CMD. CMD is
// looked up along PATH in the root first; a command of the initramfs itself also
// works. It is looked up before anything is changed.
//
// Options:
//
//	-n           print the commands that would do the same, and change nothing
//	-image DIR   where the image is mounted (default /image)
//	-root DIR    where the root is, or is to be (default /newroot)
//	-size SIZE   of the writable layer: a percentage of memory, or a number with
//	             k, m or g (default: that of kinit.overlay.size=, or 50%)
//	-switch      switch to the root and become CMD
//
// Exit status: 0, 1 when it could not, 2 for a wrong call; after -switch, CMD's.
//
// Examples:
//
//	kroot -size 256m
//	kroot -n -switch /bin/sh
//	exec kroot -switch /sbin/init
package main

import (
	"context"
	"os"

	"github.com/kguest/kguest/pkg/guestcmd"
)

func main() {
	os.Exit(guestcmd.Main(context.Background(), guestcmd.Kroot, &guestcmd.Env{
		Args: os.Args[1:], Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
	}))
}
