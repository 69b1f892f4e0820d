// Kinit is the first process of a guest: it boots the machine, runs the image's
// command, and ends the machine with the truth about how that ended.
//
// Synopsis:
//
//	kinit -help
//
// As /init of an initramfs it goes through the stages of a boot, which -help lists.
// One that cannot be done ends the machine; what the guest can do without is a
// warning.
//
// Its last line on the console says how it ended:
//
//	kinit: exit code=42 signal=0 stage=run reason="exited"
//
// The code is the command's own; 128+N when signal N killed it; 127 when it was
// not found, 126 when it could not be executed, 125 when the boot failed. The host
// also gets it as an IDM exit event.
//
// Options: none; the kernel's command line has the parameters below.
//
// Exit status: as the first process none, since it ends the machine. Else 0, or 2 for a
// wrong call.
//
// Examples:
//
//	kinit -help
//	console=ttyS0 kinit.image=serial:root0 kinit.rescue=shell
package main

import (
	"context"
	"os"

	"github.com/kguest/kguest/pkg/guestcmd"
)

func main() {
	os.Exit(guestcmd.Main(context.Background(), guestcmd.Kinit, &guestcmd.Env{
		Args: os.Args[1:], Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
	}))
}
