// Package boot is what the first process of a guest does, stage by stage, from
// the kernel's hand-over to the end of the machine. The commands of the guest
// call the same functions, a stage at a time.
package boot

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/kguest/kguest/pkg/hook"
	"github.com/kguest/kguest/pkg/kmod"
	"github.com/kguest/kguest/pkg/ociproc"
	"github.com/kguest/kguest/pkg/rootfs"
	_ "github.com/kguest/kguest/pkg/stackroom"
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
	log     *logger
	out     io.Writer // for lines
	files   [3]*os.File
	params  Params
	stopped *supervise.Stops
	sup     supervise.Supervisor
	channel *channel
	modules *kmod.Loader // nil for none, and before the stage
	setup   Setup
	work    *Workload
	stdio   stdio // of work
	guest   guest
	stops   chan time.Duration // from the host: stop the workload
	asked   *time.Duration     // grace of the stop that the host asked for
	ends    atomic.Bool        // the machine ends: no stage begins any more
	ending  sync.Mutex         // taken for ever by the goroutine that ends the machine
	current string

	stages     []stage
	rest       bool   // this is RunRest
	line       string // the kernel's command line
	paramsRead bool
	paramsErr  error
	hooks      *hook.Runner      // nil where there are no scripts
	progress   progress          // of the current stage
	left       left              // of the initramfs
	initramfs  *rootfs.Initramfs // from the switch until it is deleted
}

// Run boots the machine, runs the workload, and ends the machine. The workload
// gets the standard streams in files; kinit's own lines go to the last. It does
// not return: PID 1 must not.
func Run(ctx context.Context, files [3]*os.File) {
	m := newMachine(ctx, files)
	defer m.caught(ctx)
	m.end(ctx, m.boot(ctx))
}

// RunRest does what Run does from a machine on that has its root assembled and
// its network set up, by hand or by a script of its own: scripts of kinit's and
// shells there are none. With an error it does nothing but end the machine,
// for that reason.
func RunRest(ctx context.Context, files [3]*os.File, wrong error) {
	m := newMachine(ctx, files)
	m.stages = slices.DeleteFunc(m.stages, func(s stage) bool { return !s.rest })
	m.rest = true
	defer m.caught(ctx)
	if wrong != nil {
		m.end(ctx, Exit{Code: CodeBoot, Stage: runStage, Reason: wrong.Error()})
	}
	m.end(ctx, m.boot(ctx))
}

func newMachine(ctx context.Context, files [3]*os.File) *Machine {
	out := newPatient(files[2])
	m := &Machine{
		log:     newLogger(out, LevelWarn),
		out:     out,
		files:   files,
		params:  DefaultParams(),
		stopped: supervise.Survive(),
		stops:   make(chan time.Duration, 1),
		stages:  stages(),
		guest:   guest{began: time.Now(), kernel: sinceBoot()},
	}
	m.guest.stop = m.stops
	m.sup.Go = func(f func()) { m.spawn(ctx, f) }
	return m
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
	m.log.error("panic", detail{"stack", string(debug.Stack())})
	m.end(ctx, Exit{Code: CodeBoot, Stage: "panic", Reason: fmt.Sprintf("panic: %v", r)})
}

// ExitCode returns the code of an error that ended the boot.
func ExitCode(err error) int {
	if perr, ok := errors.AsType[*ociproc.Error](err); ok {
		return perr.Code
	}
	return CodeBoot
}

// warn logs the errors that are not nil, as of the current stage.
func (m *Machine) warn(errs ...error) {
	for _, err := range errs {
		if err != nil {
			m.log.write(LevelWarn, m.current, err.Error(), nil)
		}
	}
}
