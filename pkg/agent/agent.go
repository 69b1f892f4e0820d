// Package agent serves the host over IDM: it answers pings and metrics, runs
// commands beside the workload, and takes the host's wishes for the workload.
//
// What a host does, or does not do, costs its own streams and no more:
//
//   - Answers to requests are dropped where the host does not read; a stream's
//     output waits, and the command with it.
//   - Input that a command does not read is held, 16 MiB of all together. When
//     that is full the host is kept waiting for some seconds; then the stream
//     that holds most ends, with the reason. 64 KiB find room for every stream.
//   - A stream that is opened under the number of an open one takes its place.
//   - Closing a stream kills the command and its process group. What has left the
//     group (setsid(1)) lives on, as does what a command leaves behind that ends by
//     itself, but for those that its terminal hangs up on.
//   - The end of the input is typed on a terminal whenever somebody has read it, so
//     that all find it, as on a pipe; where a program edits lines it is a ^D.
//   - All of this together keeps process 1 below 48 MiB resident, with frames of at
//     most 1 MiB. 100,000 pings of which no answer is read bring it from 4 MiB to
//     8, and all that the tests think of to 10.
//   - A host that says hello closes the streams of all hosts before it: on a
//     console nobody else can tell that those have gone.
package agent

import (
	"context"
	"fmt"
	"sync"
	"syscall"
	"time"

	"github.com/kguest/kguest/pkg/console"
	"github.com/kguest/kguest/pkg/idm"
	"github.com/kguest/kguest/pkg/idm/idmpb"
	"github.com/kguest/kguest/pkg/metrics"
	"github.com/kguest/kguest/pkg/ociproc"
	"github.com/kguest/kguest/pkg/supervise"
)

// Conn is the connection to the host.
type Conn interface {
	// Receive waits for the next message.
	Receive(ctx context.Context) (idm.Message, error)
	// Send queues m or drops it; it does not wait.
	Send(m idm.Message) error
	// SendWait waits until there is room for m in the queue.
	SendWait(ctx context.Context, m idm.Message) error
	// Forget drops what is queued, but for events; what a SendWait whose context
	// has ended was to send does not come after.
	Forget()
}

// Guest is the machine as the host may know and command it. Its methods are
// called from the agent's goroutines.
type Guest interface {
	// Command returns what start asks to run, ready to start but for its Files
	// and TTY. The error, where it is an ExitCoder, has a code of its own.
	Command(start *idmpb.ExecStreamRequestStart) (supervise.Command, error)
	Metrics() *metrics.Node
	Report() *idmpb.BootReport
	// Signal signals the workload, or all of its cgroup.
	Signal(sig syscall.Signal, all bool) error
	// Stop begins to stop the workload and returns. A negative grace is the
	// configured one.
	Stop(grace time.Duration) error
	// Resize sets the size of the workload's terminal.
	Resize(size console.Size) error
	// Root is the workload's root in this process's eyes; the error says why
	// there is none yet.
	Root() (string, error)
}

// ExitCoder is an error that a command's exit code goes with.
type ExitCoder interface {
	error
	ExitCode() int
}

// Agent answers one host.
type Agent struct {
	Conn  Conn
	Guest Guest
	Sup   *supervise.Supervisor
	PTMX  string // the pseudoterminal multiplexer, /dev/ptmx
	// Go runs f on a goroutine; nil stands for the go statement.
	Go func(f func())

	waits time.Duration // how long the host is kept waiting; 0 means defaultPatience

	mu      sync.Mutex
	streams map[streamKey]*stream // that the host may still speak to
	running int                   // streams whose worker has not ended
	asked   []idm.Message         // requests for metrics
	collect bool                  // they are being answered
	work    sync.WaitGroup        // of all goroutines
	held    *budget
}

// streamKey names a stream: the host numbers them in each channel.
type streamKey struct{ channel, id uint64 }

// Serve answers messages until ctx ends or the connection does, whose error it
// returns. Then it kills the commands it started and waits for them.
func (a *Agent) Serve(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer a.work.Wait()
	defer cancel()
	a.held = newBudget(maxHeldSize)
	for {
		m, err := a.Conn.Receive(ctx)
		if err != nil {
			return err
		}
		a.handle(ctx, m)
	}
}

// handle answers one message. What the protocol does not foresee is dropped: a
// newer host may well send it.
func (a *Agent) handle(ctx context.Context, m idm.Message) {
	switch m.Form {
	case idm.FormRequest:
		a.request(m)
	case idm.FormStreamRequest:
		a.open(ctx, m)
	case idm.FormStreamRequestUpdate:
		if s := a.stream(m); s != nil {
			s.update(m.Body)
		}
	case idm.FormStreamRequestClosed:
		if s := a.stream(m); s != nil {
			s.hostClosed()
		}
	default:
	}
}

// request answers m, of which nothing waits but metrics.
func (a *Agent) request(m idm.Message) {
	var reply idm.Body
	switch body := m.Body.(type) {
	case *idmpb.Request:
		reply = a.internal(m, body)
	case *idmpb.ExtensionRequest:
		reply = a.extension(m, body)
	}
	if reply == nil {
		return
	}
	_ = a.Conn.Send(m.Reply(reply)) // a host that does not read its replies loses them
}

func (a *Agent) internal(m idm.Message, r *idmpb.Request) idm.Body {
	switch r.Request.(type) {
	case *idmpb.PingRequest:
		return &idmpb.Response{Response: &idmpb.PingResponse{}}
	case *idmpb.MetricsRequest:
		a.askMetrics(m)
	}
	return nil
}

func (a *Agent) extension(m idm.Message, r *idmpb.ExtensionRequest) idm.Body {
	switch r := r.Request.(type) {
	case *idmpb.SignalRequest:
		return extensionResult(&idmpb.SignalResponse{}, a.signal(r))
	case *idmpb.StopRequest:
		return extensionResult(&idmpb.StopResponse{}, a.Guest.Stop(grace(r)))
	case *idmpb.BootReportRequest:
		return extensionResult(a.Guest.Report(), nil)
	case *idmpb.WatchRequest:
		a.watch(m)
		return nil
	case *idmpb.ResizeRequest:
		size := console.Size{Rows: clamp(r.Rows), Columns: clamp(r.Columns)}
		return extensionResult(&idmpb.ResizeResponse{}, a.Guest.Resize(size))
	case *idmpb.PauseRequest:
		if s := a.stream(idm.Message{Channel: r.Channel, ID: r.Id}); s != nil {
			s.pause(!r.Resume)
		}
		return extensionResult(&idmpb.PauseResponse{}, nil)
	case *idmpb.HelloRequest:
		a.forget()
		return extensionResult(&idmpb.HelloResponse{}, nil)
	}
	return extensionResult(nil, fmt.Errorf("%w: this guest does not know the request", syscall.ENOSYS))
}

// watch answers m with the boot's state. An event of another one may have been
// sent just before: it is sent once more.
func (a *Agent) watch(m idm.Message) {
	state := a.Guest.Report().State
	_ = a.Conn.Send(m.Reply(extensionResult(&idmpb.WatchResponse{State: state}, nil))) // a host that does not read loses it
	if now := a.Guest.Report().State; now != state {
		_ = a.Conn.Send(idm.ExtensionEvent(&idmpb.BootStateEvent{State: now})) // likewise
	}
}

func (a *Agent) signal(r *idmpb.SignalRequest) error {
	sig := syscall.Signal(r.Number)
	if r.Name != "" {
		var err error
		if sig, err = ociproc.ParseSignal(r.Name); err != nil {
			return fmt.Errorf("%w: signal %q: %w", syscall.EINVAL, r.Name, err)
		}
	}
	if sig < 1 || sig > lastSignal {
		return fmt.Errorf("%w: signal %d: not from 1 to %d", syscall.EINVAL, int(sig), int(lastSignal))
	}
	return a.Guest.Signal(sig, r.All)
}

// grace returns the time that r gives the workload; negative for the one that
// is configured.
func grace(r *idmpb.StopRequest) time.Duration {
	const most = 24 * time.Hour
	switch {
	case r.Now:
		return 0
	case r.GraceMilliseconds == 0:
		return -1
	case r.GraceMilliseconds > uint64(most.Milliseconds()): //nolint:gosec // positive
		return most
	}
	return time.Duration(r.GraceMilliseconds) * time.Millisecond //nolint:gosec // bounded above
}

// extensionResult is the answer with result, or err where that is not nil.
func extensionResult(result idmpb.ExtensionResponseOneof, err error) *idmpb.ExtensionResponse {
	if err != nil {
		return &idmpb.ExtensionResponse{Error: extensionError(err)}
	}
	return &idmpb.ExtensionResponse{Response: result}
}
