package supervise

import (
	"os"
	"sync/atomic"
	"syscall"
	"unsafe"
)

// What handleStop knows: it runs wherever a signal finds a thread, and can do
// little.
var (
	stopsCaught uint64 // bit n for signal n
	stopsWake   uint64 //nolint:unused // an eventfd(2); handleStop writes to it
	stopsOne    uint64 = 1
)

// handler returns the addresses of a signal handler, which notes the signal in
// stopsCaught and writes to stopsWake, and of what it returns to.
func handler() (handle, restore uintptr)

// catchStops catches the signals by a handler of its own. Go's runtime needs three
// threads more to catch any (signal.Notify), which would be a tenth of what the
// whole boot costs.
func catchStops() *Stops {
	fd, err := eventfd()
	if err != nil {
		return notifyStops()
	}
	stopsWake = uint64(fd) //nolint:gosec // it is not negative
	handle, restore := handler()
	const flags = 0x0c000000 | 0x10000000 // SA_ONSTACK, SA_RESTORER and SA_RESTART of asm/signal.h
	action := sigaction{uint64(handle), flags, uint64(restore), ^uint64(0)}
	for _, sig := range stopSignals() {
		changeDisposition(sig, &action, nil)
	}
	return &Stops{c: make(chan os.Signal, 1), listen: func(deliver func(syscall.Signal)) {
		wake := os.NewFile(uintptr(fd), "signals")
		var count [unsafe.Sizeof(stopsOne)]byte
		for {
			if _, err := wake.Read(count[:]); err != nil {
				return
			}
			caught := atomic.SwapUint64(&stopsCaught, 0)
			for _, sig := range stopSignals() {
				if caught&(1<<sig) != 0 {
					deliver(sig)
				}
			}
		}
	}}
}
