package verb

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// SignalError is the cause of a context that a signal to this program has ended.
type SignalError struct{ Signal syscall.Signal }

func (e SignalError) Error() string { return "ended by " + signalName(e.Signal) }

// Status is the exit status of a program that the signal ended, as a shell has it.
func (e SignalError) Status() int { return 128 + int(e.Signal) }

// UntilSignal returns a context that the first of signals ends, with a SignalError
// for its cause. Those that follow do nothing until stop is called.
func UntilSignal(parent context.Context, signals ...os.Signal) (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(parent)
	got := make(chan os.Signal, 1)
	signal.Notify(got, signals...)
	go func() {
		select {
		case s := <-got:
			if s, ok := s.(syscall.Signal); ok {
				cancel(SignalError{s})
			}
		case <-ctx.Done():
		}
	}()
	return ctx, func() {
		signal.Stop(got)
		cancel(nil)
	}
}
