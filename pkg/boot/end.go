package boot

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime/debug"
	"slices"
	"strconv"
	"time"

	"github.com/kguest/kguest/pkg/mount"
	"github.com/kguest/kguest/pkg/xenstore"
)

// syncTimeout bounds how long a disk that does not answer can hold up the end.
const syncTimeout = 30 * time.Second

// end reports e, stops what is left, and ends the machine. It does not return.
func (m *Machine) end(ctx context.Context, e Exit) {
	m.ends.Store(true)
	m.ending.Lock()
	for _, step := range []func(){
		func() { m.lastWord(e) },
		func() { m.report(ctx, e) },
		m.stopRest,
		func() { m.warn(m.stdio.drain(syncTimeout)) },
		m.putAway,
	} {
		m.attempt(step)
	}
	for {
		err := endMachine(m.params.End) //nolint:gosec // nothing cancels the end
		m.log.error("end machine", detail{"how", string(m.params.End)}, detail{"err", fmt.Sprint(err)})
		time.Sleep(time.Second) //nolint:forbidigo // PID 1 has nothing else left to do
	}
}

// lastWord prints the exit line, as one: a workload may have left its own last
// line open.
func (m *Machine) lastWord(e Exit) {
	line := oneLine(e.String())
	if m.work != nil {
		line = "\n" + line
	}
	fmt.Fprint(m.out, line)
}

// attempt runs a step of the end, of which a panic does not keep the machine
// from its end.
func (m *Machine) attempt(step func()) {
	defer func() {
		if r := recover(); r != nil {
			m.log.error("panic at the end", detail{"cause", fmt.Sprint(r)}, detail{"stack", string(debug.Stack())})
		}
	}()
	step()
}

// report tells the host how it ended, by every way there is.
func (m *Machine) report(ctx context.Context, e Exit) {
	if m.channel == nil {
		m.lateChannel(ctx)
	}
	if m.channel != nil {
		if err := m.channel.sendExit(ctx, e); err != nil && !errors.Is(err, errAbsent) {
			m.log.warn(err.Error())
		}
	}
	if err := tellXen(xenbusPath, e.Code); err != nil {
		m.log.warn(err.Error())
	}
}

// lateChannel opens the channel of a boot that failed before it came to that.
func (m *Machine) lateChannel(ctx context.Context) {
	if m.params.IDM.Path == "" {
		return
	}
	if m.modules == nil && !m.rest {
		_ = modules(ctx, m) // it never fails
	}
	m.params.IDM.Required = false
	_ = openChannel(ctx, m) // nothing waits for it here
}

// tellXen writes the code to XenStore, where the machine has one.
func tellXen(path string, code int) error {
	bus, err := os.OpenFile(path, os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("tell xenstore: %w", err)
	}
	return within(sendTimeout, func() error {
		return errors.Join(xenstore.Write(bus, exitCodeKey, strconv.Itoa(code)), bus.Close())
	})
}

// errTimeout is the error of within where time ran out.
var errTimeout = errors.New("no answer")

// within waits for f up to d. An f that hangs is left to hang: the machine ends.
func within(d time.Duration, f func() error) error {
	done := make(chan error, 1)
	go func() {
		defer func() {
			if r := recover(); r != nil { // in PID 1 it would be the kernel's panic
				done <- fmt.Errorf("panic: %v", r)
			}
		}()
		done <- f()
	}()
	select {
	case err := <-done:
		return err
	case <-time.After(d):
		return fmt.Errorf("%w in %v", errTimeout, d)
	}
}

// stopRest ends every other process: asked first, killed after the grace.
func (m *Machine) stopRest() {
	idle := m.sup.Idle()
	if ended(idle, 0) {
		return
	}
	grace := m.setup.Grace()
	if m.asked != nil {
		grace = *m.asked
	}
	signalAll(m.setup.StopSignal())
	if ended(idle, grace) {
		return
	}
	m.log.info("killing what is left")
	killAll()
	ended(idle, m.setup.Grace())
}

// ended reports whether idle was closed within d, or soon where d is 0: the
// reaper has yet to look.
func ended(idle <-chan struct{}, d time.Duration) bool {
	const look = 10 * time.Millisecond
	select {
	case <-idle:
		return true
	case <-time.After(max(d, look)):
		return false
	}
}

// putAway writes what is cached and unmounts the disks.
func (m *Machine) putAway() {
	err := within(syncTimeout, func() error {
		syncDisks()
		m.unmountDisks()
		return nil
	})
	if err != nil {
		m.log.warn("write disks: " + err.Error())
	}
}

// unmountDisks makes what lies on a device read-only and unmounts it, newest first.
// The one without the other would leave open a disk that is in use, or one that an
// overlay's layers are on too: the overlay holds it in a mount that is not seen.
func (m *Machine) unmountDisks() {
	table, err := mount.ReadTable(mountInfoPath)
	if err != nil {
		return // nothing was mounted: /proc is first
	}
	for _, e := range slices.Backward(table) {
		if e.Target == "/" || len(e.Source) == 0 || e.Source[0] != '/' {
			continue
		}
		err := mount.RemountReadOnly(e.Target)
		if mount.Unmount(e.Target, false) != nil {
			m.warn(err)
		}
	}
}
