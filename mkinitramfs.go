// Mkinitramfs makes the initramfs of a microVM guest.
//
// Run `mkinitramfs help` for its verbs.
package main

import (
	"context"
	"os"
	"syscall"

	"github.com/kguest/kguest/pkg/hostcmd"
	"github.com/kguest/kguest/pkg/hostcmd/verb"
)

func main() {
	hostcmd.DelayCollection()
	ctx, stop := verb.UntilSignal(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	status := hostcmd.Main(ctx, os.Args[1:], hostcmd.Streams{Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr})
	stop()
	os.Exit(status)
}
