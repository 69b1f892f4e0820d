package boot

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/kguest/kguest/pkg/agent"
	"github.com/kguest/kguest/pkg/console"
	"github.com/kguest/kguest/pkg/idm/idmpb"
	"github.com/kguest/kguest/pkg/metrics"
	"github.com/kguest/kguest/pkg/ociproc"
	"github.com/kguest/kguest/pkg/rescue"
	"github.com/kguest/kguest/pkg/supervise"
)

// guest is the machine as the host sees it while the boot goes on: a copy of
// what the boot tells it, behind a lock.
type guest struct {
	mu       sync.Mutex
	state    idmpb.BootState
	done     []step
	room     [usualSteps]step // of done, as a rule: to grow it costs as much as a stage
	kernel   time.Duration
	init     time.Duration // from init's start to the workload's
	began    time.Time     // init's start
	setup    Setup
	work     *Workload
	terminal *os.File             // the workload's own; nil for none
	shell    bool                 // one of a person is open
	stop     chan<- time.Duration // asks the boot to stop the workload, with the grace
	known    metrics.Known        // has a lock of its own
}

// step is a stage or a script that was done.
type step struct {
	metrics.Stage
	failed string // why it did, "" for it did not
}

// usualSteps is the stages, and some of them done again.
const usualSteps = 16

// stepDone records a stage or a script; err is why it failed.
func (g *guest) stepDone(t metrics.Stage, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	s := step{Stage: t}
	if err != nil {
		s.failed = err.Error()
	}
	if g.done == nil {
		g.done = g.room[:0]
	}
	g.done = append(g.done, s)
}

// shellOpen records that a person has a shell, or has it no more.
func (g *guest) shellOpen(open bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.shell = open
}

// failed records that the boot ends without a workload.
func (g *guest) failed() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.state = idmpb.BootStateFailed
}

// steps returns what was done so far.
func (g *guest) steps() []rescue.Step {
	g.mu.Lock()
	defer g.mu.Unlock()
	steps := make([]rescue.Step, 0, len(g.done))
	for _, s := range g.done {
		steps = append(steps, rescue.Step{Name: s.Name, Microseconds: micros(s.Duration), Error: s.failed})
	}
	return steps
}

// started records that the workload runs.
func (g *guest) started(setup Setup, work *Workload) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.setup, g.work, g.state = setup, work, idmpb.BootStateReady
	g.init = time.Since(g.began)
}

// ends records that the workload has ended or is being stopped; false where that
// is known.
func (g *guest) ends() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.state != idmpb.BootStateReady {
		return false
	}
	g.state = idmpb.BootStateEnding
	return true
}

// workload returns the workload and what it was made of.
func (g *guest) workload() (Setup, *Workload, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.work == nil {
		return Setup{}, nil, fmt.Errorf("%w: the workload does not run yet", syscall.EAGAIN)
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
	for _, s := range g.done {
		r.Stages = append(r.Stages, &idmpb.BootStage{
			Name: s.Name, DurationMicroseconds: micros(s.Duration), Error: s.failed,
		})
	}
	return r
}

func micros(d time.Duration) uint64 { return uint64(max(d, 0).Microseconds()) } //nolint:gosec // not negative

// Metrics implements agent.Guest.
func (g *guest) Metrics() *metrics.Node {
	g.mu.Lock()
	stages := make([]metrics.Stage, 0, len(g.done))
	for _, s := range g.done {
		stages = append(stages, s.Stage)
	}
	g.mu.Unlock()
	node, _ := metrics.Config{ // what cannot be read is absent
		Proc: procPath, Sys: sysPath, Cgroup: filepath.Join(cgroupPath, CgroupName),
		Mounts: []string{"/"}, Stages: stages, Known: &g.known,
	}.Collect()
	return node
}

// Root implements agent.Guest: after the switch it is "/". While a person has a
// shell, the host may read and write files there too.
func (g *guest) Root() (string, error) {
	g.mu.Lock()
	open := g.shell
	g.mu.Unlock()
	if open {
		return "/", nil
	}
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

// setTerminal says which terminal the workload has; nil for none of its own.
func (g *guest) setTerminal(f *os.File) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.terminal = f
}

// Resize implements agent.Guest.
func (g *guest) Resize(size console.Size) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.terminal == nil {
		return fmt.Errorf("%w: the workload has no terminal of its own", syscall.ENOTTY)
	}
	return console.SetSize(g.terminal, size)
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
	env := make(map[string]string, len(over.Env)+len(start.Environment))
	maps.Copy(env, over.Env)
	for _, v := range start.Environment {
		env[v.Key] = v.Value
	}
	over.Env = env
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
