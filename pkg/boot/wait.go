package boot

import (
	"context"
	"runtime"
	"strconv"
	"time"

	"github.com/kguest/kguest/pkg/idm"
	"github.com/kguest/kguest/pkg/idm/idmpb"
)

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
	if err := m.start(ctx, work); err != nil {
		return err
	}
	m.guest.started(m.setup, work)
	m.logAllocated()
	m.tell(&idmpb.BootStateEvent{State: idmpb.BootStateReady})
	m.deleteInitramfs()
	m.spawn(ctx, m.watchOOM)
	return nil
}

// logAllocated says what the boot took from Go's heap, for who looks after its cost.
func (m *Machine) logAllocated() {
	if !m.log.writes(LevelDebug) {
		return
	}
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	m.log.write(LevelDebug, runStage, "allocated", []detail{
		{"bytes", strconv.FormatUint(stats.TotalAlloc, 10)}, {"objects", strconv.FormatUint(stats.Mallocs, 10)},
	})
}

// mostKept is how much of memory the initramfs may take, in bytes, until the
// workload runs: then nothing waits for its deletion.
const mostKept = 8 << 20

// deleteInitramfs frees the memory of the initramfs.
func (m *Machine) deleteInitramfs() {
	if m.initramfs != nil {
		m.warn(m.initramfs.Delete())
		m.initramfs = nil
	}
}

// start starts the workload on the streams that the parameters name.
func (m *Machine) start(ctx context.Context, work *Workload) error {
	s, err := openStdio(m.params.Stdio, m.params.Timeout, func(f func()) { m.spawn(ctx, f) })
	if err != nil {
		return err
	}
	defer s.given()
	m.stdio = s
	m.guest.setTerminal(s.terminal)
	files := m.files
	if s.files[0] != nil {
		files = s.files
	}
	return work.Start(&m.sup, files)
}

// watchOOM tells of processes that the kernel killed for want of memory.
func (m *Machine) watchOOM() {
	_ = m.work.WatchOOM(func(kills uint64) { // a kernel that does not count says nothing
		m.log.warn("out of memory: the kernel has killed processes of the workload", detail{"killed", strconv.FormatUint(kills, 10)})
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

// tellEnding tells the host, once, that the workload has ended or is being
// stopped.
func (m *Machine) tellEnding() {
	if m.guest.ends() {
		m.tell(&idmpb.BootStateEvent{State: idmpb.BootStateEnding})
	}
}

// wait waits for the workload, which a signal to PID 1 or the host asks to stop.
func (m *Machine) wait() Exit {
	var killed <-chan time.Time
	for {
		select {
		case <-m.work.Done():
			m.tellEnding()
			return m.work.Exit()
		case <-m.stopped.C():
			if killed == nil {
				killed = m.stop(m.setup.Grace())
			}
		case grace := <-m.stops:
			if grace < 0 {
				grace = m.setup.Grace()
			}
			m.asked = &grace
			killed = m.stop(grace)
		case <-killed:
			m.log.warn("the workload did not stop in time: killing it")
			m.warn(m.work.Kill())
			killed = nil
		}
	}
}

// stop asks the workload to stop, and returns when it is to be killed.
func (m *Machine) stop(grace time.Duration) <-chan time.Time {
	m.log.info("stopping the workload", detail{"grace", grace.String()})
	m.tellEnding()
	if grace > 0 {
		m.warn(m.work.Signal(m.setup.StopSignal()))
	}
	return time.After(grace)
}
