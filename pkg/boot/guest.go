package boot

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/kguest/kguest/pkg/agent"
	"github.com/kguest/kguest/pkg/idm/idmpb"
	"github.com/kguest/kguest/pkg/metrics"
	"github.com/kguest/kguest/pkg/ociproc"
	"github.com/kguest/kguest/pkg/supervise"
)

// guest is the machine as the host sees it while the boot goes on: a copy of
// what the boot tells it, behind a lock.
type guest struct {
	mu      sync.Mutex
	state   idmpb.BootState
	timings []metrics.Stage
	failed  string // of the last stage: why the boot ended
	kernel  time.Duration
	init    time.Duration // from init's start to the workload's
	began   time.Time     // init's start
	setup   Setup
	work    *Workload
	stop    chan<- time.Duration // asks the boot to stop the workload, with the grace
}

// stageDone records a stage; err is why the boot ends.
func (g *guest) stageDone(t metrics.Stage, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.timings = append(g.timings, t)
	if err != nil {
		g.failed, g.state = err.Error(), idmpb.BootStateFailed
	}
}

// started records that the workload runs.
func (g *guest) started(setup Setup, work *Workload) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.setup, g.work, g.state = setup, work, idmpb.BootStateReady
	g.init = time.Since(g.began)
}

// ends records that the workload has ended or is being stopped.
func (g *guest) ends() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.state == idmpb.BootStateReady {
		g.state = idmpb.BootStateEnding
	}
}

var errNoWorkload = fmt.Errorf("%w: the workload does not run yet", syscall.EAGAIN)

// workload returns the workload and what it was made of.
func (g *guest) workload() (Setup, *Workload, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.work == nil {
		return Setup{}, nil, errNoWorkload
	}
	return g.setup, g.work, nil
}

// Report implements agent.Guest.
func (g *guest) Report() *idmpb.BootReport {
	g.mu.Lock()
	defer g.mu.Unlock()
	r := &idmpb.BootReport{
		State: g.state, KernelMicroseconds: micros(g.kernel), InitMicroseconds: micros(g.init),
	}
	if g.init == 0 {
		r.InitMicroseconds = micros(time.Since(g.began))
	}
	for i, t := range g.timings {
		stage := &idmpb.BootStage{Name: t.Name, DurationMicroseconds: micros(t.Duration)}
		if i == len(g.timings)-1 {
			stage.Error = g.failed
		}
		r.Stages = append(r.Stages, stage)
	}
	return r
}

func micros(d time.Duration) uint64 { return uint64(max(d, 0).Microseconds()) } //nolint:gosec // not negative

// Metrics implements agent.Guest.
func (g *guest) Metrics() *metrics.Node {
	g.mu.Lock()
	stages := slices.Clone(g.timings)
	g.mu.Unlock()
	node, _ := metrics.Config{ // what cannot be read is absent
		Proc: procPath, Sys: sysPath, Cgroup: filepath.Join(cgroupPath, CgroupName),
		Mounts: []string{"/"}, Stages: stages,
	}.Collect()
	return node
}

// Root implements agent.Guest: after the switch it is "/".
func (g *guest) Root() (string, error) {
	_, _, err := g.workload()
	return "/", err
}

// Signal implements agent.Guest.
func (g *guest) Signal(sig syscall.Signal, all bool) error {
	_, work, err := g.workload()
	if err != nil {
		return err
	}
	if all {
		return work.SignalAll(sig)
	}
	return work.Signal(sig)
}

// Stop implements agent.Guest.
func (g *guest) Stop(grace time.Duration) error {
	select {
	case g.stop <- grace:
	default: // a stop that was asked for before is yet to be taken up
	}
	return nil
}

// codedError is an error with an exit code.
type codedError struct {
	error
	code int
}

// ExitCode implements agent.ExitCoder.
func (e codedError) ExitCode() int { return e.code }

func (e codedError) Unwrap() error { return e.error }

// Command implements agent.Guest: the command runs as the workload does, but for
// what start says.
func (g *guest) Command(start *idmpb.ExecStreamRequestStart) (supervise.Command, error) {
	setup, work, err := g.workload()
	if err != nil {
		return supervise.Command{}, codedError{err, CodeBoot}
	}
	over := setup.overrides()
	over.Entrypoint, over.Run = []string{}, start.Command
	if start.WorkingDirectory != "" {
		over.WorkingDir = start.WorkingDirectory
	}
	over.Env = make(map[string]string, len(setup.Launch.Env)+len(start.Environment))
	maps.Copy(over.Env, setup.Launch.Env)
	for _, v := range start.Environment {
		over.Env[v.Key] = v.Value
	}
	p, err := ociproc.Resolve(work.Root, setup.Image, over)
	if err != nil {
		return supervise.Command{}, codedError{err, ExitCode(err)}
	}
	c := work.command(p)
	if err := checkDir(c.Root, c.Dir); err != nil {
		return supervise.Command{}, codedError{err, CodeBoot}
	}
	return c, nil
}

// checkDir tells a directory that is missing from a program that is: execve(2)
// and chdir(2) have the same error.
func checkDir(root, dir string) error {
	info, err := os.Stat(filepath.Join("/", root, dir))
	switch {
	case err != nil:
		return fmt.Errorf("working directory %s: %w", dir, errors.Unwrap(err))
	case !info.IsDir():
		return fmt.Errorf("working directory %s: %w", dir, syscall.ENOTDIR)
	}
	return nil
}

var _ agent.Guest = (*guest)(nil)
