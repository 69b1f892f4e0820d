// Boot-retry leaves a shell of kinit's and does a stage of the boot again.
//
// Synopsis:
//
//	boot-retry [-n] [STAGE]
//
// It begins anew with STAGE, its scripts included, and goes on from there. STAGE is
// one that was done or the one at hand, which is the default. A stage leaves alone
// what is done already. After the stage switch only run can be done again.
//
// It ends the shell, whatever else runs in it.
//
// Options:
//
//	-n  say what would happen, and change nothing
//
// Exit status: 0, 1 when this is no shell of kinit's, 2 for a wrong call.
//
// Examples:
//
//	boot-retry
//	boot-retry images
package main

import (
	"context"
	"os"

	"github.com/kguest/kguest/pkg/guestcmd"
)

func main() {
	os.Exit(guestcmd.Main(context.Background(), guestcmd.BootRetry, &guestcmd.Env{
		Args: os.Args[1:], Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
	}))
}
