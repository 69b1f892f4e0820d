// Kexec-guest runs the image's command as the boot would.
//
// Synopsis:
//
//	kexec-guest [-n] [-root DIR] [-config DIR] [-cgroup NAME] [-- CMD [ARG...]]
//	kexec-guest -end
//
// It resolves command, environment, user and directory from the image's
// configuration and launch.json, runs the command in its cgroup in the root, and
// exits with its code. CMD replaces the image's Entrypoint and Cmd.
//
// In a root other than / it binds /sys, /proc, /dev and /run of this machine there
// while the command runs. From a shell both are one job: ctrl-C is the command's,
// ctrl-Z stops both. When it has ended, what it left in the cgroup is killed.
//
// With -end, or as the first process, it does what is left of a boot when the
// machine has its root: it opens the console and the IDM channel, reads the configuration, sets the
// hostname, switches the root, runs the command, and ends the machine as kinit does,
// with the exit line, the exit event and kinit.end. Kernel parameters count.
//
// Options:
//
//	-n            print what would run, as JSON, and run nothing
//	-root DIR     the root (default /newroot)
//	-config DIR   where image/config.json and launch.json are (default /config)
//	-cgroup NAME  the cgroup (default krata-guest-task), of the type of kinit.cgroup=
//	-end          do the rest of the boot, and end the machine
//
// Exit status: the command's own; 128+N when signal N killed it; 127 when it was
// not found, 126 when it could not be executed, 125 when the configuration is
// wrong, 2 for a wrong call.
//
// Examples:
//
//	kexec-guest -n
//	kexec-guest -- /bin/sh -l
//	kmount && kroot && knet -config /config/launch.json -root /newroot && exec kexec-guest -end
package main

import (
	"context"
	"os"

	"github.com/kguest/kguest/pkg/guestcmd"
)

func main() {
	os.Exit(guestcmd.Main(context.Background(), guestcmd.KexecGuest, &guestcmd.Env{
		Args: os.Args[1:], Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
	}))
}
