// Package boot is what the first process of a guest does, stage by stage, from
// the kernel's hand-over to the end of the machine. The commands of the guest
// call the same functions, a stage at a time.
package boot

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/kguest/kguest/pkg/agent"
	"github.com/kguest/kguest/pkg/console"
	"github.com/kguest/kguest/pkg/idm"
	"github.com/kguest/kguest/pkg/idm/idmpb"
	"github.com/kguest/kguest/pkg/metrics"
	"github.com/kguest/kguest/pkg/ociproc"
	"github.com/kguest/kguest/pkg/supervise"
)

// Exit is how a boot or its workload ended.
type Exit struct {
	Code   int // the workload's, 128+Signal, or CodeBoot, or one of ociproc's
	Signal syscall.Signal
	Stage  string // where it ended; "run" once the workload was started
	Reason string
}

// CodeBoot is the code of a boot that failed. One that found no command, or
// could not execute it, has those of ociproc.
const CodeBoot = 125

// String is the console's last word on the workload.
func (e Exit) String() string {
	return fmt.Sprintf("kinit: exit code=%d signal=%d stage=%s reason=%q", e.Code, int(e.Signal), e.Stage, e.Reason)
}

// Machine is a boot under way.
type Machine struct {
	log     *slog.Logger
	level   *slog.LevelVar
	out     io.Writer // for lines
	files   [3]*os.File
	params  Params
	stopped <-chan os.Signal
	sup     supervise.Supervisor
	channel *channel
	setup   Setup
	work    *Workload
	guest   guest
	stops   chan time.Duration // from the host: stop the workload
	ends    atomic.Bool        // the machine ends: no stage begins any more
	ending  sync.Mutex         // taken for ever by the goroutine that ends the machine
	current string
}

// stage is a named part of the boot. An error of run ends the boot.
type stage struct {
	name string
	run  func(ctx context.Context, m *Machine) error
}

// stages returns the boot in order.
func stages() []stage {
	return []stage{
		{"mounts", mounts},
		{"console", openConsole},
		{"modules", modules},
		{"idm", openChannel},
		{"images", images},
		{"config", readConfig},
		{"root", assembleRoot},
		{"hostname", hostname},
		{"network", network},
		{"switch", switchRoot},
		{"run", run},
	}
}

// Stages returns the names of the stages in order.
func Stages() []string {
	var names []string
	for _, s := range stages() {
		names = append(names, s.name)
	}
	return names
}

// Run boots the machine, runs the workload, and ends the machine. The workload
// gets the standard streams in files; kinit's own lines go to the last. It does
// not return: PID 1 must not.
func Run(ctx context.Context, files [3]*os.File) {
	level := &slog.LevelVar{}
	level.Set(slog.LevelWarn)
	out := newPatient(files[2])
	m := &Machine{
		log:     slog.New(lineHandler{out: out, level: level}),
		level:   level,
		out:     out,
		files:   files,
		params:  DefaultParams(),
		stopped: supervise.Survive(),
		stops:   make(chan time.Duration, 1),
		guest:   guest{began: time.Now(), kernel: sinceBoot()},
	}
	m.guest.stop = m.stops
	m.sup.Go = func(f func()) { m.spawn(ctx, f) }
	defer m.caught(ctx)
	m.end(ctx, m.boot(ctx))
}

// spawn runs f on a goroutine, of which a panic ends the machine in order.
func (m *Machine) spawn(ctx context.Context, f func()) {
	go func() {
		defer m.caught(ctx)
		f()
	}()
}

// caught, deferred, turns a panic into an end of the machine.
func (m *Machine) caught(ctx context.Context) {
	r := recover()
	if r == nil {
		return
	}
	m.log.Error("panic", "stack", string(debug.Stack()))
	m.end(ctx, Exit{Code: CodeBoot, Stage: "panic", Reason: fmt.Sprintf("panic: %v", r)})
}

// boot runs the stages and waits for the workload.
func (m *Machine) boot(ctx context.Context) Exit {
	for _, s := range stages() {
		if m.ends.Load() { // after a panic on another goroutine, which ends the machine
			select {}
		}
		m.current = s.name
		began := time.Now()
		err := s.run(ctx, m)
		took := time.Since(began)
		m.guest.stageDone(metrics.Stage{Name: s.name, Duration: took}, err)
		if err != nil {
			return Exit{Code: ExitCode(err), Stage: s.name, Reason: err.Error()}
		}
		m.stageLog().Info("done", "took", took)
	}
	return m.wait()
}

// ExitCode returns the code of an error that ended the boot.
func ExitCode(err error) int {
	if perr, ok := errors.AsType[*ociproc.Error](err); ok {
		return perr.Code
	}
	return CodeBoot
}

func (m *Machine) stageLog() *slog.Logger { return m.log.With(stageKey, m.current) }

// warn logs the errors that are not nil.
func (m *Machine) warn(errs ...error) {
	for _, err := range errs {
		if err != nil {
			m.stageLog().Warn(err.Error())
		}
	}
}

func mounts(_ context.Context, m *Machine) error {
	warnings, err := MountKernel()
	if err != nil {
		return err
	}
	m.warn(warnings...)
	line, err := os.ReadFile(cmdlinePath)
	if err != nil {
		return fmt.Errorf("read kernel parameters: %w", err)
	}
	params, warnings, err := ParseParams(string(line))
	m.params = params
	m.level.Set(params.LogLevel)
	m.warn(warnings...)
	return err
}

func openConsole(_ context.Context, m *Machine) error {
	tty, err := console.Open(consolePath)
	if err != nil {
		m.warn(err)
		return nil
	}
	defer tty.Close()
	if err := console.UseStandard(tty); err != nil {
		m.warn(err)
	}
	return nil
}

func modules(_ context.Context, m *Machine) error {
	m.warn(LoadModules()...)
	return nil
}

func openChannel(ctx context.Context, m *Machine) error {
	if m.params.IDM.Path == "" {
		return nil
	}
	m.channel = newChannel(m.params.IDM.Path, m.params.IDM.Version)
	m.spawn(ctx, func() {
		m.channel.open(m.params.Timeout, m.sup.Go)
		if m.channel.err == nil {
			m.serve(ctx)
		}
	})
	if !m.params.IDM.Required {
		return nil
	}
	return m.channel.wait()
}

// serve answers the host until the machine ends.
func (m *Machine) serve(ctx context.Context) {
	a := agent.Agent{
		Conn: m.channel.conn, Guest: &m.guest, Sup: &m.sup, PTMX: ptmxPath,
		Go: func(f func()) { m.spawn(ctx, f) },
	}
	if err := a.Serve(ctx); err != nil {
		m.log.Warn("IDM: " + err.Error())
	}
}

func images(_ context.Context, m *Machine) error {
	if err := MountDisk("image", m.params.Image, ImagePath, m.params.Timeout); err != nil {
		return err
	}
	return MountDisk("config", m.params.Config, ConfigPath, m.params.Timeout)
}

func readConfig(_ context.Context, m *Machine) error {
	setup, warnings, err := ReadSetup(ConfigPath)
	m.warn(warnings...)
	m.setup = setup
	return err
}

func assembleRoot(_ context.Context, m *Machine) error {
	return Layout(m.params.Size).Assemble()
}

func hostname(_ context.Context, m *Machine) error {
	m.warn(ApplySysctls(sysctlPath, m.setup.Launch.Sysctls)...)
	m.warn(SetHostname(RootPath, m.setup.Launch)...)
	return nil
}

func network(ctx context.Context, m *Machine) error {
	m.warn(Network(ctx, RootPath, m.setup.Launch.Network, m.params.Timeout)...)
	return nil
}

func switchRoot(_ context.Context, m *Machine) error {
	warnings, err := Transfer(RootPath).Switch()
	m.warn(warnings...)
	return err
}

func run(ctx context.Context, m *Machine) error {
	if err := ctrlAltDelStops(); err != nil {
		m.warn(err)
	}
	if err := m.setup.MakeWorkingDir("/"); err != nil {
		return err
	}
	work, err := m.setup.Workload("/", nil)
	if err != nil {
		return err
	}
	work.Threaded = m.params.Threaded
	m.work = work
	if err := work.Start(&m.sup, m.files); err != nil {
		return err
	}
	m.guest.started(m.setup, work)
	m.tell(&idmpb.BootStateEvent{State: idmpb.BootStateReady})
	m.spawn(ctx, m.watchOOM)
	return nil
}

// watchOOM tells of processes that the kernel killed for want of memory.
func (m *Machine) watchOOM() {
	_ = m.work.WatchOOM(func(kills uint64) { // a kernel that does not count says nothing
		m.log.Warn("out of memory: the kernel has killed processes of the workload", "killed", kills)
		m.tell(&idmpb.OomEvent{Kills: kills, Workload: true})
	})
}

// tell sends an event to a host that has asked for such.
func (m *Machine) tell(event idmpb.ExtensionEventOneof) {
	if m.channel == nil {
		return
	}
	select {
	case <-m.channel.opened:
		if m.channel.err == nil {
			_ = m.channel.conn.Send(idm.ExtensionEvent(event)) // one that has not asked is told nothing
		}
	default:
	}
}

// wait waits for the workload, which a signal to PID 1 or the host asks to stop.
func (m *Machine) wait() Exit {
	var killed <-chan time.Time
	for {
		select {
		case <-m.work.Done():
			m.guest.ends()
			return m.work.Exit()
		case <-m.stopped:
			if killed == nil {
				killed = m.stop(m.setup.Grace())
			}
		case grace := <-m.stops:
			if grace < 0 {
				grace = m.setup.Grace()
			}
			killed = m.stop(grace)
		case <-killed:
			m.log.Warn("the workload did not stop in time: killing it")
			m.warn(m.work.Kill())
			killed = nil
		}
	}
}

// stop asks the workload to stop, and returns when it is to be killed.
func (m *Machine) stop(grace time.Duration) <-chan time.Time {
	m.log.Info("stopping the workload", "grace", grace)
	m.guest.ends()
	if grace > 0 {
		m.warn(m.work.Signal(m.setup.StopSignal()))
	}
	return time.After(grace)
}
