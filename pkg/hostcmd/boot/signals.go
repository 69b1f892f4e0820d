package boot

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/kguest/kguest/pkg/hostcmd/verb"
	"github.com/kguest/kguest/pkg/idm/idmpb"
)

const (
	// stopAnswer is how long the guest may leave a stop without an answer before
	// it is killed: it may be starting.
	stopAnswer = 15 * time.Second
	// sameSignal is how far apart the two reports of one signal may be: that asked
	// done, and its own.
	sameSignal = 200 * time.Millisecond
)

// signals stops the guest at the first signal, or when asked is done, and kills
// it at the second. It ends with ctx.
func (s *session) signals(asked, ctx context.Context, stops <-chan struct{}) {
	got := make(chan os.Signal, 4)
	signal.Notify(got, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	defer signal.Stop(got)
	done := asked.Done()
	for count := 1; ; count++ {
		select {
		case <-done:
			done = nil
			select {
			case <-got:
			case <-time.After(sameSignal):
			}
		case <-got:
			done = nil
		case <-stops:
		case <-ctx.Done():
			return
		}
		if count > 1 {
			s.kill(errKilled)
			return
		}
		if verb.IsTerminal(s.Stderr) {
			fmt.Fprintf(s.Stderr, "\r\n%s: stopping; once more kills\r\n", verb.Program)
		}
		s.work.Go(func() { s.stop(ctx) })
	}
}

// stop asks the guest to stop, and kills it where it does not answer.
func (s *session) stop(ctx context.Context) {
	answer, cancel := context.WithTimeout(ctx, stopAnswer)
	defer cancel()
	if err := s.guest.Stop(answer, new(idmpb.StopRequest)); err != nil && ctx.Err() == nil {
		s.kill(fmt.Errorf("%w: %w", errKilled, err))
	}
}
