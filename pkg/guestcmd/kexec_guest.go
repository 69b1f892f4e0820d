package guestcmd

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/kguest/kguest/pkg/boot"
	"github.com/kguest/kguest/pkg/cgroup"
	"github.com/kguest/kguest/pkg/console"
	"github.com/kguest/kguest/pkg/jsontok"
	"github.com/kguest/kguest/pkg/supervise"
)

// KexecGuest is the command kexec-guest.
var KexecGuest = Command{Name: "kexec-guest", Page: kexecGuestPage, Run: runKexecGuest}

const kexecGuestPage = `Kexec-guest runs the image's command as the boot would.

Synopsis:

	kexec-guest [-n] [-root DIR] [-config DIR] [-cgroup NAME] [-- CMD [ARG...]]
	kexec-guest -end

It resolves command, environment, user and directory from the image's
configuration and launch.json, runs the command in its cgroup in the root, and
exits with its code. CMD replaces the image's Entrypoint and Cmd.

In a root other than / it binds /sys, /proc, /dev and /run of this machine there
while the command runs. From a shell both are one job: ctrl-C is the command's,
ctrl-Z stops both. When it has ended, what it left in the cgroup is killed.

With -end, or as the first process, it does what is left of a boot when the
machine has its root: it opens the console and the IDM channel, reads the configuration, sets the
hostname, switches the root, runs the command, and ends the machine as kinit does,
with the exit line, the exit event and kinit.end. Kernel parameters count.

Options:

	-n            print what would run, as JSON, and run nothing
	-root DIR     the root (default /newroot)
	-config DIR   where image/config.json and launch.json are (default /config)
	-cgroup NAME  the cgroup (default krata-guest-task), of the type of kinit.cgroup=
	-end          do the rest of the boot, and end the machine

Exit status: the command's own; 128+N when signal N killed it; 127 when it was
not found, 126 when it could not be executed, 125 when the configuration is
wrong, 2 for a wrong call.

Examples:

	kexec-guest -n
	kexec-guest -- /bin/sh -l
	kmount && kroot && knet -config /config/launch.json -root /newroot && exec kexec-guest -end
`

func runKexecGuest(ctx context.Context, env *Env) error {
	fset := flagSet("kexec-guest")
	dryRun := fset.Bool("n", false, "")
	root := fset.String("root", boot.RootPath, "")
	config := fset.String("config", boot.ConfigPath, "")
	group := fset.String("cgroup", boot.CgroupName, "")
	end := fset.Bool("end", false, "")
	if err := parse(fset, env.Args); err != nil {
		return err
	}
	if *end || os.Getpid() == 1 {
		return runRest(ctx, env, fset)
	}
	if !filepath.IsAbs(*root) {
		return Usagef("-root %q: give an absolute path", *root)
	}
	if err := cgroup.CheckName(*group); err != nil {
		return Usagef("-cgroup: %v", err)
	}
	dir := filepath.Clean(*root)
	setup, err := readSetup(env, dir, *config)
	if err != nil {
		return coded(err)
	}
	if !*dryRun {
		if err := setup.MakeWorkingDir(dir); err != nil {
			return coded(err)
		}
	}
	work, err := setup.Workload(dir, fset.Args())
	if err != nil {
		return coded(err)
	}
	work.Cgroup, work.Threaded = *group, params(env).Threaded
	if *dryRun {
		return printWorkload(env, work)
	}
	return runWorkload(ctx, env, work)
}

// runRest does the rest of a boot and ends the machine: it returns only where
// it was called wrong.
func runRest(ctx context.Context, env *Env, fset *flag.FlagSet) error {
	other := fset.NArg() > 0
	fset.Visit(func(f *flag.Flag) { other = other || f.Name != "end" })
	var wrong error
	if other {
		wrong = Usagef("-end, or the first process: takes no other option and no command")
	}
	if wrong != nil && os.Getpid() != 1 {
		return wrong
	}
	streams, err := files(env)
	if err != nil {
		return err
	}
	boot.RunRest(ctx, streams, wrong)
	return nil
}

func readSetup(env *Env, root, config string) (boot.Setup, error) {
	if fi, err := os.Stat(root); err != nil {
		return boot.Setup{}, fmt.Errorf("root: %w (kroot makes it)", err)
	} else if !fi.IsDir() {
		return boot.Setup{}, fmt.Errorf("root %s: not a directory", root)
	}
	setup, warnings, err := boot.ReadSetup(config)
	env.warn(warnings...)
	return setup, err
}

// coded gives err the exit status a boot would end with.
func coded(err error) error {
	return &ExitError{Status: boot.ExitCode(err), Err: err}
}

// printWorkload prints a workload for -n.
func printWorkload(env *Env, work *boot.Workload) error {
	p, w := work.Process, jsontok.Writer{Indent: "  "}
	w.Object(func() {
		w.Name("argv").Strings(p.Args)
		w.Name("path").String(p.Path)
		w.Name("env").Strings(p.Env)
		w.Name("directory").String(p.Dir)
		w.Name("user").Object(func() {
			w.Name("uid").Uint(uint64(p.UID))
			w.Name("gid").Uint(uint64(p.GID))
			w.Name("groups").Array(func() {
				for _, gid := range p.Groups {
					w.Uint(uint64(gid))
				}
			})
		})
		w.Name("cgroup").String(work.Cgroup)
		w.Name("root").String(work.Root)
	})
	_, err := env.Stdout.Write(append(w.Bytes(), '\n'))
	return err
}

func runWorkload(ctx context.Context, env *Env, w *boot.Workload) error {
	streams, err := files(env)
	if err != nil {
		return err
	}
	unbind, err := boot.BindKernel(w.Root)
	if err != nil {
		return coded(err)
	}
	defer func() { env.warn(unbind()) }()
	job := console.IsControlling(env.Stdin)
	suspended := make(chan os.Signal, 1)
	if job && underShell() {
		signal.Notify(suspended, syscall.SIGTSTP)
		defer signal.Stop(suspended)
	}
	var sup supervise.Supervisor
	stop, asked := ctx.Done(), supervise.Survive().C()
	if err := w.Start(&sup, streams); err != nil {
		return coded(err)
	}
	for {
		select {
		case <-w.Done():
			return finish(env, w)
		case sig := <-asked:
			s, ok := sig.(syscall.Signal)
			if ok && (!job || s != syscall.SIGINT) { // of a job both have the terminal's SIGINT
				env.warn(w.Signal(s))
			}
		case <-suspended: // ctrl-Z, which has stopped the command too
			env.warn(stopSelf())
		case <-stop:
			env.warn(w.Kill())
			stop = nil
		}
	}
}

// finish kills what the workload left and returns its exit status.
func finish(env *Env, w *boot.Workload) error {
	env.warn(w.CleanUp())
	if code := w.Exit().Code; code != 0 {
		return &ExitError{Status: code}
	}
	return nil
}

// files returns the streams as files that a process can inherit.
func files(env *Env) (streams [3]*os.File, err error) {
	stdout, ok := env.Stdout.(*os.File)
	stderr, ok2 := env.Stderr.(*os.File)
	if !ok || !ok2 {
		return streams, errors.New("the standard streams are not files")
	}
	return [3]*os.File{env.Stdin, stdout, stderr}, nil
}
