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
)

// Machine is a running QEMU.
type Machine struct {
	Console io.Writer // bytes typed on the guest's console
	IDM     net.Conn  // the host's end of IDM

	done chan struct{}
	err  error
}

// Output takes what the guest sends. Its writers are called from goroutines
// of the machine and must not block: a console that nobody reads halts the
// guest, and hvc1 loses what nobody reads.
type Output struct {
	Console io.Writer // nil discards
	// IDM takes what comes on IDM. When nil, the caller reads Machine.IDM itself,
	// all the time, and closes it.
	IDM io.Writer
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
	ctx, cancel := context.WithTimeoutCause(ctx, c.Timeout, fmt.Errorf("no end within %v", c.Timeout))
	cmd := exec.CommandContext(ctx, c.QEMU, Args(c)...)
	cmd.SysProcAttr = childAttr()
	cmd.Cancel = func() error { return killGroup(cmd.Process.Pid) }
	cmd.Stdout = out.Console
	stderr := &bytes.Buffer{}
	cmd.Stderr = stderr

	stdin, err := cmd.StdinPipe()
	if err != nil {
		cancel()
		return nil, fmt.Errorf("start qemu: %w", err)
	}
	conn, far, err := socketPair()
	if err != nil {
		cancel()
		return nil, fmt.Errorf("start qemu: %w", err)
	}
	cmd.ExtraFiles = []*os.File{far} // idmFD
	m := &Machine{Console: stdin, IDM: conn, done: make(chan struct{})}
	started := make(chan error)
	go func() {
		defer cancel()
		m.run(ctx, cmd, stderr, out.IDM, started)
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start qemu: %w", err)
	}
	return m, nil
}

// run starts cmd, says so on started, and sees it to its end. It stays on one
// thread, as QEMU dies with the thread that started it.
func (m *Machine) run(ctx context.Context, cmd *exec.Cmd, stderr *bytes.Buffer, idm io.Writer, started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer close(m.done)
	err := cmd.Start()
	_ = cmd.ExtraFiles[0].Close()
	started <- err
	if err != nil {
		_ = m.IDM.Close()
		return
	}
	copied := make(chan struct{})
	go func() {
		defer close(copied)
		if idm != nil {
			_, _ = io.Copy(idm, m.IDM) // ends with QEMU; its error says only that
			_ = m.IDM.Close()
		}
	}()
	m.err = runError(cmd.Wait(), context.Cause(ctx), stderr.String())
	<-copied
}

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
