// Boot-report prints how the boot went and what the machine is like, as JSON.
//
// Synopsis:
//
//	boot-report [-n] [-o FILE]
//	boot-report [-n] -idm
//
// It has the stage and the reason, each stage and script with its time and error,
// the kernel's parameters, the disks with their file systems, mounts, links,
// addresses and routes, devices without a driver, and the end of the kernel's log.
// Outside a shell of kinit's, what the boot itself knows is missing.
//
// Options:
//
//	-n       say what would be written and where, and write nothing
//	-o FILE  write it to FILE
//	-idm     leave it where the host can read it over IDM while the shell is open:
//	         mkinitramfs idm SOCKET read /run/kinit/report.json
//
// Exit status: 0, 1 when something could not be read or written, 2 for a wrong call.
//
// Examples:
//
//	boot-report
//	boot-report -o /mnt/report.json
package main

import (
	"context"
	"os"

	"github.com/kguest/kguest/pkg/guestcmd"
)

func main() {
	os.Exit(guestcmd.Main(context.Background(), guestcmd.BootReport, &guestcmd.Env{
		Args: os.Args[1:], Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
	}))
}
