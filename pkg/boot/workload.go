package boot

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"syscall"

	"github.com/kguest/kguest/pkg/cgroup"
	"github.com/kguest/kguest/pkg/console"
	"github.com/kguest/kguest/pkg/launch"
	"github.com/kguest/kguest/pkg/ociproc"
	"github.com/kguest/kguest/pkg/supervise"
)

// Workload is the image's command: resolved, then started.
type Workload struct {
	Process  ociproc.Process
	Root     string // what its paths are below
	Cgroup   string // name of its cgroup
	Threaded bool
	Limits   cgroup.Limits
	Rlimits  []supervise.Limit

	group   *cgroup.Group
	dir     *os.File // of group, to start processes into
	sup     *supervise.Supervisor
	started *supervise.Process
}

func (s Setup) overrides() ociproc.Overrides {
	env := s.Launch.Env
	if len(s.Env) > 0 {
		env = make(map[string]string, len(s.Launch.Env)+len(s.Env))
		maps.Copy(env, s.Launch.Env)
		maps.Copy(env, s.Env)
	}
	return ociproc.Overrides{
		Entrypoint: s.Launch.Entrypoint, Run: s.Launch.Run, Env: env,
		User: s.Launch.User, WorkingDir: s.Launch.WorkingDir,
	}
}

// MakeWorkingDir makes the workload's working directory below root, where it is
// missing.
func (s Setup) MakeWorkingDir(root string) error {
	if err := ociproc.MakeDir(root, ociproc.WorkingDir(s.Image, s.overrides()), 0, 0); err != nil {
		return fmt.Errorf("working directory: %w", err)
	}
	return nil
}

// Workload resolves the command in the image's root. A command that is given
// replaces Entrypoint and Cmd. The error may be an *ociproc.Error.
func (s Setup) Workload(root string, command []string) (*Workload, error) {
	over := s.overrides()
	if len(command) > 0 {
		over.Entrypoint, over.Run = []string{}, command
	}
	process, err := ociproc.Resolve(root, s.Image, over)
	if err != nil {
		return nil, err
	}
	limits, err := rlimits(s.Launch.Rlimits)
	if err != nil {
		return nil, err
	}
	r := s.Launch.Resources
	return &Workload{
		Process: *process, Root: root, Cgroup: CgroupName, Rlimits: limits,
		Limits: cgroup.Limits{
			MemoryMax: r.MemoryMax, PidsMax: r.PidsMax,
			CPUQuota: r.CPUMax.QuotaMicros, CPUPeriod: r.CPUMax.PeriodMicros,
		},
	}, nil
}

// rlimits gives launch.json's limits the kernel's numbers.
func rlimits(list []launch.Rlimit) ([]supervise.Limit, error) {
	limits := make([]supervise.Limit, 0, len(list))
	for _, l := range list {
		resource, ok := l.Resource()
		if !ok {
			return nil, fmt.Errorf("rlimit %s: Linux has none of that name", l.Type)
		}
		limits = append(limits, supervise.Limit{Resource: resource, Soft: l.Soft, Hard: l.Hard})
	}
	return limits, nil
}

// Start starts the workload in its cgroup with files as its standard streams. A
// terminal on the first is its controlling one.
func (w *Workload) Start(sup *supervise.Supervisor, files [3]*os.File) error {
	if err := w.makeGroup(); err != nil {
		return err
	}
	c := w.command(&w.Process)
	c.Files, c.TTY = files, terminal(files[0])
	w.sup = sup
	var err error
	w.started, err = sup.Start(&c)
	return ociproc.ExecError(&w.Process, err)
}

func (w *Workload) makeGroup() (err error) {
	if w.Threaded && w.Limits.MemoryMax > 0 {
		return errors.New("resources.memoryMax: a threaded cgroup (kinit.cgroup=threaded) has no memory limit")
	}
	uncounted := cgroup.Account(cgroupPath, w.Threaded) // without a limit it is only metrics that are missing
	if w.group, err = cgroup.Create(cgroupPath, w.Cgroup, w.Threaded); err != nil {
		return err
	}
	if err = w.group.Limit(w.Limits); err != nil {
		return errors.Join(err, uncounted)
	}
	w.dir, err = w.group.Open()
	return err
}

// command returns p as it is started beside or as the workload, in its root,
// cgroup and limits.
func (w *Workload) command(p *ociproc.Process) supervise.Command {
	c := supervise.Command{
		Path: p.Path, Args: p.Args, Env: p.Env, Dir: p.Dir, Cgroup: w.dir,
		UID: p.UID, GID: p.GID, Groups: p.Groups, Limits: w.Rlimits,
	}
	if w.Root != "/" {
		c.Root = w.Root
	}
	return c
}

// terminal says what the workload is to have of the terminal on f: all of it,
// or, where this process lives in a shell's session, what the job has that they
// both are: ctrl-Z stops both.
func terminal(f *os.File) supervise.TTY {
	switch {
	case !console.IsTerminal(f):
		return supervise.Detached
	case console.IsControlling(f):
		return supervise.Shared
	default:
		return supervise.Controlling
	}
}

// Done is closed when the workload has ended.
func (w *Workload) Done() <-chan struct{} { return w.started.Done() }

// Exit returns how the workload ended, once Done is closed.
func (w *Workload) Exit() Exit {
	s := w.started.Status()
	e := Exit{Code: s.Code, Signal: s.Signal, Stage: "run", Reason: "exited"}
	if s.Signal != 0 {
		e.Reason = fmt.Sprintf("killed by signal %d (%v)", int(s.Signal), s.Signal)
	}
	if s.Signal == syscall.SIGKILL && w.group.OOMKills() > 0 {
		e.Reason += "; its cgroup was out of memory"
	}
	return e
}

// Signal signals the workload's own process.
func (w *Workload) Signal(sig syscall.Signal) error {
	if err := w.sup.Signal(w.started, sig, false); err != nil {
		return fmt.Errorf("signal workload: %w", err)
	}
	return nil
}

// WatchOOM calls tell each time the kernel has killed processes of the workload's
// cgroup for want of memory, with their number so far.
func (w *Workload) WatchOOM(tell func(kills uint64)) error {
	return w.group.WatchOOM(tell)
}

// SignalAll signals every process of the workload's cgroup.
func (w *Workload) SignalAll(sig syscall.Signal) error {
	if sig == syscall.SIGKILL {
		return w.Kill()
	}
	return w.group.Signal(sig)
}

// Kill ends every process of the workload's cgroup, or, in a threaded one, the
// workload's own.
func (w *Workload) Kill() error {
	if w.group.Kill() == nil {
		return nil
	}
	return w.Signal(syscall.SIGKILL)
}

// CleanUp ends what the workload left in its cgroup, and the cgroup.
func (w *Workload) CleanUp() error {
	return errors.Join(w.Kill(), w.dir.Close(), w.group.Delete())
}
