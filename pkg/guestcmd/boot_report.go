package guestcmd

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/kguest/kguest/pkg/boot"
	"github.com/kguest/kguest/pkg/jsontok"
	"github.com/kguest/kguest/pkg/rescue"
)

// BootReport is the command boot-report.
var BootReport = Command{Name: "boot-report", Page: bootReportPage, Run: runBootReport}

const bootReportPage = `Boot-report prints how the boot went and what the machine is like, as JSON.

Synopsis:

	boot-report [-n] [-o FILE]
	boot-report [-n] -idm

It has the stage and the reason, each stage and script with its time and error,
the kernel's parameters, the disks with their file systems, mounts, links,
addresses and routes, devices without a driver, and the end of the kernel's log.
Outside a shell of kinit's, what the boot itself knows is missing.

Options:

	-n       say what would be written and where, and write nothing
	-o FILE  write it to FILE
	-idm     leave it where the host can read it over IDM while the shell is open:
	         mkinitramfs idm SOCKET read /run/kinit/report.json

Exit status: 0, 1 when something could not be read or written, 2 for a wrong call.

Examples:

	boot-report
	boot-report -o /mnt/report.json
`

// kernelLogLines bounds what is taken of the kernel's log.
const kernelLogLines = 200

// fullReport is all there is to know.
type fullReport struct {
	Boot    *rescue.Situation `json:"boot"` // null where there is no shell of kinit's
	Machine rescue.State      `json:"machine"`
	Log     []string          `json:"log"`
}

func runBootReport(_ context.Context, env *Env) error {
	fset := flagSet("boot-report")
	out := fset.String("o", "", "")
	idm := fset.Bool("idm", false, "")
	dryRun := fset.Bool("n", false, "")
	if err := parse(fset, env.Args); err != nil {
		return err
	}
	switch {
	case fset.NArg() > 0:
		return Usagef("%q: it takes no arguments", fset.Arg(0))
	case *idm && *out != "":
		return Usagef("give -o or -idm, not both")
	case *idm:
		*out = boot.ReportPath
	}
	report, rerr := readReport()
	data := append(report.json(), '\n')
	if *dryRun {
		where := *out
		if where == "" {
			where = "standard output"
		}
		fmt.Fprintf(env.Stdout, "writes %d bytes to %s\n", len(data), where)
		return rerr
	}
	return errors.Join(rerr, writeReport(env, data, *out, *idm))
}

func writeReport(env *Env, data []byte, out string, idm bool) error {
	if out == "" {
		_, err := env.Stdout.Write(data)
		return err
	}
	if err := os.WriteFile(out, data, 0o600); err != nil {
		return err
	}
	if idm {
		fmt.Fprintln(env.Stdout, "on the host: mkinitramfs idm SOCKET read "+boot.ReportPath)
	}
	return nil
}

func (r fullReport) json() []byte {
	w := jsontok.Writer{Indent: "  "}
	w.Object(func() {
		w.Name("boot")
		if r.Boot == nil {
			w.Null()
		} else {
			r.Boot.WriteJSON(&w)
		}
		w.Name("machine")
		r.Machine.WriteJSON(&w)
		w.Name("log").Strings(r.Log)
	})
	return w.Bytes()
}

func readReport() (fullReport, error) {
	r := fullReport{Machine: boot.Surroundings().Read()}
	var err error
	if s, serr := situation(); serr == nil {
		r.Boot = &s
	}
	r.Log, err = rescue.KernelLog(kernelLogLines)
	return r, err
}
