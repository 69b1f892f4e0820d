package boot

import (
	"fmt"
	"slices"
	"time"

	"github.com/kguest/kguest/pkg/mount"
)

// syncTimeout bounds how long a disk that does not answer can hold up the end.
const syncTimeout = 30 * time.Second

// end reports e, stops what is left, and ends the machine. It does not return.
func (m *Machine) end(e Exit) {
	m.ending.Lock()
	fmt.Fprint(m.files[2], oneLine(e.String()+"\n"))
	m.report(e)
	m.stopRest()
	m.putAway()
	for {
		err := endMachine(m.params.End)
		m.log.Error("end machine", "how", string(m.params.End), "err", err)
		time.Sleep(time.Second) //nolint:forbidigo // PID 1 has nothing else left to do
	}
}

func (m *Machine) report(e Exit) {
	if m.channel == nil {
		return
	}
	if err := m.channel.sendExit(e.Code); err != nil && m.channel.file != nil {
		m.log.Warn(err.Error())
	}
}

// stopRest ends every other process: asked first, killed after the grace.
func (m *Machine) stopRest() {
	idle := m.sup.Idle()
	if ended(idle, 0) {
		return
	}
	signalAll(m.setup.StopSignal())
	if ended(idle, m.setup.Grace()) {
		return
	}
	m.log.Info("killing what is left")
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
	done := make(chan struct{})
	go func() {
		defer close(done)
		syncDisks()
		m.unmountDisks()
	}()
	select {
	case <-done:
	case <-time.After(syncTimeout):
		m.log.Warn("disks not written", "after", syncTimeout)
	}
}

// unmountDisks unmounts what lies on a device, newest first; what is in use
// becomes read-only.
func (m *Machine) unmountDisks() {
	table, err := mount.ReadTable(mountInfoPath)
	if err != nil {
		return // nothing was mounted: /proc is first
	}
	for _, e := range slices.Backward(table) {
		if e.Target == "/" || len(e.Source) == 0 || e.Source[0] != '/' {
			continue
		}
		if mount.Unmount(e.Target, false) == nil {
			continue
		}
		if err := mount.RemountReadOnly(e.Target); err != nil {
			m.log.Warn(err.Error())
		}
	}
}
