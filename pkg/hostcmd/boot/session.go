package boot

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"sync"

	"github.com/kguest/kguest/pkg/hostcmd/verb"
	"github.com/kguest/kguest/pkg/idm/client"
	"github.com/kguest/kguest/pkg/idm/relay"
	"github.com/kguest/kguest/pkg/vm"
)

// session is one machine from its start to its end.
type session struct {
	verb.Streams

	options *options
	config  vm.Config
	out     *spool // what the command writes
	errs    *spool
	log     ring // the last lines of the kernel and of kinit
	kill    context.CancelCauseFunc

	relay *relay.Relay
	guest *client.Client // this program's own connection to the guest
	end   outcome
	work  sync.WaitGroup
}

// errKilled is why a machine was killed by whoever started it.
var errKilled = errors.New("killed")

// runMachine runs the machine until its end, which is the error: nil for a
// command that ended with 0.
func (o *options) runMachine(ctx context.Context, streams verb.Streams, c vm.Config) error {
	s := &session{Streams: streams, options: o, config: c}
	dir, err := o.claimName()
	if err != nil {
		return err
	}
	defer dir.release()
	if size, ok := sizeOf(s.Stdin); ok {
		s.config.Rows, s.config.Columns = size.Rows, size.Columns
	}
	machineCtx, kill := context.WithCancelCause(context.WithoutCancel(ctx))
	defer kill(nil)
	s.kill = kill
	s.out, s.errs = newSpool(s.Stdout, spoolSize), newSpool(s.Stderr, spoolSize)
	machine, err := vm.Start(machineCtx, s.config, s.output())
	if err != nil {
		return explain(o, err)
	}
	err = s.attend(ctx, machineCtx, machine, dir)
	s.out.hurry()
	outErr := lost(s.out.close(), s.errs.close())
	return withLost(s.status(err), outErr)
}

// lost says that output of the command could not be written; nil where all was.
func lost(outErr, errsErr error) error {
	if errsErr != nil {
		errsErr = fmt.Errorf("write the command's errors: %w; what came after is lost", pathless(errsErr))
	}
	if outErr != nil {
		outErr = fmt.Errorf("write the command's output: %w; what came after is lost", pathless(outErr))
	}
	return cmp.Or(outErr, errsErr)
}

// pathless is err without the name that Go gives a standard stream.
func pathless(err error) error {
	if perr, ok := errors.AsType[*fs.PathError](err); ok {
		return perr.Err
	}
	return err
}

// withLost is the program's end err, with lost beside it. A status that the
// machine had stays.
func withLost(err, lost error) error {
	exit, ok := errors.AsType[*verb.ExitError](err)
	switch {
	case lost == nil:
		return err
	case err == nil:
		return lost
	case ok && exit.Err == nil:
		return &verb.ExitError{Status: exit.Status, Err: lost}
	case ok:
		return &verb.ExitError{Status: exit.Status, Err: fmt.Errorf("%w (and: %w)", exit.Err, lost)}
	}
	return err
}

// output is where the machine's lines go.
func (s *session) output() vm.Output {
	var log io.Writer = &s.log
	if s.options.verbose {
		log = io.MultiWriter(&s.log, withoutReturns{s.errs})
	}
	out := vm.Output{Console: s.out, Errors: s.errs, Log: log}
	if s.options.shared() {
		out.Console = io.MultiWriter(s.out, &s.log)
	}
	return out
}

// withoutReturns drops the carriage returns of a terminal's lines.
type withoutReturns struct{ w io.Writer }

func (w withoutReturns) Write(p []byte) (int, error) {
	kept := make([]byte, 0, len(p))
	for _, b := range p {
		if b != '\r' {
			kept = append(kept, b)
		}
	}
	_, err := w.w.Write(kept)
	return len(p), err
}

// attend sees the machine to its end and returns QEMU's error.
func (s *session) attend(ctx, machineCtx context.Context, m *vm.Machine, dir *nameDir) error {
	live, over := context.WithCancel(machineCtx)
	defer over()
	s.relay = relay.New(m.IDM)
	relayed := make(chan struct{})
	s.work.Go(func() {
		defer close(relayed)
		_ = s.relay.Run(machineCtx) // ends with the machine
	})
	near, far := net.Pipe()
	s.work.Go(func() { s.relay.Serve(live, far) })
	s.guest = client.New(live, near, client.Config{})
	s.work.Go(func() { s.watch(live) })
	dir.serve(live, s)
	stops := make(chan struct{})
	s.work.Go(func() { s.signals(ctx, live, stops) })
	restore, err := s.typing(live, m, stops)
	if err != nil {
		s.kill(err)
	}
	defer restore()
	err = m.Wait()
	<-relayed
	over()
	_ = s.guest.Close()
	s.work.Wait()
	return err
}

// typing passes the keys to the guest's terminal, where it has one, and this
// terminal's size.
func (s *session) typing(ctx context.Context, m *vm.Machine, stops chan<- struct{}) (restore func(), err error) {
	if !s.options.tty {
		return func() {}, nil
	}
	local, err := takeTerminal(s.Stdin)
	if err != nil {
		return func() {}, err
	}
	go feed(s.Stdin, m.Console, local != nil, func() {
		select {
		case stops <- struct{}{}:
		case <-ctx.Done():
		}
	})
	if local != nil && s.config.Stdio == vm.StdioTerminal {
		s.work.Go(func() { follow(ctx, s.Stdin, s.guest) })
	}
	return local.restore, nil
}
