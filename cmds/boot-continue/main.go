// Boot-continue leaves a shell of kinit's and goes on with the boot.
//
// Synopsis:
//
//	boot-continue [-n]
//
// After a failure it takes what failed for done: a script counts as run, a stage as
// done by hand, and the boot goes on with what follows. What only kinit itself can
// do (read the configuration, open the IDM channel, switch the root, run the
// command) it tries again. Before a stage (kinit.break) it goes on with the stage.
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
//	kmount images -image /dev/vdc && boot-continue
package main

import (
	"context"
	"os"

	"github.com/kguest/kguest/pkg/guestcmd"
)

func main() {
	os.Exit(guestcmd.Main(context.Background(), guestcmd.BootContinue, &guestcmd.Env{
		Args: os.Args[1:], Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
	}))
}
