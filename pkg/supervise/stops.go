package supervise

import (
	"os"
	"os/signal"
	"syscall"
)

// Stops are the signals that ask this process to stop: SIGTERM, SIGINT (which is
// also ctrl-alt-del, reboot(2)) and SIGPWR.
type Stops struct {
	c      chan os.Signal
	listen func(deliver func(syscall.Signal)) // nil where it is done
}

// C returns a channel that gets them, those too that came before. One that comes
// while another is waiting to be taken is lost.
func (s *Stops) C() <-chan os.Signal {
	if s.listen != nil {
		go s.listen(func(sig syscall.Signal) {
			select {
			case s.c <- sig:
			default:
			}
		})
		s.listen = nil
	}
	return s.c
}

func stopSignals() []syscall.Signal {
	return []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGPWR}
}

// notifyStops has Go's runtime catch them.
func notifyStops() *Stops {
	s := &Stops{c: make(chan os.Signal, 1)}
	for _, sig := range stopSignals() {
		signal.Notify(s.c, sig)
	}
	return s
}
