package idm

import "sync/atomic"

// Stats counts what a connection did since it was made.
type Stats struct {
	// Frames that were received, and of these the ones that say nothing known.
	Frames, Unknown uint64
	// Dropped counts the times that frames were lost sight of, each for a bad
	// frame or more; Skipped the bytes that were passed over until the next.
	Dropped, Skipped uint64
	// Sent counts the frames that were written whole; Failed those that the
	// device did not take.
	Sent, Failed uint64
	// RepliesDropped and EventsDropped found the queue full; or the replies, and
	// the pieces of streams, were forgotten.
	RepliesDropped, EventsDropped uint64
}

type counters struct {
	frames, unknown, dropped, skipped           atomic.Uint64
	sent, failed, repliesDropped, eventsDropped atomic.Uint64
}

func (c *counters) stats() Stats {
	return Stats{
		Frames: c.frames.Load(), Unknown: c.unknown.Load(),
		Dropped: c.dropped.Load(), Skipped: c.skipped.Load(),
		Sent: c.sent.Load(), Failed: c.failed.Load(),
		RepliesDropped: c.repliesDropped.Load(), EventsDropped: c.eventsDropped.Load(),
	}
}
