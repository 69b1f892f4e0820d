package guestcmd

import (
	"context"
	"os"
	"strings"

	"github.com/kguest/kguest/pkg/boot"
)

// Kinit is the command kinit.
var Kinit = Command{Name: "kinit", Page: kinitPage, Run: runKinit}

const kinitPage = `Kinit is the first process of a guest: it boots the machine, runs the image's
command, and ends the machine with the truth about how that ended.

Synopsis:

	kinit -help

As /init of an initramfs it goes through the stages of a boot, which -help lists.
One that cannot be done ends the machine; what the guest can do without is a
warning.

Its last line on the console says how it ended:

	kinit: exit code=42 signal=0 stage=run reason="exited"

The code is the command's own; 128+N when signal N killed it; 127 when it was
not found, 126 when it could not be executed, 125 when the boot failed. The host
also gets it as an IDM exit event.

Options: none; the kernel's command line has the parameters below.

Exit status: as the first process none, since it ends the machine. Else 0, or 2 for a
wrong call.

Examples:

	kinit -help
	console=ttyS0 kinit.image=serial:root0 kinit.rescue=shell
`

func runKinit(ctx context.Context, env *Env) error {
	if os.Getpid() == 1 {
		streams, err := files(env)
		if err != nil {
			return err
		}
		boot.Run(ctx, streams)
	}
	if len(env.Args) == 0 || env.Args[0] == "-h" || env.Args[0] == "-help" || env.Args[0] == "--help" {
		_, err := env.Stdout.Write([]byte(kinitManual()))
		return err
	}
	return Usagef("%q: kinit takes no arguments; it is configured by the kernel's command line", env.Args[0])
}

// kinitManual is kinit's page with what hangs on the boot's own tables.
func kinitManual() string { return kinitPage + stagePage() + parameterPage() }

// stagePage lists the stages of the boot.
func stagePage() string {
	return "\nStages:\n\n\t" + strings.Join(boot.Stages(), "\n\t") + "\n"
}

// parameterPage lists the kernel parameters.
func parameterPage() string {
	var b strings.Builder
	b.WriteString("\nKernel parameters:\n")
	for _, p := range boot.Parameters() {
		b.WriteString("\n\t" + p.Name + "=" + p.Values + " (default " + p.Default + ")\n\t    " + p.Help + "\n")
	}
	return b.String()
}
