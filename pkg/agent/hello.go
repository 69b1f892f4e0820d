package agent

import (
	"maps"
	"slices"
	"time"
)

// endTimeout bounds how long a new host waits for what the earlier ones left to
// end: a command may hang in the kernel.
const endTimeout = time.Second

// forget ends all streams, and drops what waits to be sent on them: the host that
// opened them is gone. It returns when their commands have been killed.
func (a *Agent) forget() {
	a.mu.Lock()
	streams := slices.Collect(maps.Values(a.streams))
	a.mu.Unlock()
	for _, s := range streams {
		s.hostClosed()
	}
	a.Conn.Forget()
	timer := time.NewTimer(endTimeout)
	defer timer.Stop()
	for _, s := range streams {
		select {
		case <-s.gone:
		case <-timer.C:
			return
		}
	}
}
