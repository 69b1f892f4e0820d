package vm

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"time"
)

// Machine is a running QEMU.
type Machine struct {
	Console io.Writer // bytes typed on the workload's terminal, or the guest's console
	IDM     net.Conn  // the host's end of IDM

	done chan struct{}
	err  error
}

// Output takes what the guest sends. Its writers are called from goroutines
// of the machine and must not block: a console that nobody reads halts the
// guest, and virtio consoles lose what nobody reads.
type Output struct {
	Console io.Writer // of the workload, or with StdioConsole all; nil discards
	// IDM takes what comes on IDM. When nil, the caller reads Machine.IDM itself,
	// all the time, and closes it.
	IDM io.Writer
	// Log takes the lines of the kernel and of kinit, unless with StdioConsole;
	// Errors the workload's with StdioPipes. Nil discards.
	Log, Errors io.Writer
}

// line is a connection that QEMU inherits.
type line struct {
	conn net.Conn
	far  *os.File  // QEMU's end
	to   io.Writer // gets what comes; nil where the caller reads conn
}

// connect makes the lines of idmFD, logFD and errorsFD, in this order.
func connect(out Output) (lines []line, err error) {
	for _, to := range []io.Writer{out.IDM, orDiscard(out.Log), orDiscard(out.Errors)} {
		conn, far, err := socketPair()
		if err != nil {
			closeLines(lines)
			return nil, err
		}
		lines = append(lines, line{conn, far, to})
	}
	return lines, nil
}

func orDiscard(w io.Writer) io.Writer {
	if w == nil {
		return io.Discard
	}
	return w
}

func closeLines(lines []line) {
	for _, l := range lines {
		_ = l.conn.Close()
		_ = l.far.Close() // QEMU has its own
	}
}

// copy delivers what comes on the line until QEMU ends.
func (l line) copy() {
	if l.to != nil {
		_, _ = io.Copy(l.to, l.conn) // its error says only that QEMU has ended
		_ = l.conn.Close()
	}
}

// Start runs the machine that c describes, until it ends by itself, ctx is
// done or c.Timeout is over. AccelAuto is settled first, with a boot of its
// own. The caller calls Wait.
func Start(ctx context.Context, c Config, out Output) (*Machine, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	c = c.withDefaults()
	if c.Accel == AccelAuto {
		c.Accel = ChooseAccel(ctx, c)
	}
	if c.TSCkHz == 0 && c.Machine == MachineMicroVM {
		c.TSCkHz = tscKHz(c)
	}
	return start(ctx, c, out)
}

// start runs c, whose defaults are settled.
func start(ctx context.Context, c Config, out Output) (*Machine, error) {
	cancel := func() {}
	if c.Timeout > 0 {
		ctx, cancel = context.WithTimeoutCause(ctx, c.Timeout, &TimeoutError{c.Timeout})
	}
	cmd := exec.CommandContext(ctx, c.QEMU, Args(c)...)
	cmd.SysProcAttr = childAttr()
	cmd.Cancel = func() error { return killGroup(cmd.Process.Pid) }
	if out.Console != nil {
		cmd.Stdout = struct{ io.Writer }{out.Console} // QEMU would change the mode of a file
	}
	stderr := &bytes.Buffer{}
	cmd.Stderr = stderr

	stdin, err := cmd.StdinPipe()
	if err != nil {
		cancel()
		return nil, fmt.Errorf("start qemu: %w", err)
	}
	lines, err := connect(out)
	if err != nil {
		cancel()
		return nil, fmt.Errorf("start qemu: %w", err)
	}
	for _, l := range lines {
		cmd.ExtraFiles = append(cmd.ExtraFiles, l.far)
	}
	m := &Machine{Console: stdin, IDM: lines[0].conn, done: make(chan struct{})}
	started := make(chan error)
	go func() {
		defer cancel()
		m.run(ctx, cmd, stderr, lines, started)
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start qemu: %w", err)
	}
	return m, nil
}

// run starts cmd, says so on started, and sees it to its end. It stays on one
// thread, as QEMU dies with the thread that started it.
func (m *Machine) run(ctx context.Context, cmd *exec.Cmd, stderr *bytes.Buffer, lines []line, started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer close(m.done)
	if err := cmd.Start(); err != nil {
		closeLines(lines)
		started <- err
		return
	}
	var copied sync.WaitGroup
	for _, l := range lines {
		_ = l.far.Close()
		copied.Go(l.copy)
	}
	started <- nil
	m.err = runError(cmd.Wait(), context.Cause(ctx), stderr.String())
	copied.Wait()
}

// A TimeoutError is why a machine was killed that did not end in time.
type TimeoutError struct{ After time.Duration }

func (e *TimeoutError) Error() string { return fmt.Sprintf("no end within %v", e.After) }

// runError explains how QEMU ended: err from Wait, cause why it was killed.
func runError(err, cause error, stderr string) error {
	stderr = strings.ReplaceAll(strings.TrimSpace(stderr), "\n", "; ")
	switch {
	case err == nil:
		return nil
	case cause != nil:
		return fmt.Errorf("run qemu: killed: %w", cause)
	case stderr != "":
		return fmt.Errorf("run qemu: %w: %s", err, stderr)
	default:
		return fmt.Errorf("run qemu: %w", err)
	}
}

// Wait returns when QEMU has ended and all output has been delivered. The
// error is QEMU's own, or says that and why it was killed; a guest that
// failed is no error.
func (m *Machine) Wait() error {
	<-m.done
	return m.err
}

// Run starts the machine and waits for its end. What comes on IDM is discarded
// where out takes none.
func Run(ctx context.Context, c Config, out Output) error {
	if out.IDM == nil {
		out.IDM = io.Discard
	}
	m, err := Start(ctx, c, out)
	if err != nil {
		return err
	}
	return m.Wait()
}
