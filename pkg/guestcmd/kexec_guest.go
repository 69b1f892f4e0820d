package guestcmd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"github.com/kguest/kguest/pkg/boot"
	"github.com/kguest/kguest/pkg/cgroup"
	"github.com/kguest/kguest/pkg/console"
	"github.com/kguest/kguest/pkg/supervise"
)

// KexecGuest is the command kexec-guest.
var KexecGuest = Command{Name: "kexec-guest", Page: kexecGuestPage, Run: runKexecGuest}

const kexecGuestPage = `Kexec-guest runs the image's command as the boot would.

Synopsis:

	kexec-guest [-n] [-root DIR] [-config DIR] [-cgroup NAME] [-- CMD [ARG...]]

It resolves command, environment, user and directory from the image's
configuration and launch.json, runs the command in its cgroup in the root, and
exits with its code. CMD replaces the image's Entrypoint and Cmd.

In a root other than / it binds /sys, /proc, /dev and /run of this machine there
while the command runs. From a shell the command has the terminal until it ends:
ctrl-C is its. When it has ended, what it left in the cgroup is killed.

Options:

	-n            print what would run, as JSON, and run nothing
	-root DIR     the root (default /newroot)
	-config DIR   where image/config.json and launch.json are (default /config)
	-cgroup NAME  the cgroup (default krata-guest-task)

Exit status: the command's own; 128+N when signal N killed it; 127 when it was
not found, 126 when it could not be executed, 125 when the configuration is
wrong, 2 for a wrong call.

Examples:

	kexec-guest -n
	kexec-guest -- /bin/sh -l
`

func runKexecGuest(ctx context.Context, env *Env) error {
	fset := flagSet("kexec-guest")
	dryRun := fset.Bool("n", false, "")
	root := fset.String("root", boot.RootPath, "")
	config := fset.String("config", boot.ConfigPath, "")
	group := fset.String("cgroup", boot.CgroupName, "")
	if err := parse(fset, env.Args); err != nil {
		return err
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
	work.Cgroup = *group
	if *dryRun {
		return printWorkload(env, work)
	}
	return runWorkload(ctx, env, work)
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

// resolved is a workload for -n.
type resolved struct {
	Argv      []string `json:"argv"`
	Path      string   `json:"path"`
	Env       []string `json:"env"`
	Directory string   `json:"directory"`
	User      user     `json:"user"`
	Cgroup    string   `json:"cgroup"`
	Root      string   `json:"root"`
}

type user struct {
	UID    uint32   `json:"uid"`
	GID    uint32   `json:"gid"`
	Groups []uint32 `json:"groups"`
}

func printWorkload(env *Env, w *boot.Workload) error {
	p := w.Process
	out := json.NewEncoder(env.Stdout)
	out.SetEscapeHTML(false)
	out.SetIndent("", "  ")
	return out.Encode(resolved{
		Argv: p.Args, Path: p.Path, Env: p.Env, Directory: p.Dir,
		User:   user{UID: p.UID, GID: p.GID, Groups: append([]uint32{}, p.Groups...)},
		Cgroup: w.Cgroup, Root: w.Root,
	})
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
	if console.IsControlling(env.Stdin) {
		defer func() { env.warn(console.TakeForeground(env.Stdin)) }()
	}
	var sup supervise.Supervisor
	stop, asked := ctx.Done(), supervise.Survive()
	if err := w.Start(&sup, streams); err != nil {
		return coded(err)
	}
	for {
		select {
		case <-w.Done():
			return finish(env, w)
		case sig := <-asked:
			if s, ok := sig.(syscall.Signal); ok {
				env.warn(w.Signal(s))
			}
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
